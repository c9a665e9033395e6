"""Why a version serves, or does not: what it was made of, who decided, and what it replaced."""

from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.registry import PIN
from everloop.decisions.approvals import POLICY
from everloop.records.seal import Seal
from everloop.views.timeline import version_of
from everloop_cli import show, views, withdrawn
from everloop_cli.records import Records
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble


def why(site: Site, records: Records, model: str, version: int | None = None) -> dict[str, Any]:
    """Return the decisions about a version, else about what serves, with the chain's verification.

    Raises Trouble for a version that neither the registry nor the ledger knows.
    """
    decisions, chain = records.verified(model)
    live = views.serving(site, model)
    serves = live["version"] if live else None
    wanted = serves if version is None else version
    subject = [each for each in decisions if wanted is not None and version_of(each) == wanted]
    made = made_of(site, records, model, wanted) if wanted is not None else None
    if version is not None and not made and not subject:
        known = sorted({v["version"] for v in views.packages(site, model)})
        raise Trouble(f"{model!r} has no version {version}; it has {known}")
    return {
        "model": model,
        "version": wanted,
        "serving": live,
        "made_of": made,
        "decided_by": decided_by(subject),
        "tests": _tests(subject),
        "releases": _releases(decisions, wanted),
        "decisions": subject,
        "trained_on_withdrawn": withdrawn.trained_on(
            site, records, model, views.packages(site, model)
        ),
        "chain": {**chain, "all": decisions},
    }


def made_of(site: Site, records: Records, model: str, version: int) -> dict[str, Any]:
    """Return what a version was made of, by the registry; by its seal where its package is gone."""
    arn = next((p["arn"] for p in views.packages(site, model) if p["version"] == version), None)
    package: Any = None
    if arn is not None:
        try:
            package = site.sagemaker.describe_model_package(ModelPackageName=arn)
        except ClientError:  # deleted a moment ago
            package = None
    seal = records.seal(model, version)
    word = records.approvals(model).get(version)
    if package is None and not seal:
        return {}
    told = dict(seal.metadata) if seal else {}
    told |= dict((package or {}).get("CustomerMetadataProperties") or {})
    return {
        "package": arn or (seal.package_arn if seal else None),
        "registered": package is not None,
        "approval": package["ModelApprovalStatus"] if package is not None else "deleted",
        "approved_by": word.by if word else None,
        "approved_at": word.at if word else None,
        "approval_description": word.reason if word else None,
        "pinned": told.pop(PIN, None),
        **_digests(seal),
        **told,
    }


def _digests(seal: Seal | None) -> dict[str, str]:
    if seal is None:
        return {}
    return {"model_digest": seal.model_digest, "container_digest": seal.container_digest}


def decided_by(decisions: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the last word on a version: who spoke, when, what, and in which words."""
    said = [each for each in decisions if each["kind"] == "approve"]
    if said:
        last = said[-1]
        facts = last.get("facts") or {}
        return {
            "by": last["actor"],
            "at": facts.get("at") or last["time"],
            "status": facts.get("approval"),
            "words": last["reason"],
        }
    judged = [each for each in decisions if each["kind"] == "judge"]
    if not judged:
        return None
    verdict = (judged[-1].get("facts") or {}).get("verdict")
    by = "nobody yet: a person is asked" if verdict == "ask" else POLICY
    return {
        "by": by,
        "at": judged[-1]["time"],
        "status": verdict,
        "words": judged[-1]["reason"],
    }


def _tests(decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each test that was run on a version's endpoint, with its outcome."""
    return [
        {"time": each["time"], **test}
        for each in decisions
        if each["kind"] == "test"
        for test in (each.get("facts") or {}).get("tests", ())
    ]


def _releases(decisions: list[dict[str, Any]], version: int | None) -> list[dict[str, Any]]:
    """Return when a version came into service and in place of which, and what replaced it."""
    found = []
    for each in decisions:
        facts = each.get("facts") or {}
        if each["kind"] not in ("serve", "rollback"):
            continue
        if facts.get("version") == version:
            found.append(
                {
                    "time": each["time"],
                    "outcome": facts.get("outcome"),
                    "replaced": facts.get("from_version"),
                    "why": each["reason"],
                }
            )
        elif each["kind"] == "serve" and facts.get("from_version") == version is not None:
            found.append({"time": each["time"], "outcome": "replaced", "by": facts.get("version")})
    return found


def show_why(told: dict[str, Any]) -> None:
    """Print what `why` returns."""
    live, version = told["serving"], told["version"]
    if version is None:
        show.out.print(f"Nothing serves {told['model']} yet.")
        withdrawn.show_trained_on(told["trained_on_withdrawn"], None)
        _show_chain(told["chain"])
        return
    if live is not None and live["version"] == version:
        show.out.print(
            f"[bold]{told['model']}[/bold] serves version [bold]{version}[/bold]: "
            f"endpoint {live['endpoint']} is {live['status']} with {live['config']}",
            markup=True,
        )
    else:
        now = f"version {live['version']} does" if live else "nothing does"
        show.out.print(f"{told['model']} v{version} does not serve; {now}", markup=False)
    _show_made(told)
    show.out.print()
    views.show_timeline(told["decisions"])
    withdrawn.show_trained_on(told["trained_on_withdrawn"], live["version"] if live else None)
    _show_chain(told["chain"])


def _show_made(told: dict[str, Any]) -> None:
    made, decided = told["made_of"] or {}, told["decided_by"]
    lines = [
        ("trained on", made.get("dataset-uri")),
        ("code", made.get("bundle-uri")),
        ("because of", made.get("cause")),
        ("evaluation", made.get("evaluation-uri")),
        ("pinned", made.get("pinned")),
    ]
    if made and not made["registered"]:
        lines.append(("registry", "its package was deleted; this is what the ledger kept"))
    if decided:
        status = decided["status"] or "decided"
        lines.append(("decided by", f"{decided['by']} ({status}, {decided['at']})"))
        lines.append(("in words", decided["words"]))
    for test in told["tests"]:
        passed = "passed" if test["passed"] else "failed"
        lines.append((f"test {test['test']}", f"{passed}: {test['reason']}"))
    for release in told["releases"]:
        at = str(release["time"])[:19].replace("T", " ")
        if "by" in release:
            lines.append(("replaced", f"by version {release['by']}, {at}"))
        elif release["outcome"] == "released":
            before = release["replaced"]
            what = f"version {before}" if before else "nothing: it was the first"
            lines.append(("replaced", f"{what}, {at}"))
        else:
            lines.append((str(release["outcome"]), f"{at}: {release['why']}"))
    for name, text in lines:
        if text:
            show.out.print(f"  {name:<12} {text}", markup=False, soft_wrap=True)


def _show_chain(chain: dict[str, Any]) -> None:
    problems = chain["problems"]
    if problems:
        show.out.print("THE LEDGER'S CHAIN IS BROKEN:", style=show.BAD)
        for problem in problems:
            show.out.print(f"  {problem}", style=show.BAD, markup=False)
        return
    anchors = len(chain["anchors"])
    said = f"The ledger's chain of {chain['decisions']} decisions is whole"
    more = f", and {anchors} anchors agree." if anchors else ". No anchor of it was found."
    show.out.print(said + more, style=show.GOOD)
