"""What names a row: a column, or several together, such as a series and a time.

Several are one text, a JSON list of their values: the key of labels, captured rows and files of
predictions. Times in it are written alike, as are numbers: 7.0 is 7.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pandas as pd

import keys


@dataclass(frozen=True)
class RowNames:
    """The columns that name a row, none where nothing does; `time` is one of several."""

    columns: tuple[str, ...] = ()
    time: str | None = None

    def of_frame(self, rows: pd.DataFrame) -> list[str]:
        """Return each row's name."""
        if len(self.columns) == 1:
            return [str(value) for value in rows[self.columns[0]]]
        parts = [self._alike(rows[name], name == self.time) for name in self.columns]
        return [name_of(each) for each in zip(*parts, strict=True)]

    def of_row(self, row: Mapping[str, Any]) -> str | None:
        """Return the name of a row that was sent; None where it does not say it."""
        values = [row.get(name) for name in self.columns]
        told = [str(value) for value in values if value is not None and str(value) != ""]
        if not values or len(told) < len(values):
            return None
        if len(told) == 1:
            return told[0]
        both = zip(self.columns, told, strict=True)
        return name_of(self._alike([value], name == self.time)[0] for name, value in both)

    def _alike(self, column: Iterable[object], is_time: bool) -> list[str]:
        return [moment(str(each)) for each in column] if is_time else keys.same(column, False)


def of(spec: Mapping[str, Any], places: Iterable[str]) -> RowNames:
    """Return what names a row; `places` are the keys of model.toml that say the columns."""
    columns: list[str] = []
    for place in places:
        section, _, key = place.partition(".")
        value = (spec.get(section) or {}).get(key)
        if value is None:
            return RowNames()
        columns += value if isinstance(value, list) else [str(value)]
    time = spec["data"].get("timestamp") if "data.timestamp" in places else None
    return RowNames(tuple(columns), time)


def parts(name: str) -> list[str]:
    """Return the values that a name of several columns is made of."""
    try:
        found = json.loads(name)
    except (ValueError, RecursionError):
        return [name]
    return [str(each) for each in found] if isinstance(found, list) else [name]


def first_parts(names: Sequence[str], but: int = 1) -> list[str]:
    """Return the names of what rows belong to: without their last part."""
    return [name_of(parts(name)[:-but]) for name in names]


@lru_cache(100_000)  # rows of many series have the same times
def moment(text: str) -> str:
    """Write a time as all others: a number plainly, else ISO 8601 in UTC."""
    try:
        number = float(text)
    except ValueError:
        when = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
        return text if pd.isna(when) else str(when.isoformat())
    return keys.same([text], numbers=True)[0] if math.isfinite(number) else text


def name_of(values: Iterable[str]) -> str:
    """Return what several values name together."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
