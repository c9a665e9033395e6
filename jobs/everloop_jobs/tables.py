"""Checks of a table in CSV that is no drop, such as late labels."""

from collections.abc import Mapping
from pathlib import Path

from formats.check import check
from formats.dialect import PANDAS, Dialect
from formats.expected import Expected


def problems_of(
    path: Path,
    name: str,
    columns: Mapping[str, str],
    required: list[str],
    dialect: Dialect = PANDAS,
) -> list[str]:
    """Return what is wrong with a CSV file, in words that name file, column and fix; else nothing.

    `columns` are expected columns and their kinds (`number` or `text`); `required` must be there.
    """
    expected = Expected(tuple(dict.fromkeys([*columns, *required])), columns, dialect=dialect)
    seen = check(path, name, expected)
    return [*seen.bad, *([seen.empty] if seen.empty else [])]
