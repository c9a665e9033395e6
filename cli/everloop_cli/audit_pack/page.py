"""The first page of a pack: what it is about, what lies in it, and how it is verified."""

from collections.abc import Mapping

from everloop.views.story import Story
from everloop_cli.audit_pack.regulations import ITEMS
from everloop_cli.pages import escaped, page, soft, table, text

_ABOUT = {
    "ledger/decisions.jsonl": "every decision about the model, in the order of the chain",
    "ledger/head.json": "the head of the chain, as the ledger has it",
    "ledger/anchors.json": "heads that were copied to the anchor bucket, where nobody deletes them",
    "version/story.json": "what the version was made of, who decided, tests, service",
    "version/seal.json": "the digests of model, code and container when it was first seen",
    "version/package.json": "the version in the Model Registry",
    "version/model-card.json": "its model card, in AWS's schema",
    "card.html": "its model card, to look at",
    "evaluation/evaluation.json": "metrics with intervals, slices, fairness, explanations",
    "evaluation/report.html": "the same, to look at",
    "comparison/comparison.json": "against the version that served then, on the same rows",
    "comparison/report.html": "the same, to look at",
    "data/manifest.json": "each object that it was trained on, with its version and digest",
    "data/withdrawn.json": "which of them were withdrawn since, and when: no sign of tampering",
    "data/report.html": "what the data was like",
    "code/bundle.tar.gz": "the code",
    "code/spec.json": "model.toml with every default",
    "supply-chain/bom.json": "the bill of materials, in CycloneDX 1.6",
    "supply-chain/packages.json": "packages of the container that evaluated it, with licences",
    "verify.py": "verifies this pack; needs nothing but Python",
}


def index(
    story: Story, made_at: str, digests: Mapping[str, str], missing: Mapping[str, str]
) -> str:
    """Return the page. `digests` are the sha256 of all other files, by path."""
    version = story.version
    assert version is not None
    word = version.decided_by
    facts = [
        ("Version", f"{version.version} of {story.model}"),
        ("Package", version.package),
        (
            "Approval",
            f"{version.approval}, by {word.by} at {word.at}: {word.words}"
            if word
            else version.approval,
        ),
        (
            "The other yes",
            f"{first.by} at {first.at}: {first.words}" if (first := version.endorsed_by) else "",
        ),
        ("Waived", f"{word.waives}, by {word.by} at {word.at}" if word and word.waives else ""),
        ("Does not count", word.barred if word else ""),
        (
            "Emergency",
            f"{word.emergency}: released outside of the deploy windows or in a freeze, if it "
            f"fell there, by {word.by} at {word.at}"
            if word and word.emergency
            else "",
        ),
        ("Data", version.made_of.get("dataset-digest", "")),
        (
            "Code",
            " ".join(
                filter(None, (version.made_of.get("bundle-digest"), version.made_of.get("commit")))
            ),
        ),
        ("Model", version.model_digest),
        ("Pack made", made_at),
    ]
    tests = [
        (each.time, each.test, "passed" if each.passed else "failed", each.reason)
        for each in version.tests
    ]
    service = [
        (each.time, each.outcome, each.why or (f"by version {each.by}" if each.by else ""))
        for each in version.service
    ]
    decisions = [(each.time, each.kind, each.actor, each.reason) for each in version.decisions]
    name = f"{text(story.model)}, version {version.version}"
    parts = [
        f"<h1>{name}</h1>",
        soft("Audit pack"),
        table((), [(text(key), f"<code>{text(value)}</code>") for key, value in facts if value]),
        "<h2>Verify it</h2>",
        _verdict(story),
        "<p>Unpack it, and run <code>python verify.py</code> in its folder, on any machine, "
        "without a network. It names each file that was changed, and each decision. With "
        "Everloop: <code>everloop audit --verify PACK</code>.</p>",
        "<h2>Decisions about this version</h2>",
        table(("when", "what", "who", "why"), escaped(decisions), long=True),
        "<h2>Tests before production</h2>",
        table(("when", "test", "", "what was seen"), escaped(tests), long=True),
        "<h2>Service</h2>",
        table(("when", "", "why"), escaped(service), long=True),
        "<h2>Files</h2>",
        _files(digests),
    ]
    if missing:
        gone = table(("file", "why"), escaped(sorted(missing.items())))
        parts += ["<h2>Not in this pack</h2>", gone]
    law = "In short words of ours; the texts themselves hold. This is no legal advice."
    parts += ["<h2>What regulations ask</h2>", soft(law), _regulations(digests)]
    return page(f"{story.model}, version {version.version}: audit pack", *parts)


def _verdict(story: Story) -> str:
    chain = story.chain
    if chain.problems:
        found = text("; ".join(chain.problems))
        return f'<p class="bad">The ledger did not hold when this pack was made: {found}</p>'
    return (
        f'<p class="good">{chain.decisions} decisions, an unbroken chain, '
        f"{len(chain.anchors)} anchors.</p>"
    )


def _files(digests: Mapping[str, str]) -> str:
    rows = [
        (
            f'<a href="{text(path)}">{text(path)}</a>',
            text(_about(path)),
            f'<code class="whole">{digest[:16]}…</code>',
        )
        for path, digest in sorted(digests.items())
    ]
    return table(("file", "what it is", "sha256"), rows)


def _regulations(there: Mapping[str, str]) -> str:
    parts = []
    for law in dict.fromkeys(item.law for item in ITEMS):
        rows = []
        for item in ITEMS:
            if item.law != law:
                continue
            where = ", ".join(
                f'<a href="{path}">{path}</a>'
                if path in there
                else f'<span class="bad">{path} is not there</span>'
                for path in item.paths
            )
            rows.append((item.number, text(item.asks), where or "a person writes it"))
        parts.append(f"<h3>{text(law)}</h3>{table(('item', 'what it asks', 'where'), rows)}")
    return "".join(parts)


def _about(path: str) -> str:
    return (
        "what the endpoint showed before production"
        if path.startswith("tests/")
        else _ABOUT.get(path, "")
    )
