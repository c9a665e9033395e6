"""everloop forget: a person's rows leave everything that the model has."""

import sys
from typing import Any

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble


@click.command()
@click.argument("model")
@click.option("--key", required=True, metavar="K", help="Whose rows; - reads it from stdin.")
@click.option("--column", metavar="NAME", help="The column that holds it (default: [data] key).")
@click.option("--retrain", is_flag=True, help="Train a replacement at once.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.reason
@options.stack
def forget(
    model: str,
    key: str,
    column: str | None,
    retrain: bool,
    yes: bool,
    reason: str,
    stack: str,
    as_json: bool,
) -> None:
    """Take a person's rows out of drops, labels, captures, predictions, tables and reports.

    All versions of objects that hold them go for good, with your own rights. The ledger keeps that
    it happened, and a digest of whom. Models that learned from the rows are named: only another
    version forgets.
    """
    from everloop_cli import forgetting, models

    options.open_stack(stack)
    model = models.known(model)
    if not yes and (as_json or not sys.stdin.isatty()):
        raise Trouble("the rows go for good, and nobody is there to ask: say --yes")
    key = sys.stdin.readline().strip() if key == "-" else key
    if not yes and not click.confirm(f"Delete all rows of this person from {model}, for good?"):
        raise Trouble("nothing was changed")
    done = forgetting.forget(
        model, key, column, reason or "a person asked to be forgotten", retrain=retrain
    )
    if as_json:
        show.emit_json(_document(model, done))
        return
    show.out.print(
        f"forgotten: {done.rows} rows in {done.objects} of {done.looked_at} objects of {model}"
    )
    show.out.print(f"the ledger calls the person {done.subject}", style=show.QUIET)
    for where, why in done.unread.items():
        show.out.print(f"not looked into: {where}: {why}", soft_wrap=True)
    for line in done.features:
        show.out.print(line, soft_wrap=True)
    for each in done.learned:
        show.out.print(f"version {each.version} has learned from it: {each.objects} objects")
    if done.learned and not done.training:
        show.out.print(f'  everloop train {model} --because "a person was forgotten"')
    if done.training:
        show.out.print(f"the replacement: {done.training}")


def _document(model: str, done: Any) -> dict[str, Any]:
    return {
        "model": model,
        "subject": done.subject,
        "rows": done.rows,
        "objects": done.objects,
        "looked_at": done.looked_at,
        "not_looked_into": dict(done.unread),
        "features": list(done.features),
        "learned": [each.version for each in done.learned],
        "training": done.training,
    }
