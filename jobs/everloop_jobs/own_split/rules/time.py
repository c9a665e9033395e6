"""By time: train is before validation, and that before the holdout, as in production.

Where a boundary lies is asked of the first drop, of the first two, and so on, and the latest answer
counts: so a row only ever moves from the holdout to validation and on to train, and no drop of old
rows brings one back that a model was trained on. A key or group that is on both sides of a boundary
stays on the later one, and its earlier rows are left out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from own_split.moments import Moments
from own_split.rule import LEFT_OUT, Codes, hashes, shares


class ByTime:
    shown = True

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._time = str(data["timestamp"])
        self._whose = data["split"].get("group") or data["key"]
        named = [self._time, *([self._whose] if self._whose else [])]
        self.columns: tuple[str, ...] = tuple(dict.fromkeys(named))
        self._moments = Moments(self._time)
        self._times: dict[int, list[Any]] = {}  # by window
        self._whose_hashes: dict[int, list[Any]] = {}
        self._starts = (0, 0)  # of validation and holdout
        self._later: list[Any] = []  # whose rows are in validation or later, in the holdout

    def show(self, rows: pd.DataFrame, first: int, window: int) -> None:
        self._times.setdefault(window, []).append(self._moments.of(rows, first))
        if self._whose:
            made = hashes(rows[self._whose], self._data, first)
            self._whose_hashes.setdefault(window, []).append(made)

    def settle(self) -> None:
        windows = sorted(self._times)
        parts = [np.concatenate(self._times[window]) for window in windows]
        whole = np.concatenate(parts)
        starts = (whole.min(), whole.min())
        until = 0
        for part in parts:
            until += len(part)
            found = _starts(whole[:until], *shares(self._data))
            starts = (max(starts[0], found[0]), max(starts[1], found[1]))
        self._starts = starts
        self._times = {}
        if self._whose:
            made = np.concatenate([np.concatenate(self._whose_hashes[w]) for w in windows])
            self._later = [np.unique(made[whole >= start]) for start in starts]
            self._whose_hashes = {}

    def parts(self, rows: pd.DataFrame, first: int, window: int) -> Codes:
        moments = self._moments.of(rows, first)
        codes = np.searchsorted(np.array(self._starts), moments, side="right").astype(np.int8)
        if self._whose:
            made = hashes(rows[self._whose], self._data, first)
            for part, later in enumerate(self._later):
                early = codes == part
                early[early] = np.isin(made[early], later)
                codes[early] = LEFT_OUT
        return codes

    def record(self) -> dict[str, Any]:
        validation, holdout = (self._moments.written(start) for start in self._starts)
        return {
            "column": self._time,
            "validation_from": validation,
            "holdout_from": holdout,
            "kept_together": self._whose,
        }


def _starts(times: Any, validation: float, holdout: float) -> tuple[Any, Any]:
    """Return where validation and holdout begin. Rows of one time are never parted.

    Each part has a row where there are times enough.
    """
    count = len(times)
    at = [round(count * (1 - validation - holdout)), round(count * (1 - holdout))]
    ordered = np.partition(times, [min(each, count - 1) for each in at])
    first, second = (ordered[min(each, count - 1)] for each in at)
    first = max(first, _next(times, times.min()))
    return first, max(second, _next(times, first))


def _next(times: Any, moment: Any) -> Any:
    """Return the first time after one; the same where there is none."""
    later = times[times > moment]
    return later.min() if len(later) else moment


RULE = ByTime
