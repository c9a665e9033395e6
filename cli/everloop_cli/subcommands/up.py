"""everloop up: the laptop's cloud, with the stack on it."""

from pathlib import Path
from typing import Any

import click

from everloop_cli import options, show


def _parameter(text: str) -> str:
    if not text.partition("=")[0] or "=" not in text:
        raise ValueError(f"{text!r}: write it as NAME=VALUE")
    return text


@click.command(context_settings=options.LENIENT)
@click.option(
    "--parameter",
    "parameters",
    type=options.Read("parameter", _parameter),
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of template.yaml; it keeps its value from one up to the next.",
)
@click.option("--any-template", is_flag=True, help="Update the state that another template made.")
@options.of_the_cloud
@options.state
@options.local_stack
def up(
    parameters: tuple[str, ...],
    any_template: bool,
    state: Path | None,
    stack: str,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Start the laptop's cloud, and deploy the stack to it."""
    from everloop_cli import laptop, states

    folder = state or states.default(stack)
    running = laptop.up(
        folder,
        stack=stack,
        say=lambda text: show.progress(text, as_json=as_json),
        parameters=parameters,
        any_template=any_template,
        **options.chosen(chosen),
    )
    if as_json:
        show.emit_json({**running, "state": str(folder.resolve())})
        return
    show.out.print("\nPoint your shell to it:  ", end="")
    env = laptop.command("env", folder, stack)
    show.out.print(f'eval "$({env})"', style="bold", soft_wrap=True)
    of = "" if stack == laptop.STACK else f" --stack {stack}"
    show.out.print(f"and see it in a browser:  everloop ui{of}", soft_wrap=True)
