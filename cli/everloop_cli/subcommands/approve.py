"""everloop approve, reject, unpin: a person's word on a version."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from everloop_cli import options, show

if TYPE_CHECKING:
    from everloop_cli.review import Plan


def _version(command: Callable[..., Any]) -> Callable[..., Any]:
    named = click.option(
        "--version", type=int, metavar="N", help="Which (default: the newest that waits)."
    )
    return click.argument("model")(named(options.reason(options.stack(command))))


@click.command()
@click.option("--pin", is_flag=True, help="Let it serve, whatever is approved above it, to unpin.")
@click.option("--instead", is_flag=True, help="Reject the approved versions above it.")
@click.option(
    "--waive", metavar="WHY", help="Let it serve though it broke bars of fairness; why is kept."
)
@click.option("--now", is_flag=True, help="An emergency: wait for no deploy window or freeze.")
@_version
def approve(
    model: str,
    version: int | None,
    reason: str,
    pin: bool,
    instead: bool,
    waive: str | None,
    now: bool,
    stack: str,
    as_json: bool,
) -> None:
    """Approve a version; what will come of it is shown first.

    The approval is what releases it: the highest approved version serves, unless one is pinned.
    """
    from everloop.decisions.approvals import APPROVED
    from everloop_cli import review

    if pin and instead:
        raise click.UsageError("--pin and --instead are two ways to the same: say one of them")
    if waive is not None:
        if reason:
            raise click.UsageError("--waive says why: leave --reason out")
        if not waive.strip():
            raise click.UsageError("--waive: say why; it is kept with your name")
        reason = f"waive: {waive.strip()}"
    if now:
        if not reason.strip():
            raise click.UsageError("--now: say why with --reason; everybody hears it")
        reason = f"emergency: {reason.strip()}"
    set_approval(
        "approve",
        lambda: review.plan_word(model, version, APPROVED, pin=pin, instead=instead, words=reason),
        stack,
        reason,
        as_json,
    )


@click.command()
@_version
def reject(model: str, version: int | None, reason: str, stack: str, as_json: bool) -> None:
    """Reject a version; if it serves, the previous approved one comes back."""
    from everloop.decisions.approvals import REJECTED
    from everloop_cli import review

    set_approval(
        "reject",
        lambda: review.plan_word(model, version, REJECTED),
        stack,
        reason,
        as_json,
    )


@click.command()
@click.argument("model")
@options.stack
def unpin(model: str, stack: str, as_json: bool) -> None:
    """Let the highest approved version serve again."""
    from everloop_cli import review

    set_approval(
        "unpin",
        lambda: review.plan_unpin(model),
        stack,
        "",
        as_json,
    )


def set_approval(
    word: str, plan_of: "Callable[[], Plan]", stack: str, reason: str, as_json: bool
) -> None:
    """Say what a word on a version will do, and then say it in the registry."""
    from everloop_cli import review

    options.open_stack(stack)
    plan = plan_of()
    if not as_json:
        line = f"{word} version {plan.version} of {plan.model}: {plan.will}"
        show.out.print(line, soft_wrap=True)
    review.carry_out(plan, reason)
    if as_json:
        show.emit_json(plan.as_dict())
    else:
        show.out.print(f"version {plan.version} of {plan.model} is {plan.status.lower()}")
