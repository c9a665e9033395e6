"""everloop down: stop the laptop's cloud."""

from pathlib import Path

import click

from everloop_cli import options, show


@click.command()
@click.option("--wipe", is_flag=True, help="Remove the state, too.")
@options.state
@options.local_stack
def down(wipe: bool, state: Path | None, stack: str, as_json: bool) -> None:
    """Stop the laptop's cloud; its state stays."""
    from everloop_cli import laptop, states

    folder = state or states.default(stack)
    ran = laptop.describe(folder) is not None
    laptop.down(folder, wipe=wipe, say=lambda text: show.progress(text, as_json=as_json))
    if as_json:
        show.emit_json({"state": str(folder.resolve()), "stopped": ran, "wiped": wipe})
