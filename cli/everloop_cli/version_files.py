"""A file about one version: which it is, what is known of it, and where the file goes."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from everloop_cli import models
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from everloop.reading.evidence import Evidence

F = TypeVar("F", bound=Callable[..., Any])


def asked(metavar: str, default: str) -> Callable[[F], F]:
    """Add --version, and -o with the name that the file has by default."""

    def add(command: F) -> F:
        version = click.option(
            "--version", type=int, metavar="N", help="Which version (default: what serves)."
        )
        output = click.option(
            "-o",
            "--output",
            type=click.Path(path_type=Path),
            metavar=metavar,
            help=f"Where to write it (default: {default}).",
        )
        return version(output(command))

    return add


def evidence(model: str, version: int | None) -> tuple[str, int | None, "Evidence"]:
    """Return the model's name, the version's number, and what ledger, S3 and registry have of it.

    Also of a model that was removed; the stack is open. Raises Trouble where there is none such.
    """
    from everloop.errors import BadInput
    from everloop.reading.evidence import evidence

    name = models.known(model, removed=True)
    try:
        found = evidence(name, version)
    except BadInput as error:
        raise Trouble(str(error)) from error
    return name, found.story.version.version if found.story.version else version, found


def check_folder(output: Path | None) -> None:
    """Raise Trouble where a file cannot be written, before anything is asked for it."""
    if output is not None and not output.parent.is_dir():
        raise Trouble(f"{output.parent}: there is no such folder; make it, or name another")


def write(target: Path, text: str) -> None:
    """Write a file; raises Trouble where it cannot be."""
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{target}: {error.strerror}; name another with -o") from error
