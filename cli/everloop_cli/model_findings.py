"""What doctor finds in what was written down of a model: incidents, waits, releases given up, data
that nothing will be trained on. Each comes as (wrong?, what was found, the command that fixes it).
"""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from everloop import names
from everloop.views import attention
from everloop.views.attention import Attention
from everloop.views.timeline import timeline
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
    for found in attention.incidents(model, records.incidents(model)):
        yield _finding(found)
    if live:
        yield from _alarms(site, model)
    pairs = [(version["version"], version["approval"]) for version in versions]
    given_up = attention.given_up(model, pairs, records.releases(model), records.approvals(model))
    if given_up:
        yield _finding(given_up)
    for found in attention.waits(model, records.shortages(model)):
        yield _finding(found)
    causes, waiting = records.spec(model)["retrain"]["on"], records.waiting(model)
    untrained = attention.untrained(model, waiting, causes, timeline(decisions))
    if untrained:
        yield _finding(untrained)


def _finding(found: Attention) -> Found:
    return found.wrong, found.said, found.command


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
