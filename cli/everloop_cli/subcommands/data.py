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
    from everloop.views.document import document
    from everloop_cli import data as objects
    from everloop_cli import render

    options.open_stack(stack)
    view = objects.listed(model, everything=everything)
    following = objects.next_dataset(model)
    if as_json:
        show.emit_json({**document(view), "next_dataset": following})
        return
    render.data(view)
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

    options.open_stack(stack)
    reason = reason or "taken out with everloop data undrop"
    done = objects.undrop(model, keys, reason)
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

    options.open_stack(stack)
    reason = reason or "brought back with everloop data restore"
    done = objects.restore(model, keys, reason, set_aside=set_aside)
    return _report(done, model, "restore", "brought back: in the next dataset of", as_json)


def _report(done: dict[str, Any], model: str, what: str, verb: str, as_json: bool) -> int:
    if as_json:
        rest = {"left": done["left"], "next_dataset": done["next_dataset"]}
        show.emit_json({"model": model, what: done["changed"], **rest})
    else:
        if done["changed"]:
            show.out.print(f"{verb} {model}: {len(done['changed'])} objects")
        for key, why in done["left"].items():
            show.out.print(f"{key}: {why}", soft_wrap=True)
        _show_next(done["next_dataset"])
    return 1 if done["left"] and not done["changed"] else 0


def _show_next(following: dict[str, Any] | None) -> None:
    if following is not None:
        line = f"the next dataset: {following['objects']} objects, {following['digest'][:12]}"
        show.out.print(line, style=show.QUIET)
