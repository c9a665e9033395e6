"""By series: the last steps of each are the holdout, those before them validation, the rest train.

Both parts are as long as the forecast's horizon, so that within a series nothing is trained on that
is later than what it is measured on; and as a series only grows, its rows only ever move towards
train. Of a step that a later drop brings again, the later row counts. A series that is too short to
be trained on and measured is left out until it is longer.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

import steps
from container import JobError
from own_split.moments import Moments
from own_split.rule import LEFT_OUT, Codes, hashes
from steps import NoSteps, Steps

_SHOWN = 3


class BySeries:
    shown = True

    def __init__(self, data: Mapping[str, Any]) -> None:
        forecast = data["forecast"]
        self._data = data
        self._horizon = int(forecast["horizon"])
        self._series: list[str] = list(forecast["series"])
        self._moments = Moments(str(data["timestamp"]))
        self.columns: tuple[str, ...] = (*self._series, str(data["timestamp"]))
        self._seen: list[tuple[Any, Any, int]] = []  # series, times, window
        self._names: dict[int, str] = {}  # of series, by their hashes
        told = forecast.get("frequency")
        self._steps: Steps | None = steps.read(told) if told else None
        self._record: dict[str, Any] = {}

    def show(self, rows: pd.DataFrame, first: int, window: int) -> None:
        self._seen.append((self._hashes(rows, first), self._moments.of(rows, first), window))

    def settle(self) -> None:
        self._every = np.unique(np.concatenate([each for each, _, _ in self._seen]))
        series = np.concatenate([np.searchsorted(self._every, each) for each, _, _ in self._seen])
        moments = np.concatenate([each for _, each, _ in self._seen])
        windows = np.concatenate([np.full(len(each), at) for each, _, at in self._seen])
        self._seen = []
        try:
            if self._steps is None:
                self._steps = steps.found(moments, series, numbers=bool(self._moments.numbers))
            places = self._steps.places(moments)
        except NoSteps as error:
            raise JobError(f"[forecast].frequency cannot be found: {error}; give it") from error
        self._least = int(places.min())
        self._span = int(places.max()) - self._least + 1
        self._latest(series, places, windows, moments)
        self._bound(*self._apart(self._known))

    def _latest(self, series: Any, places: Any, windows: Any, moments: Any) -> None:
        """Note which window each step of each series comes from last. Raises JobError."""
        cells = series * self._span + (places - self._least)
        order = np.lexsort((windows, cells))
        cells, windows = cells[order], windows[order]
        again = cells[1:] == cells[:-1]
        twice = again & (windows[1:] == windows[:-1])
        if twice.any():
            whose = self._name(int(cells[1:][twice][0]) // self._span)
            when = self._moments.written(moments[order][1:][twice][0])
            raise JobError(
                f"series {whose} has two rows for {when} in one drop (a step is a {self._steps}), "
                f"and {int(twice.sum()) - 1} more are so: leave one of them, or sum them; if each "
                "is a step of its own, give [forecast].frequency, or name in [forecast].series "
                "what tells them apart"
            )
        last = np.append(~again, True)
        self._known, self._windows = cells[last], windows[last]
        self._replaced = len(cells) - len(self._known)

    def _apart(self, cells: Any) -> tuple[Any, Any]:
        return cells // self._span, cells % self._span

    def _bound(self, series: Any, steps_of: Any) -> None:
        """Find where validation and holdout of each series begin. Raises JobError."""
        count = len(self._every)
        last = np.full(count, -1)
        np.maximum.at(last, series, steps_of)
        first = np.full(count, self._span)
        np.minimum.at(first, series, steps_of)
        self._holdout = last - self._horizon + 1
        self._validation = self._holdout - self._horizon
        trained = np.bincount(series, steps_of < self._validation[series], minlength=count)
        self._short = trained < 1
        rows = np.bincount(series, minlength=count)
        if self._short.all():
            most = int((last - first + 1).max())
            raise JobError(
                f"[forecast].horizon is {self._horizon} and the longest of {count} series has "
                f"{most} steps ({self._steps}); {2 * self._horizon + 1} are needed: the last "
                f"{self._horizon} to measure on, {self._horizon} before them to validate, and some "
                "to train on. Give a shorter horizon, or drop more"
            )
        gaps = last - first + 1 - rows
        self._remember(gaps)

    def _remember(self, gaps: Any) -> None:
        remarks = []
        if self._short.any():
            which = self._some(np.flatnonzero(self._short))
            remarks.append(
                f"{int(self._short.sum())} of {len(self._every)} series left out, shorter than "
                f"{2 * self._horizon + 1} steps: {which}"
            )
        if gaps.any():
            which = self._some(np.flatnonzero(gaps))
            remarks.append(
                f"{int(gaps.sum())} steps ({self._steps}) are missing within "
                f"{int((gaps > 0).sum())} series: {which}"
            )
        if self._replaced:
            remarks.append(f"{self._replaced} rows left out that a later drop has again")
        self._record = {
            "horizon": self._horizon,
            "frequency": str(self._steps),
            "series": len(self._every),
            "too_short": int(self._short.sum()),
            "missing_steps": int(gaps.sum()),
            "replaced": self._replaced,
            "remarks": remarks,
        }

    def parts(self, rows: pd.DataFrame, first: int, window: int) -> Codes:
        assert self._steps is not None
        series = np.searchsorted(self._every, self._hashes(rows, first))
        place = self._steps.places(self._moments.of(rows, first)) - self._least
        codes = (place >= self._validation[series]).astype(np.int8)
        codes += (place >= self._holdout[series]).astype(np.int8)
        latest = self._windows[np.searchsorted(self._known, series * self._span + place)]
        codes[self._short[series] | (latest > window)] = LEFT_OUT
        return codes

    def record(self) -> dict[str, Any]:
        return self._record

    def _hashes(self, rows: pd.DataFrame, first: int) -> Any:
        """Return a number for each row's series, and remember what it is called."""
        made = np.zeros(len(rows), np.uint64)
        with np.errstate(over="ignore"):
            for name in self._series:
                made = made * np.uint64(0x9E3779B97F4A7C15) + hashes(rows[name], self._data, first)
        for at in np.unique(made, return_index=True)[1].tolist():
            if int(made[at]) not in self._names:
                told = "/".join(str(rows[name].iloc[at]) for name in self._series)
                self._names[int(made[at])] = told
        return made

    def _name(self, at: int) -> str:
        return self._names[int(self._every[at])]

    def _some(self, which: Any) -> str:
        shown = [self._name(at) for at in which[:_SHOWN].tolist()]
        return ", ".join(shown) + (", …" if len(which) > _SHOWN else "")


RULE = BySeries
