"""What a card says of a version's making and its life: data, training, monitoring, approvals."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from everloop.bom import Materials
from everloop.reading.evidence import Evidence
from everloop.views.version import Version
from everloop_cli.pages import escaped, facts, soft, table, text, when

Json = Mapping[str, Any]
_OBJECTS, _LOOKS, _VERSIONS, _PARAMETERS, _LICENCES = 20, 10, 20, 30, 6


def data(found: Evidence, manifest: Json, links: Collection[str]) -> Iterator[str]:
    """Yield what the version was trained on, by digest, and what of it was withdrawn since."""
    yield "<h2>Data</h2>"
    made, objects = _version(found).made_of, list(manifest.get("objects") or ())
    size = sum(each.get("size") or 0 for each in objects)
    rows = [
        ("Digest", _code(made.get("dataset-digest") or "not named by its package")),
        ("Manifest", _code(made.get("dataset-uri", ""))),
        ("Objects", text(f"{len(objects)} ({size:,} bytes)" if manifest else _lost(found))),
        ("Frozen at", text(manifest.get("frozen_at", ""))),
        ("Left out", text(_left_out(manifest))),
        ("Holdout", _code(made.get("holdout-uri", ""))),
        ("Report", _report(made.get("data-report-uri", ""), links)),
    ]
    yield facts([row for row in rows if row[1] not in ("", "<code></code>")])
    gone = [
        each
        for each in found.story.trained_on_withdrawn.versions
        if each.version == _version(found).version
    ]
    if gone:
        words = f"{gone[0].objects} of these objects were withdrawn since, e.g. {gone[0].keys[0]}."
        yield f'<p class="bad">{text(words)}</p>'
    if objects:
        shown = [(each.get("key"), f"{each.get('size', 0):,}") for each in objects[:_OBJECTS]]
        yield table(("object", "bytes"), escaped(shown), numbers=1)
    if len(objects) > _OBJECTS:
        yield soft(f"And {len(objects) - _OBJECTS} more: the manifest has all.")


def training(found: Evidence, spec: Json) -> Iterator[str]:
    """Yield how the version was trained, and by what code."""
    version, train = _version(found), spec.get("train") or {}
    made = version.made_of
    by = train.get("algorithm") or train.get("framework") or train.get("image") or ""
    rows = [
        ("Problem", text(spec.get("problem", ""))),
        ("By", text(f"{by} {train.get('version') or ''}".strip())),
        ("Code", _code(made.get("bundle-digest", ""))),
        ("Commit", _code(made.get("commit", ""))),
        ("Run", _code(made.get("run", ""))),
        ("Cause", text(made.get("cause", ""))),
        ("Ran on", text(", ".join(f"{k}: {v}" for k, v in version.instances.items()))),
    ]
    yield "<h2>Training</h2>"
    yield facts([row for row in rows if row[1] not in ("", "<code></code>")])
    parameters = sorted((train.get("hyperparameters") or {}).items())
    if parameters:
        yield "<h3>Hyperparameters</h3>"
        yield table((), escaped(parameters[:_PARAMETERS]))
    for each in version.reproduced:
        yield soft(f"Trained again at {each.time}: {each.outcome}. {each.reason}")


def monitoring(found: Evidence, spec: Json) -> Iterator[str]:
    """Yield what is watched in production, and what was seen of this version."""
    yield "<h2>Monitoring</h2>"
    section = spec.get("monitor") or {}
    if section:
        watched = ", ".join(section.get("watch") or ()) or "nothing"
        yield soft(f"Watched: {watched}; {section.get('schedule')}.")
    seen = [each for each in _version(found).decisions if each.kind in ("monitor", "violation")]
    rows = [(when(each.time), each.outcome, each.reason) for each in reversed(seen)]
    yield table(("when", "", "what was seen"), escaped(rows[:_LOOKS]), long=True)
    if len(rows) > _LOOKS:
        yield soft(f"And {len(rows) - _LOOKS} looks before.")


def approvals(found: Evidence) -> Iterator[str]:
    """Yield who decided, when and why, the tests before production, and the service since."""
    version = _version(found)
    spoken = [each for each in version.decisions if each.kind in ("judge", "approve", "pin")]
    yield "<h2>Approvals</h2>"
    rows = [(when(each.time), each.kind, each.actor, each.reason) for each in spoken]
    yield table(("when", "what", "who", "why"), escaped(rows), long=True)
    yield "<h3>Tests before production</h3>"
    tests = [
        (when(t.time), t.test, "passed" if t.passed else "failed", t.reason) for t in version.tests
    ]
    yield table(("when", "test", "", "what was seen"), escaped(tests), long=True)
    yield "<h3>Service</h3>"
    service = [
        (when(each.time), each.outcome, each.why or (f"by version {each.by}" if each.by else ""))
        for each in version.service
    ]
    yield table(("when", "", "why"), escaped(service), long=True)


def lineage(found: Evidence) -> Iterator[str]:
    """Yield what the version is, by names and digests."""
    version, chain = _version(found), found.story.chain
    held = f"{chain.decisions} decisions, an unbroken chain"
    if chain.problems:
        held = f"it does not hold: {'; '.join(chain.problems)}"
    rows = [
        ("Package", _code(version.package)),
        ("Model", _code(version.model_digest or "never sealed")),
        ("Image", _code(_image(found.materials))),
        ("Packages", text(_packages(found.materials))),
        ("Container", _code(version.container_digest)),
        ("Evaluation", _code(version.made_of.get("evaluation-uri", ""))),
        ("Ledger", text(held)),
    ]
    yield "<h2>Lineage</h2>"
    yield facts([row for row in rows if row[1] != "<code></code>"])


def versions(found: Evidence) -> Iterator[str]:
    """Yield the other versions of the model, the newest first."""
    yield "<h2>Versions</h2>"
    rows = [
        (
            f"{each.version}{' (this one)' if each.version == _version(found).version else ''}",
            f"{each.registered_at:%Y-%m-%d %H:%M}",
            each.approval,
            "in production" if each.serves else "",
        )
        for each in found.versions
    ]
    yield table(("version", "registered", "approval", ""), escaped(rows[:_VERSIONS]))
    if len(rows) > _VERSIONS:
        yield soft(f"And {len(rows) - _VERSIONS} before.")


def _image(made: Materials | None) -> str:
    if made is None or not made.image:
        return ""
    return f"{made.image} ({made.image_digest or 'by its tag only'})"


def _packages(made: Materials | None) -> str:
    """Say how many packages are known, and what their licences are, the usual ones first."""
    there = (made.packages.get("packages") if made else None) or ()
    if made is None or not there:
        return "not known"
    licences = Counter(str(each.get("licence") or "no licence given") for each in there)
    usual = ", ".join(f"{count} {name}" for name, count in licences.most_common(_LICENCES))
    more = f", and {len(licences) - _LICENCES} other licences" if len(licences) > _LICENCES else ""
    return f"{len(there)}, on Python {made.packages.get('python')}: {usual}{more}"


def _version(found: Evidence) -> Version:
    assert found.story.version is not None
    return found.story.version


def _lost(found: Evidence) -> str:
    return f"the manifest could not be read: {found.missing.get('data/manifest.json', 'not named')}"


def _left_out(manifest: Json) -> str:
    left = manifest.get("left_out") or {}
    return ", ".join(f"{count} {why}" for why, count in left.items() if count)


def _report(uri: str, links: Collection[str]) -> str:
    path = "data/report.html"
    return f'<a href="{path}">what the data was like</a>' if path in links else _code(uri)


def _code(value: Any) -> str:
    return f"<code>{text(value)}</code>"
