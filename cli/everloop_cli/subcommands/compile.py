"""everloop compile: pipeline.json from pipeline.py."""

from pathlib import Path

import click

from everloop_cli import options, show


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@options.local_stack
def compile(folder: Path, stack: str, as_json: bool) -> None:
    """Write pipeline.json from pipeline.py; a push does the same.

    FOLDER is a model's, e.g. models/air-time. It needs the SageMaker Python SDK.
    """
    from everloop_cli import deliver

    done = deliver.compile_pipeline(folder)
    if as_json:
        show.emit_json(done)
    else:
        show.out.print(f"{'current already' if done['current'] else 'compiled'}: {done['to']}")
