"""What doctor finds in what was written down of a model: incidents, waits, releases given up, data
that nothing will be trained on. Each comes as (wrong?, what was found, the command that mends it).
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from everloop import names
from everloop.decisions.releases import gives_up
from everloop.moments import text
from everloop.notices import UNANSWERED
from everloop.records.approval import Approval
from everloop.records.incident import Incident
from everloop.records.release import RELEASED, Release
from everloop_cli.records import Records
from everloop_cli.site import Site

Found = tuple[bool, str, str]


def of_model(
    site: Site,
    records: Records,
    model: str,
    versions: list[dict[str, Any]],
    live: dict[str, Any] | None,
    decisions: list[dict[str, Any]],
) -> Iterator[Found]:
    yield from _incidents(model, records.incidents(model), live)
    if live:
        yield from _alarms(site, model)
    yield from _given_up(model, versions, records.releases(model), records.approvals(model))
    yield from _waits(model, records)
    yield from _untrained(records, model, decisions)


def _incidents(
    model: str, standing: list[Incident], live: dict[str, Any] | None
) -> Iterator[Found]:
    """Tell what people were told of, and is not over."""
    unanswered = any(incident.subject == UNANSWERED for incident in standing)
    for incident in standing:
        if incident.subject == UNANSWERED:
            continue  # told by the violation itself
        violation = incident.subject.startswith("violation/")
        of = f"version {incident.version}: " if incident.version is not None else ""
        about = f" ({incident.subject.rpartition('/')[2]})" if violation else ""
        why = " ".join(incident.why.split())
        said = f"{of}{incident.happened}{about}, since {incident.since:%Y-%m-%d %H:%M}: {why}"
        yield not violation or unanswered, said, _command(incident) or f"everloop status {model}"


def _command(incident: Incident) -> str:
    """Return the first command of what people were told to do."""
    commands = [line.strip() for line in incident.to_do if line.startswith("  ")]
    return commands[0] if commands else ""


def _alarms(site: Site, model: str) -> Iterator[Found]:
    """Tell of an endpoint that nothing watches; what rings is an incident."""
    wanted = names.serving_alarm(site.stack, model, names.ERRORS)
    found = site.client("cloudwatch").describe_alarms(AlarmNames=[wanted])["MetricAlarms"]
    if not found:
        said = f"nothing rings when its endpoint answers errors: there is no alarm {wanted}"
        yield False, f"{said}; the next tick of reconcile makes it", ""
    elif not found[0]["ActionsEnabled"]:
        said = f"{wanted} tells nobody: its actions are disabled"
        yield True, said, f"aws cloudwatch enable-alarm-actions --alarm-names {wanted}"


def _given_up(
    model: str,
    versions: list[dict[str, Any]],
    releases: list[Release],
    approvals: dict[int, Approval],
) -> Iterator[Found]:
    """Tell of a version that is approved, and whose release is not tried again."""
    for version in versions:
        last = next((r for r in releases if r.version == version["version"]), None)
        approved = version["approval"] == "Approved"
        if not approved or last is None or last.outcome == RELEASED or not gives_up(last, releases):
            continue
        word = approvals.get(last.version)
        if word is not None and word.at > last.approved_at:
            continue  # it was approved again since
        said = f"version {last.version} is approved, and its release was given up: {last.reason}"
        again = f"everloop approve {model} --version {last.version} --reason 'its cause is mended'"
        yield True, said, again
        return  # an older one that failed, too, is not what anybody waits for


def _waits(model: str, records: Records) -> Iterator[Found]:
    """Tell what waits for a quota or for capacity of AWS's."""
    for shortage in records.shortages(model):
        trouble = shortage.trouble
        what = trouble.quota or trouble.code or "capacity"
        numbers = ""
        if trouble.there is not None and trouble.wanted is not None:
            numbers = f" ({trouble.there} allowed, {trouble.wanted} wanted)"
        until = text(shortage.until) if shortage.until else ""
        how = f"tried again at {until}" if until else "held until you resume or push"
        activity, _, version = shortage.activity.partition("#")
        activity += f" of version {version}" if version else ""
        since = text(shortage.since)
        said = f"its {activity} waits for AWS since {since}: {what}{numbers}; {how}"
        yield not until, said, "" if until else f"everloop resume {model}"


def _untrained(records: Records, model: str, decisions: list[dict[str, Any]]) -> Iterator[Found]:
    """Tell why nothing will be trained on what has arrived."""
    waiting = records.waiting(model)
    if not waiting:
        return
    causes = records.spec(model)["retrain"]["on"]
    trained = any(d["kind"] == "train-end" and d["go"] for d in decisions)
    if "data" not in causes and trained:
        said = f"{waiting} objects wait: [retrain] on = {causes} lets data alone train nothing"
        yield False, said, f"everloop push models/{model}"
        return
    asked = [d for d in decisions if d["kind"] == "train"]
    if asked and not asked[-1]["go"]:
        said = f"{waiting} objects wait, and nothing is trained on them: {asked[-1]['reason']}"
        yield False, said, f"everloop status {model}"


def strays(site: Site, installed: list[str]) -> Iterator[Found]:
    """Tell of data and labels that are there for a model that is not."""
    for kind in ("data", "labels"):
        for name in _prefixes(site, f"{kind}/"):
            if name in installed or not name:
                continue
            near = [each for each in installed if each.lower() == name.lower()]
            hint = f" (did you mean {near[0]}?)" if near else ""
            said = f"{kind}/{name}/ holds objects, and no model {name} is installed{hint}"
            yield False, said, f"everloop push models/{name}"


def _prefixes(site: Site, begin: str) -> Iterator[str]:
    pages = site.s3.get_paginator("list_objects_v2")
    try:
        for page in pages.paginate(Bucket=site.output("DataBucket"), Prefix=begin, Delimiter="/"):
            for found in page.get("CommonPrefixes", []):
                yield found["Prefix"].removeprefix(begin).rstrip("/")
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucket":
            raise
