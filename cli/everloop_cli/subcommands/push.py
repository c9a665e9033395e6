"""everloop push: install a model."""

from pathlib import Path

import click

from everloop_cli import options, show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@options.stack
def push(folder: Path, stack: str, as_json: bool) -> None:
    """Install a model: upload its folder.

    FOLDER is named as the model, e.g. models/flight-delays. It is checked as the stack will check
    it, before anything is uploaded.
    """
    from everloop_cli import deliver

    options.open_stack(stack)
    done = deliver.push(folder)
    if as_json:
        show.emit_json(done)
        return
    size = show.bytes_text(done["bytes"])
    show.out.print(f"pushed {done['model']} ({size}, bundle {done['digest'][:12]})")
    for note in done["notes"]:
        show.out.print(f"note: {note}", style=show.WAIT, markup=False)
    show.out.print(f"follow it: everloop watch {done['model']}", style=show.QUIET)
