"""everloop drop: bring data."""

from pathlib import Path
from typing import Any

import click

from everloop_cli import options, show


@click.command()
@click.argument("model")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--prefix", default="", help="Put in front of the names, e.g. 2013/.")
@click.option(
    "--anyway",
    is_flag=True,
    help="Upload without a look: hidden and bad files, and for a model that is not installed.",
)
@options.stack
def drop(
    model: str, paths: tuple[Path, ...], prefix: str, anyway: bool, stack: str, as_json: bool
) -> None:
    """Bring data: upload files, and all below folders, to the model's prefix.

    They are read as the training will read them first; nothing is uploaded if one is bad.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from everloop_cli import deliver

    options.open_stack(stack)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=show.err, transient=True, disable=as_json) as progress:
        tasks: dict[str, Any] = {}

        def advance(what: str, count: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(f"{what} for {model}", total=total)
            progress.advance(tasks[what], count)

        done = deliver.drop(model, list(paths), prefix=prefix, progress=advance, anyway=anyway)
    if as_json:
        show.emit_json(done)
        return
    for line in deliver.some(done["left_out"]):
        show.out.print(f"left out: {line}", style=show.QUIET, highlight=False)
    for line in deliver.some(done["warnings"]):
        show.out.print(f"look at: {line}", highlight=False)
    show.out.print(
        f"dropped {done['files']} files, {show.bytes_text(done['bytes'])}, to {done['to']}"
    )
