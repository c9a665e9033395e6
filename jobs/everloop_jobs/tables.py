"""Tables that are no drop, such as late labels: their format is told by their names."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import formats.format
from formats.check import check
from formats.dialect import PANDAS, Dialect
from formats.expected import Expected
from formats.names import format_of


def problems_of(
    path: Path,
    name: str,
    columns: Mapping[str, str],
    required: list[str],
    dialect: Dialect = PANDAS,
) -> list[str]:
    """Return what is wrong with a file, in words that name file, column and fix; else nothing.

    `columns` are expected columns and their kinds (`number` or `text`); `required` must be there.
    """
    expected = Expected(
        tuple(dict.fromkeys([*columns, *required])),
        columns,
        dialect=dialect,
        format=format_of(name),
    )
    seen = check(path, name, expected)
    return [*seen.bad, *([seen.empty] if seen.empty else [])]


def rows_of(
    path: Path, name: str, columns: tuple[str, ...], data: Mapping[str, Any]
) -> Iterator[Any]:
    """Yield columns of a file that was checked, as frames of texts; what lacks is empty."""
    yield from formats.format.named(format_of(name)).rows(path, data, columns)
