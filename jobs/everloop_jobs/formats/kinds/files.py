"""Files that are no table, such as pictures, sound and documents: nothing of them is read.

preprocess.py is given dataset.json, their keys, sizes and digests, and fetches what it needs.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..expected import Expected
from ..format import Format
from ..seen import FileCheck


class Files:
    is_read = False
    names_are_optional = False
    may_be_compressed = False
    endings = ()

    def check(self, path: Path, expected: Expected) -> FileCheck:
        return FileCheck()

    def rows(self, path: Path, data: Mapping[str, Any], columns: Sequence[str]) -> Iterator[Any]:
        raise TypeError("files have no rows")

    def hand_on(self, path: Path, data: Mapping[str, Any]) -> None:
        """Leave it."""

    def environment(self, data: Mapping[str, Any]) -> dict[str, str]:
        return {}


FORMAT: Format = Files()
