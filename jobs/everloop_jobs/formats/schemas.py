"""The types of columns over all the files of a dataset: the first file that says one counts."""

from .header import clipped
from .seen import FileCheck, Type


class Schemas:
    def __init__(self) -> None:
        self._first: dict[str, tuple[Type, str]] = {}

    def compare(self, name: str, seen: FileCheck) -> list[str]:
        """Return which columns have another type than in a file before, in the order of files."""
        wrong = []
        for column, found in seen.columns.items():
            if not found.kind:
                continue
            first, file = self._first.setdefault(column, (found, name))
            if first.kind != found.kind:
                wrong.append(
                    f"{name}: column {clipped(column)} is {found.written} here and "
                    f"{first.written} in {file}; write all files with one schema"
                )
        return wrong
