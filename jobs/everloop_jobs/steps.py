"""Steps of time: the calendar on which a series goes on, told or found.

Times are numbers, or microseconds since 1970.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Places = NDArray[np.int64]
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_MOST = 2**40  # places from the first to the last: more are no calendar


class NoSteps(ValueError):
    """Times that have no steps; the words say why."""


@dataclass(frozen=True)
class Steps:
    """A step of so many seconds, months or numbers."""

    unit: str
    size: float

    def places(self, moments: Any) -> Places:
        """Return in which step each time lies."""
        if self.unit == "months":
            found = moments.astype("int64").astype("datetime64[us]").astype("datetime64[M]")
            return np.asarray(found.astype("int64") // int(self.size), dtype=np.int64)
        size = self.size * 1e6 if self.unit == "seconds" else self.size
        made = np.floor(np.asarray(moments, dtype=float) / size + 1e-9)
        if len(made) and made.max() - made.min() > _MOST:
            raise NoSteps("the times are too far apart for steps so small")
        return made.astype(np.int64)

    @property
    def season(self) -> int:
        """Return after how many steps a usual season comes again; 1 where nobody can tell."""
        if self.unit == "months":
            return max(1, round(12 / self.size))
        if self.unit == "numbers":
            return 1
        for longer in (86_400, 604_800):
            if self.size < longer and longer % self.size == 0:
                return round(longer / self.size)
        return 52 if self.size == 604_800 else 1

    def __str__(self) -> str:
        if self.unit == "numbers":
            return f"{self.size:.15g}"
        table = _MONTHS if self.unit == "months" else _SECONDS
        fitting = [name for name in table if self.size % table[name] == 0]
        if not fitting:
            return f"{self.size:.15g} seconds"
        name = max(fitting, key=table.__getitem__)
        count = round(self.size / table[name])
        return name if count == 1 else f"{count} {name}s"


def read(text: str) -> Steps:
    """Read a step as model.toml and statistics.json have it."""
    count, _, name = text.rpartition(" ")
    name = name.removesuffix("s")
    if name in _MONTHS:
        return Steps("months", _MONTHS[name] * int(count or 1))
    if name in _SECONDS:
        return Steps("seconds", _SECONDS[name] * float(count or 1))
    return Steps("numbers", float(text))


def found(moments: Any, series: Any, *, numbers: bool) -> Steps:
    """Return the step by which most times of a series follow each other. Raises NoSteps."""
    order = np.lexsort((moments, series))
    of, at = series[order], moments[order]
    apart = np.diff(at)[(np.diff(of) == 0) & (np.diff(at) > 0)]
    if not len(apart):
        raise NoSteps("no series has two times, so that nobody can tell how far they are apart")
    if numbers:
        return Steps("numbers", float(_usual(apart)[0]))
    step, share = _usual(apart)
    if step < 27 * 86_400e6:
        return Steps("seconds", float(step) / 1e6)
    months = at.astype("int64").astype("datetime64[us]").astype("datetime64[M]").astype("int64")
    between = np.diff(months)[(np.diff(of) == 0) & (np.diff(at) > 0)]
    usual, same = _usual(between)
    if usual >= 1 and same >= share:  # months differ in days, and four weeks do not
        return Steps("months", float(usual))
    return Steps("seconds", float(step) / 1e6)


def moments_of(texts: Sequence[str]) -> tuple[Any, bool]:
    """Return times as numbers, and whether they are plain numbers. Raises NoSteps."""
    column = pd.Series(list(texts), dtype=object)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    if np.isfinite(numbers).all():
        return numbers, True
    read_as = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    bad = read_as.isna().to_numpy()
    if bad.any():
        raise NoSteps(f"{str(column.iloc[int(np.argmax(bad))])[:60]!r} is no time")
    return read_as.dt.as_unit("us").astype("int64").to_numpy(), False


def _usual(values: Any) -> tuple[Any, float]:
    """Return the value that comes most often, and its share."""
    distinct, times = np.unique(values, return_counts=True)
    at = int(np.argmax(times))
    return distinct[at], float(times[at] / len(values))
