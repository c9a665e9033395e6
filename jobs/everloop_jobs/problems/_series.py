"""Series as they were prepared: their parts in time, their scales, columns that know too much."""

from typing import Any

import numpy as np
import pandas as pd

import row_names
import steps
from container import JobError
from metrics import Array, Units
from steps import Steps

_PARTS = ("train", "validation", "holdout")
_LEAST = 4  # rows by which a column is told to be the target


class Layout:
    """The prepared rows of all parts, by series and step; `columns` are the holdout's own."""

    steps: Steps

    def __init__(self, frequency: str | None) -> None:
        self._told = frequency
        self._names: list[str] = []
        self._part: list[Any] = []
        self._target: list[Any] = []
        self._columns: list[pd.DataFrame] = []

    def add(self, part: str, names: list[str], target: Array, columns: pd.DataFrame) -> None:
        self._names += names
        self._part.append(np.full(len(names), _PARTS.index(part)))
        self._target.append(target)
        if len(columns.columns):
            self._columns.append(columns)

    def settle(self) -> None:
        """Read series and steps of what was added. Raises NoSteps, JobError."""
        split = [row_names.parts(name) for name in self._names]
        series = pd.Series([tuple(each[:-1]) for each in split], dtype=object)
        codes, known = pd.factorize(series)
        self.of, self.series = codes.astype(np.int64), [list(each) for each in known]
        self.part = np.concatenate(self._part)
        self.target = np.concatenate(self._target)
        moments, numbers = steps.moments_of([each[-1] for each in split])
        self.steps = (
            steps.read(self._told) if self._told else steps.found(moments, self.of, numbers=numbers)
        )
        self.at = self.steps.places(moments)
        self.columns = pd.concat(self._columns, ignore_index=True) if self._columns else None
        self._check_once()

    def _check_once(self) -> None:
        order = np.lexsort((self.at, self.of))
        again = (np.diff(self.of[order]) == 0) & (np.diff(self.at[order]) == 0)
        if again.any():
            row = int(order[1:][again][0])
            raise JobError(
                f"{self._named(row)} is there twice, {int(again.sum())} rows are so: one row for "
                f"each series and step ({self.steps}) belongs into the prepared tables; if they "
                "are steps of their own, give [forecast].frequency"
            )

    def check(self, horizon: int) -> None:
        """Raise JobError where training sees what is not before what it is measured on."""
        held = self.part == 2
        start = np.full(len(self.series), np.iinfo(np.int64).max)
        np.minimum.at(start, self.of[held], self.at[held])
        ahead = ~held & (self.at >= start[self.of])
        if ahead.any():
            row = int(np.flatnonzero(ahead)[0])
            raise JobError(
                f"{self._named(row)} is in {_PARTS[int(self.part[row])]}, and rows of its series "
                f"that are no later are in the holdout ({int(ahead.sum())} rows are so): a "
                "forecast is measured on what comes after all it was trained on. [data.split] by = "
                '"series" splits so'
            )
        far = held & (self.at >= start[self.of] + horizon)
        if far.any():
            row = int(np.flatnonzero(far)[0])
            raise JobError(
                f"{self._named(row)} is step {int(self.at[row] - start[self.of[row]]) + 1} of its "
                f"holdout, and [forecast].horizon is {horizon}: keep the last {horizon} steps of "
                "each series there"
            )

    def scales(self, season: int) -> dict[str, float]:
        """Return each series' mean absolute error of the seasonal naive forecast of train.

        Hyndman and Koehler (2006), "Another look at measures of forecast accuracy". A series that
        is no longer than a season has none.
        """
        own = self.part == 0
        of, at, target = self.of[own], self.at[own], self.target[own]
        if not len(of):
            return {}
        at = at - at.min() + season  # what lies a season back is never in the series before
        span = int(at.max()) + 1
        cells = of * span + at
        order = np.argsort(cells, kind="stable")
        cells, of, target = cells[order], of[order], target[order]
        back = np.minimum(np.searchsorted(cells, cells - season), len(cells) - 1)
        pairs = cells[back] == cells - season
        error = np.abs(target - target[back]) * pairs
        count = np.bincount(of, pairs, minlength=len(self.series))
        whole = np.bincount(of, error, minlength=len(self.series))
        return {
            row_names.name_of(self.series[each]): float(whole[each] / count[each])
            for each in np.flatnonzero(count).tolist()
        }

    def _named(self, row: int) -> str:
        return " ".join(row_names.parts(self._names[row]))


def shifted_targets(layout: Layout, horizon: int) -> str:
    """Say which column, said to be known ahead, is the target of a step of the holdout.

    The target itself, or of a step that is no earlier than the forecast's origin: nobody has it
    when the forecast is made. Empty where none is.
    """
    if layout.columns is None:
        return ""
    held = np.flatnonzero(layout.part == 2)
    of, at, target = layout.of[held], layout.at[held], layout.target[held]
    span = int(at.max() - at.min()) + 2 * horizon + 1
    cells = of * span + (at - at.min() + horizon)
    order = np.argsort(cells)
    ordered = cells[order]
    for name in layout.columns:
        values = pd.to_numeric(layout.columns[name], errors="coerce").to_numpy(dtype=float)
        for shift in sorted(range(1 - horizon, horizon), key=abs):
            place = np.minimum(np.searchsorted(ordered, cells - shift), len(cells) - 1)
            there = (ordered[place] == cells - shift) & np.isfinite(values)
            one, other = values[there], target[order[place[there]]]
            if len(one) >= _LEAST and len(np.unique(other)) > 2 and np.array_equal(one, other):
                what = "the target" if not shift else f"the target of {abs(shift)} steps "
                what += "" if not shift else "before" if shift > 0 else "later"
                return (
                    f"column {name!r} of [forecast].known_ahead is {what} in {len(one)} rows of "
                    "the holdout: nobody knows it when the forecast is made. Take it out of "
                    "known_ahead"
                )
    return ""


def blocks(places: Any) -> Units:
    """Return of which block of following steps each row is: as many steps in each.

    They are three times as long as the cube root of how many steps there are, by which dependence
    is known to fade (Künsch, 1989, "The jackknife and the bootstrap for general stationary
    observations"), but for short tables: there are seven where there are so many steps. Longer ones
    cover better and are fewer: `make coverage` says how well.
    """
    known, at = np.unique(places, return_inverse=True)
    times = len(known)
    length = max(1, min(round(3 * times ** (1 / 3)), times // 7))
    count = max(1, round(times / length))
    found: Units = (at * count // times).astype(np.int64)
    return found
