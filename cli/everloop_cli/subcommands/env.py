"""everloop env: what points AWS's clients to the laptop's cloud."""

import shlex
from pathlib import Path

import click

from everloop_cli import options, show


@click.command()
@options.state
@options.local_stack
def env(state: Path | None, stack: str, as_json: bool) -> None:
    """Print the variables that point AWS clients to the laptop's cloud.

    Use it so:  eval "$(everloop env)"
    """
    from everloop_cli import laptop, states

    variables = laptop.environment(state or states.default(stack), stack)
    if as_json:
        show.emit_json(variables)
        return
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
