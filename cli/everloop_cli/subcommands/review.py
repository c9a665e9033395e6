"""everloop review: the numbers of a version that waits, its report, and a person's word."""

import sys
from typing import TYPE_CHECKING, Any

import click

from everloop_cli import options, show
from everloop_cli.subcommands.approve import set_approval
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from everloop_cli.reviewing import Review


@click.command()
@click.argument("model")
@click.option("--version", type=int, metavar="N", help="Which (default: the newest that waits).")
@click.option("--approve", "word", flag_value="approve", help="Approve it, and ask nothing.")
@click.option("--reject", "word", flag_value="reject", help="Reject it, and ask nothing.")
@click.option("--waive", metavar="WHY", help="Approve it though it broke bars of fairness.")
@options.reason
@options.stack
def review(
    model: str,
    version: int | None,
    word: str | None,
    waive: str | None,
    reason: str,
    stack: str,
    as_json: bool,
) -> None:
    """Show a version that waits: numbers, judge and report; then approve or reject it.

    On a terminal it asks, elsewhere --approve or --reject says it, with --reason.
    """
    from everloop_cli import models, reviewing

    if waive is not None:
        word, reason = word or "approve", f"waive: {waive.strip()}"
        if word != "approve" or not waive.strip():
            raise click.UsageError("--waive WHY goes with an approval, and says why")
    options.open_stack(stack)
    found = reviewing.review(models.known(model), version, stack)
    if as_json and word is None:
        show.emit_json(found.as_dict())
        return
    if not as_json:
        _print(found)
    if word is None:
        word, reason = _asked(found, reason)
    if word is None:
        show.out.print(f"nothing was said; version {found.version} goes on waiting")
        return
    _say(word, found, stack, reason, as_json)


def _say(word: str, found: "Review", stack: str, reason: str, as_json: bool) -> None:
    from everloop.decisions.approvals import APPROVED, REJECTED
    from everloop_cli import review as words

    status = APPROVED if word == "approve" else REJECTED
    more: dict[str, Any] = {"words": reason} if status == APPROVED else {}
    set_approval(
        word,
        lambda: words.plan_word(found.model, found.version, status, **more),
        stack,
        reason,
        as_json,
    )


def _asked(found: "Review", reason: str) -> tuple[str | None, str]:
    if not sys.stdin.isatty():
        raise Trouble(
            "this is no terminal, so nobody can be asked: everloop review "
            f"{found.model} --version {found.version} --approve --reason WHY, or --reject"
        )
    answer = click.prompt(
        "Approve, reject, or leave it waiting",
        type=click.Choice(["approve", "reject", "leave"]),
        default="leave",
    )
    if answer == "leave":
        return None, ""
    return answer, reason or click.prompt("Why (the ledger keeps it)")


def _print(found: "Review") -> None:
    from everloop_cli import render_versions

    against = f" against version {found.against}" if found.against is not None else ""
    head = f"{found.model} version {found.version}{against}: {found.approval}"
    show.out.print(head, style="bold", soft_wrap=True)
    if found.comparison is not None:
        render_versions.compare(found.comparison)
    else:
        rows = [(name, render_versions.measured(value)) for name, value in found.metrics.items()]
        show.table("On its own holdout; nothing serves beside it", ("metric", "value"), rows)
    for word, text in (
        ("judge", found.judge),
        ("approve", found.will),
        ("report", found.report or "it has none"),
    ):
        if text:
            show.out.print(f"{word:<8}{text}", soft_wrap=True)
