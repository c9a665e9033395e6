"""everloop completion: the shell finishes what one types."""

import click
from click.shell_completion import get_completion_class

from everloop_cli import options

VARIABLE = "_EVERLOOP_COMPLETE"


@click.command(context_settings=options.SETTINGS)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands and options.

    For bash, in ~/.bashrc:  eval "$(everloop completion bash)"
    """
    shell_class = get_completion_class(shell)
    assert shell_class is not None
    click.echo(shell_class(context.find_root().command, {}, "everloop", VARIABLE).source())
