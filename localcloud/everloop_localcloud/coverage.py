"""What the local cloud answers, per operation, as its services declare it (`everloop services`).

An operation *works* where all its parameters are read by the code that answers it and no gap is
known, is *partial* where parameters are refused or without effect or its service tells a gap, and
is *not there* where calling it is refused by name.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from everloop_localcloud.behind import api as behind
from everloop_localcloud.behind import moto_calls
from everloop_localcloud.cloud import SERVICES, Cloud
from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.api import TOKENS, members_of

WORKS, PARTIAL, MISSING = "works", "partial", "not there"

# What holds for all operations of a service that moto answers.
_BEHIND = {
    "dynamodb": "items, conditions, transactions, indexes and expiry are moto's; no streams, no "
    "capacity limits",
    "iam": "kept and given back; policies are not enforced",
    "ssm": "parameters work; documents and commands are records that run nothing",
    "kms": "keys really encrypt; key policies and grants are not enforced",
    "secretsmanager": "secrets and versions work; rotation calls no function",
}


@dataclass(frozen=True)
class Row:
    """One operation: its status, what is refused, what has no effect, what else is missing."""

    service: str
    operation: str
    status: str
    refused: tuple[str, ...] = ()
    without_effect: tuple[str, ...] = ()
    missing: str = ""


def rows(services: Sequence[str] | None = None) -> list[Row]:
    """Return all operations of these services (all that the cloud has), by service and name."""
    wanted = services or known()
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder), services=[name for name in wanted if name in SERVICES])
        try:
            return [
                row
                for name in wanted
                for row in (_behind(name) if name in behind.SERVICES else _ours(cloud, name))
            ]
        finally:
            cloud.abandon()


def known() -> list[str]:
    return sorted([*SERVICES, *behind.SERVICES])


def _ours(cloud: Cloud, service: str) -> Iterator[Row]:
    api = cloud.apis[service]
    for name in wire.service_model(service).operation_names:
        if name not in api.operations:
            yield Row(service, name, MISSING)
            continue
        refused = tuple(sorted(api.refused(name)))
        idle = tuple(sorted(members_of(service, name) & api.without_effect.keys()))
        gap = api.partial.get(name, "")
        status = PARTIAL if refused or idle or gap else WORKS
        yield Row(service, name, status, refused, idle, gap)


def _behind(service: str) -> Iterator[Row]:
    for name in wire.service_model(service).operation_names:
        if name not in moto_calls.answers(service):
            yield Row(service, name, MISSING)
            continue
        refused = tuple(sorted(moto_calls.unread(service, name)))
        idle = tuple(sorted(members_of(service, name) & TOKENS))
        yield Row(service, name, PARTIAL if refused else WORKS, refused, idle)


def counts(found: Sequence[Row]) -> dict[str, Counter[str]]:
    """Return, per service, how many operations there are of each status."""
    counted: dict[str, Counter[str]] = {}
    for row in found:
        counted.setdefault(row.service, Counter())[row.status] += 1
    return counted


def table(found: Sequence[Row]) -> str:
    """Return the counts as text, and for a single service its operations."""
    counted = counts(found)
    lines = [f"{'service':34}{WORKS:>7}{PARTIAL:>9}{MISSING:>11}"]
    for service, count in counted.items():
        lines.append(f"{service:34}{count[WORKS]:7}{count[PARTIAL]:9}{count[MISSING]:11}")
    if len(counted) == 1:
        lines += ["", *(f"{row.operation:42}{row.status:10}{_told(row)}" for row in found)]
    return "\n".join(lines)


def _told(row: Row) -> str:
    parts = [row.missing] if row.missing else []
    if row.refused:
        parts.append(f"refuses {', '.join(row.refused)}")
    if row.without_effect:
        parts.append(f"without effect: {', '.join(row.without_effect)}")
    return "; ".join(parts)


def markdown(found: Sequence[Row]) -> str:
    """Return the page docs/services.md."""
    counted = counts(found)
    total = sum(counted.values(), Counter())
    lines = [
        "# What the laptop's cloud answers",
        "",
        "Written by `make services` from the code itself; a test holds it current.",
        "",
        "- **works**: the code that answers reads every parameter that AWS's model names, and no "
        "gap is known.",
        "- **partial**: works but for what is named: parameters that are refused by name "
        "(`NotImplemented`), parameters without effect, and gaps that the service tells.",
        "- Everything else of a service is not there: a call is refused by name "
        "(`NotImplemented`, status 501). So is every other service.",
        "",
        "Members below the top level are not told apart here; what a resource cannot be is "
        "refused when it is asked for.",
        "",
        f"| service | by | {WORKS} | {PARTIAL} | {MISSING} |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for service, count in counted.items():
        by = "moto" if service in behind.SERVICES else "ours"
        lines.append(
            f"| [{service}](#{service}) | {by} | {count[WORKS]} | {count[PARTIAL]} | "
            f"{count[MISSING]} |"
        )
    lines.append(f"| all | | {total[WORKS]} | {total[PARTIAL]} | {total[MISSING]} |")
    for service in counted:
        mine = [row for row in found if row.service == service]
        lines += ["", f"## {service}", ""]
        if service in _BEHIND:
            lines += [f"Answered by moto: {_BEHIND[service]}.", ""]
        works = [row.operation for row in mine if row.status == WORKS]
        if works:
            lines += [f"Works: {', '.join(works)}.", ""]
        partial = [row for row in mine if row.status == PARTIAL]
        if partial:
            lines += ["| partial | what is missing |", "| --- | --- |"]
            lines += [f"| {row.operation} | {_told(row)} |" for row in partial]
            lines.append("")
        missing = [row.operation for row in mine if row.status == MISSING]
        if missing:
            lines += [f"<details><summary>Not there: {len(missing)}</summary>", ""]
            lines += [f"{', '.join(missing)}.", "", "</details>"]
    return "\n".join(lines).rstrip() + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="everloop services", description=__doc__)
    parser.add_argument("service", nargs="?", choices=known())
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON instead of a table")
    form.add_argument("--markdown", action="store_true", help="print the page docs/services.md")
    options = parser.parse_args(arguments)
    found = rows([options.service] if options.service else None)
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=2))
    else:
        print(markdown(found) if options.markdown else table(found), end="")
        print(end="" if options.markdown else "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
