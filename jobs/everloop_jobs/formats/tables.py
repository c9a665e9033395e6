"""The tables of a model: the one with the targets, and those that [data.tables] names beside it.

The place of a file below data/<model>/ says which it is of.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .expected import Expected
from .format import Format, of


@dataclass(frozen=True)
class Table:
    """A table; the one with the targets has neither name nor prefix."""

    name: str
    prefix: str
    data: Mapping[str, Any]  # [data], as it holds for this table
    expected: Expected

    @property
    def format(self) -> Format:
        return of(self.data)


def tables_of(spec: Mapping[str, Any], targets: str, named: Iterable[str] = ()) -> list[Table]:
    """Return a spec's tables, the one with the targets last.

    `targets` is what its problem says of them, `named` are the columns that name a row.
    """
    data = spec["data"]
    main = Expected.by(spec, targets, named)
    tables = [
        _beside(name, table, data, main, spec.get("features") or {})
        for name, table in (data.get("tables") or {}).items()
    ]
    tables.sort(key=lambda each: -len(each.prefix))
    return [*tables, Table("", "", data, main)]


def table_of(tables: Iterable[Table], below: str) -> Table:
    """Return the table of a file by its path below data/<model>/."""
    return next(table for table in tables if below.startswith(table.prefix))


def _beside(
    name: str,
    table: Mapping[str, Any],
    data: Mapping[str, Any],
    main: Expected,
    features: Mapping[str, Any],
) -> Table:
    columns, form = table["columns"], table["format"] or str(data.get("format") or "csv")
    records = [each for each in features.values() if each["table"] == name]
    named = [n for each in records for n in (each["id"], each["event_time"], *each["columns"])]
    expected = replace(
        main,
        required=tuple(dict.fromkeys([*table["keys"], *columns, *named])),
        columns=columns,
        target=None,
        format=form,
    )
    return Table(name, table["prefix"], {**data, "format": form, "columns": columns}, expected)
