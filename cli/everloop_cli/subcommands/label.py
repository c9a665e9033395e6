"""everloop label: what came true."""

from pathlib import Path

import click

from everloop_cli import options, show


@click.command()
@click.argument("model")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, required=True)
@options.stack
def label(model: str, paths: tuple[Path, ...], stack: str, as_json: bool) -> None:
    """Say what came true: upload labels for predictions that were made.

    PATHS are CSV, JSON Lines or Parquet files with the model's key and target, or folders.
    """
    from everloop_cli import labels

    options.open_stack(stack)
    done = labels.upload(model, list(paths))
    if as_json:
        show.emit_json(done)
        return
    show.out.print(f"{done['rows']:,} labels in {done['files']} files, to {done['to']}")
    show.out.print("the monitor's next look joins them with their predictions", style=show.QUIET)
