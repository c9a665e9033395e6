"""everloop pause, resume: nothing new starts, or it may again."""

from collections.abc import Callable
from typing import Any

import click

from everloop_cli import options, show
from everloop_cli.trouble import Trouble


def _model(command: Callable[..., Any]) -> Callable[..., Any]:
    every = click.option("--all", "every", is_flag=True, help="Every model that is installed.")
    return click.argument("model", required=False)(every(options.reason(options.stack(command))))


@click.command()
@_model
def pause(model: str | None, every: bool, reason: str, stack: str, as_json: bool) -> None:
    """Let nothing new start for a model (or --all); what runs goes to its end."""
    _set("pause", model, every, reason, stack, as_json)


@click.command()
@_model
def resume(model: str | None, every: bool, reason: str, stack: str, as_json: bool) -> None:
    """Let a paused or held model (or --all) go on; it starts within minutes."""
    _set("resume", model, every, reason, stack, as_json)


def _set(word: str, model: str | None, every: bool, reason: str, stack: str, as_json: bool) -> None:
    from everloop_cli import models, pausing

    if bool(model) == every:
        raise Trouble(f"say which: everloop {word} MODEL, or --all")
    options.open_stack(stack)
    known = models.known(model) if model else None
    reason = reason or f"{word}d with everloop {word}"
    changed = pausing.set_pause(known, pause=word == "pause", reason=reason)
    if as_json:
        show.emit_json({"models": changed, "paused": word == "pause"})
    else:
        already = "nothing to do: it is so already"
        show.out.print(f"{word}d: {', '.join(changed)}" if changed else already)
