"""everloop template export: the stack's files, for AWS's own tools."""

import shlex
from pathlib import Path

import click

from everloop_cli import options, show


@click.group(context_settings=options.SETTINGS)
def template() -> None:
    """Get the stack's files, as AWS's own tools read them."""


@template.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--force",
    is_flag=True,
    help="Replace the stack's files that are there; models/ and samconfig.toml are kept.",
)
@options.local_stack
def export(folder: Path, force: bool, stack: str, as_json: bool) -> None:
    """Write template.yaml and all that it names to DIR, for sam build and sam deploy."""
    from everloop import stack_names
    from everloop_cli import stack_files
    from everloop_cli.trouble import Trouble

    wrong = stack_names.problem(stack)
    if wrong is not None:
        raise Trouble(wrong)
    written = stack_files.export(folder, force=force)
    if as_json:
        show.emit_json({"folder": str(folder.resolve()), "written": written})
        return
    show.out.print(f"the stack's files are in {folder}; deploy them with")
    command = f"  cd {shlex.quote(str(folder))} && sam build && sam deploy --guided"
    show.out.print(command, soft_wrap=True)
