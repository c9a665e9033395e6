"""push, drop, label, status, watch, approve, reject, why: against any deployed stack."""

import argparse
import time
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from everloop.decisions.approvals import APPROVED, REJECTED
from everloop_cli import deliver, labels, review, show, views, why
from everloop_cli.records import Records
from everloop_cli.site import Site


def run(arguments: argparse.Namespace) -> int:
    site = Site(arguments.stack)
    return {
        "push": _push,
        "drop": _drop,
        "label": _label,
        "status": _status,
        "watch": _watch,
        "approve": review_version,
        "reject": review_version,
        "unpin": review_version,
        "why": run_why,
    }[arguments.command](site, arguments)


def _push(site: Site, arguments: argparse.Namespace) -> int:
    done = deliver.push(site, arguments.folder)
    if arguments.json:
        show.emit_json(done)
    else:
        size = show.bytes_text(done["bytes"])
        show.out.print(f"pushed {done['model']} ({size}, bundle {done['digest'][:12]})")
        show.out.print(f"follow it: everloop watch {done['model']}", style=show.QUIET)
    return 0


def _drop(site: Site, arguments: argparse.Namespace) -> int:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=show.err, transient=True) as progress:
        tasks: dict[str, Any] = {}

        def advance(what: str, count: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(f"{what} for {arguments.model}", total=total)
            progress.advance(tasks[what], count)

        done = deliver.drop(
            site,
            arguments.model,
            arguments.paths,
            prefix=arguments.prefix,
            progress=advance,
            anyway=arguments.anyway,
        )
    if arguments.json:
        show.emit_json(done)
        return 0
    for line in deliver.some(done["left_out"]):
        show.out.print(f"left out: {line}", style=show.QUIET, markup=False, highlight=False)
    for line in deliver.some(done["warnings"]):
        show.out.print(f"look at: {line}", markup=False, highlight=False)
    show.out.print(
        f"dropped {done['files']} files, {show.bytes_text(done['bytes'])}, to {done['to']}"
    )
    return 0


def _label(site: Site, arguments: argparse.Namespace) -> int:
    done = labels.upload(site, arguments.model, arguments.paths)
    if arguments.json:
        show.emit_json(done)
    else:
        show.out.print(f"{done['rows']:,} labels in {done['files']} files, to {done['to']}")
        show.out.print(
            "the monitor's next look joins them with their predictions", style=show.QUIET
        )
    return 0


def _status(site: Site, arguments: argparse.Namespace) -> int:
    records = Records(site)
    names = [records.known(arguments.model)] if arguments.model else records.models()
    rows = [_model_status(site, records, name) for name in names]
    if arguments.json:
        show.emit_json(rows)
        return 0
    views.show_status(rows)
    if arguments.model:
        show.out.print()
        versions = views.packages(site, arguments.model)
        show.table(
            "Versions",
            ("version", "approval", "registered"),
            [(v["version"], v["approval"], f"{v['created']:%Y-%m-%d %H:%M}") for v in versions],
        )
        show.out.print()
        views.show_timeline(records.decisions(arguments.model)[-12:])
    return 0


def _model_status(site: Site, records: Records, model: str) -> dict[str, Any]:
    live = views.serving(site, model)
    versions = views.packages(site, model)
    decisions = records.decisions(model)
    last = decisions[-1] if decisions else None
    return {
        "model": model,
        "serves": live["version"] if live else None,
        "endpoint": live["status"] if live else "none",
        "newest": versions[0]["version"] if versions else None,
        "approval": versions[0]["approval"] if versions else None,
        "training": views.pipeline_progress(site, model) or "never",
        "last": f"{last['kind']}: {last['reason']}" if last else "none",
    }


def _watch(site: Site, arguments: argparse.Namespace) -> int:
    records = Records(site)
    names = [records.known(arguments.model)] if arguments.model else records.models()
    seen = {name: 0 for name in names}
    if not arguments.since_start:
        for name in names:
            known = records.decisions(name)
            seen[name] = int(known[-1]["seq"]) if known else 0
    show.err.print(f"watching {', '.join(names) or 'no models'}; Ctrl-C ends it", style=show.QUIET)
    while True:
        for name in names:
            for decision in records.decisions(name, after=seen[name]):
                seen[name] = int(decision["seq"])
                if arguments.json:
                    show.emit_json(decision)
                else:
                    style = show.GOOD if decision["go"] else show.WAIT
                    when = str(decision["time"])[:19].replace("T", " ")
                    show.out.print(f"{when}  {name}  ", end="")
                    show.out.print(f"{decision['kind']:<10}", style=style, end="")
                    show.out.print(f" {decision['reason']}", markup=False)
        time.sleep(1)


def review_version(site: Site, arguments: argparse.Namespace) -> int:
    """Say what a word on a version will do, and then say it in the registry."""
    records = Records(site)
    if arguments.command == "unpin":
        plan = review.plan_unpin(site, records, arguments.model)
    else:
        plan = review.plan_word(
            site,
            records,
            arguments.model,
            arguments.version,
            APPROVED if arguments.command == "approve" else REJECTED,
            pin=getattr(arguments, "pin", False),
            instead=getattr(arguments, "instead", False),
        )
    if not arguments.json:
        show.out.print(
            f"{arguments.command} version {plan.version} of {plan.model}: {plan.will}",
            markup=False,
            soft_wrap=True,
        )
    review.carry_out(site, plan, arguments.reason)
    if arguments.json:
        show.emit_json(plan.told())
    else:
        show.out.print(f"version {plan.version} of {plan.model} is {plan.status.lower()}")
    return 0


def run_why(site: Site, arguments: argparse.Namespace) -> int:
    """Tell why a version serves or does not; 1 where the chain does not hold."""
    records = Records(site)
    told = why.why(site, records, records.known(arguments.model), arguments.version)
    if arguments.json:
        show.emit_json(told)
    else:
        why.show_why(told)
    return 1 if told["chain"]["problems"] else 0
