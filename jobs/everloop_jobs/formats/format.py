"""What a format of a drop is: the one interface that all of them have."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .expected import Expected
from .seen import FileCheck

_ROWS, _CELLS = 50_000, 2_000_000  # of a file that are in memory at a time, at most


class Format(Protocol):
    """A format; `kinds/<name>.py` has one as `FORMAT`."""

    # Whether a file of it is looked at. What is not is handed to preprocess.py as a list of keys.
    is_read: bool
    # Whether a record may leave out a name that has no value.
    names_are_optional: bool
    # Whether a file may be compressed from outside: gzip, bzip2, xz, zstd, or a zip of one file.
    may_be_compressed: bool
    # How the files end that have no other sign of it, such as those of labels.
    endings: tuple[str, ...]

    def check(self, path: Path, expected: Expected) -> FileCheck:
        """Read a file to its end; say what it is, without its name. Nothing is kept in memory."""
        ...

    def rows(self, path: Path, data: Mapping[str, Any], columns: Sequence[str]) -> Iterator[Any]:
        """Yield a file's rows as frames of texts, some rows at a time; what lacks is empty.

        Numbers are written as Python does, whatever the file has. The file was checked before.
        """
        ...

    def hand_on(self, path: Path, data: Mapping[str, Any]) -> None:
        """Make of a checked file, in its place, what preprocess.py is to read."""
        ...

    def environment(self, data: Mapping[str, Any]) -> dict[str, str]:
        """Return variables that tell preprocess.py how to read the files."""
        ...


def at_once(columns: int) -> int:
    """Return how many rows are in memory at a time: of wide tables fewer."""
    return max(100, min(_ROWS, _CELLS // max(1, columns)))


def of(data: Mapping[str, Any]) -> Format:
    """Return the format of a spec's [data]."""
    return named(str(data.get("format") or "csv"))


def named(name: str) -> Format:
    module = importlib.import_module(f"{__package__}.kinds.{name}")
    found: Format = module.FORMAT
    return found


NAMES = ("csv", "parquet", "jsonl", "files")
