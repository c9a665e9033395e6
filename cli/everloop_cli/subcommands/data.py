"""everloop data: what is in no dataset, and what a person takes out or brings back."""

from typing import Any

import click

from everloop_cli import options, show


@click.group(context_settings=options.SETTINGS)
def data() -> None:
    """See what is in no dataset; take objects out, or bring them back."""


@data.command("list")
@click.argument("model")
@click.option("--all", "everything", is_flag=True, help="What is in the datasets, too.")
@options.stack
def list_(model: str, everything: bool, stack: str, as_json: bool) -> None:
    """List what was withdrawn or set aside, with its reason."""
    from everloop_cli import data as objects
    from everloop_cli.records import Records
    from everloop_cli.site import Site

    site = Site(stack)
    rows = objects.listed(site, model, everything=everything)
    newest, following = Records(site).newest_dataset(model), objects.next_dataset(site, model)
    if as_json:
        told = {"dataset": newest, "next_dataset": following}
        show.emit_json({"model": model, **told, "objects": rows})
        return
    for row in rows:
        _show_row(row)
    if not rows:
        show.out.print(f"nothing of {model} was withdrawn or set aside", style=show.QUIET)
    if newest:
        said = f"newest dataset: window {newest['window']}, {newest['digest'][:12]}"
        show.out.print(said, style=show.QUIET)
    _show_next(following)


@data.command()
@click.argument("model")
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@options.reason
@options.stack
def undrop(model: str, keys: tuple[str, ...], reason: str, stack: str, as_json: bool) -> int:
    """Delete objects, so that they are in no later dataset.

    KEY is with or without data/MODEL/ in front; one that ends in / means all below it.
    """
    from everloop_cli import data as objects
    from everloop_cli.site import Site

    reason = reason or "taken out with everloop data undrop"
    done = objects.undrop(Site(stack), model, keys, reason)
    return _report(done, model, "undrop", "taken out: in no later dataset of", as_json)


@data.command()
@click.argument("model")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--set-aside", is_flag=True, help="All that was set aside.")
@options.reason
@options.stack
def restore(
    model: str, keys: tuple[str, ...], set_aside: bool, reason: str, stack: str, as_json: bool
) -> int:
    """Bring what was withdrawn or set aside back, into the next dataset.

    KEY is with or without data/MODEL/ in front.
    """
    from everloop_cli import data as objects
    from everloop_cli.site import Site

    reason = reason or "brought back with everloop data restore"
    done = objects.restore(Site(stack), model, keys, reason, set_aside=set_aside)
    return _report(done, model, "restore", "brought back: in the next dataset of", as_json)


def _show_row(row: dict[str, Any]) -> None:
    from everloop.records.object_state import PRESENT, SET_ASIDE, WITHDRAWN

    styles = {PRESENT: show.GOOD, SET_ASIDE: show.WAIT, WITHDRAWN: show.BAD}
    # Not a table: a key that a cell breaks in two cannot be copied.
    word = show.mark(f"{row['state']:<9}", styles.get(row["state"], show.QUIET))
    by = f" by {row['by']}" if row["by"] else ""
    said = f"  {str(row['at'])[:19]}{by}: {row['reason']}" if row["reason"] else ""
    show.out.print(word, f"{row['key']}{said}", soft_wrap=True, markup=False)


def _report(done: dict[str, Any], model: str, what: str, said: str, as_json: bool) -> int:
    if as_json:
        told = {"left": done["left"], "next_dataset": done["next_dataset"]}
        show.emit_json({"model": model, what: done["changed"], **told})
    else:
        if done["changed"]:
            show.out.print(f"{said} {model}: {len(done['changed'])} objects")
        for key, why in done["left"].items():
            show.out.print(f"{key}: {why}", markup=False, soft_wrap=True)
        _show_next(done["next_dataset"])
    return 1 if done["left"] and not done["changed"] else 0


def _show_next(following: dict[str, Any] | None) -> None:
    if following is not None:
        said = f"the next dataset: {following['objects']} objects, {following['digest'][:12]}"
        show.out.print(said, style=show.QUIET)
