"""everloop remove: take a model, or all of them, out of the stack."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble

REFUSED = 1


@click.command()
@click.argument("model", required=False)
@click.option("--all", "every", is_flag=True, help="Every model that is installed.")
@click.option(
    "--with-versions",
    is_flag=True,
    help="Delete the versions in the registry, too; the model's name is not used again.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end; the stack goes on alone.")
@options.reason
@options.stack
def remove(
    model: str | None,
    every: bool,
    with_versions: bool,
    yes: bool,
    no_wait: bool,
    reason: str,
    stack: str,
    as_json: bool,
) -> int:
    """Take away all that events made for a model (or --all): endpoints, alarms, pipeline, schedule.

    What it takes and what it keeps is shown first. Data, decisions and versions stay. A removal
    that was begun goes on by itself; the same command joins it, or says that it is over.
    """
    from everloop.reading.models import names
    from everloop_cli import models, removal

    if bool(model) == every:
        raise Trouble("say which: everloop remove MODEL, or --all")
    options.open_stack(stack)
    chosen = names() if model is None else [models.known(model, removed=True)]
    plans = [removal.plan(each, with_versions=with_versions) for each in chosen]
    over = [plan.over() for plan in plans]
    versions_stay = any(not plan.before or not plan.before.versions for plan in plans)
    if all(over) and not (with_versions and versions_stay):
        line = "; ".join(over) or "no model is installed: nothing to do"
        if as_json:
            show.emit_json({"models": [], "removed": True, "already": line})
        else:
            show.out.print(line)
        return 0
    if not as_json:
        for plan in plans:
            _show(plan.model, plan.goes, plan.keeps)
    if not (yes or _agreed(chosen, as_json)):
        return REFUSED
    reason = reason or "removed with everloop remove"
    execution = removal.start(model, reason=reason, with_versions=with_versions)
    shown = {"models": [plan.document() for plan in plans], "execution": execution}
    if no_wait:
        _end(shown, None, as_json)
        return 0
    trouble = removal.follow(execution, lambda line: show.progress(line, as_json=as_json))
    _end(shown, trouble, as_json)
    return REFUSED if trouble else 0


def _show(model: str, goes: list[str], keeps: list[str]) -> None:
    show.out.print(show.mark(model, "bold"))
    for title, rows in (("goes", goes or ["nothing is left of it"]), ("stays", keeps)):
        for number, row in enumerate(rows):
            show.out.print(f"  {title if not number else '':<6}{row}")


def _agreed(models: list[str], as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        raise Trouble("nobody is there to ask: say --yes")
    return click.confirm(f"Remove {', '.join(models)}?", default=False)


def _end(shown: Mapping[str, Any], trouble: str | None, as_json: bool) -> None:
    if as_json:
        ended = {"removed": trouble == "", **({"trouble": trouble} if trouble else {})}
        show.emit_json({**shown, **ended})
    elif trouble is None:
        show.out.print("The removal goes on by itself; everloop remove MODEL looks at it again.")
    elif trouble:
        show.out.print(f"not all is gone: {trouble}")
    else:
        show.out.print("removed; what stays is listed above")
