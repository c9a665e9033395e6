"""Statistics of a table that is read some rows at a time: memory does not grow with its rows.

Up to a quarter of a million rows everything is exact. Of more, counts, range, mean and spread are;
quantiles and histogram are those of a fair sample.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import baseline
from data_report.sample import ranks

_CELLS = 2_000_000  # read at a time, as text
_HELD = 32_000_000  # numbers in memory, over all columns
_MOST, _LEAST = 262_144, 16_384  # of them per column
_CATEGORIES = 100_000  # counted one by one; of more, the rarer half is forgotten
_TRUE, _FALSE = ("True", "TRUE", "true"), ("False", "FALSE", "false")  # as pandas knows them


def statistics_of(
    path: Path, names: Sequence[str], *, at_once: int | None = None, kept: int | None = None
) -> dict[str, Any]:
    """Return statistics.json of columns of a CSV file, as training's own reader takes them.

    `at_once` is how many rows are read at a time, `kept` how many numbers of a column are.
    """
    width = max(1, len(names))
    at_once = at_once or max(1000, _CELLS // width)
    kept = kept or int(np.clip(_HELD // width, _LEAST, _MOST))
    features = {name: _Feature(kept) for name in names}
    rows = 0
    for part in _parts(path, names, at_once):
        places = ranks(rows, len(part))
        for name in names:
            features[name].add(part[name], places)
        rows += len(part)
    late = [name for name in names if features[name].lost_count]
    if late:  # texts that came after numbers only: what was before is counted now
        for name in late:
            features[name].count_again()
        for part in _parts(path, late, at_once):
            for name in late:
                features[name].count(part[name])
    made = [features[name].statistics(name) for name in names]
    return {"version": 0, "dataset": {"item_count": rows}, "features": made}


def _parts(path: Path, names: Sequence[str], size: int) -> Iterator[pd.DataFrame]:
    columns = list(names) or [0]
    with pd.read_csv(path, usecols=columns, dtype=str, chunksize=size) as parts:
        yield from parts


class _Feature:
    def __init__(self, most: int) -> None:
        self._most = most
        self._present = self._missing = self._finite = 0
        self._numbers = True  # so far every value is one
        self._moments = baseline.Moments()
        self._kept: list[tuple[Any, Any]] = []  # ranks and values
        self._held = 0
        self._bar = np.uint64(2**64 - 1)
        self._counts: Counter[str] = Counter()
        self._forgotten = 0  # distinct values, at least
        self.lost_count = False

    def add(self, column: pd.Series, places: Any) -> None:
        codes, distinct = pd.factorize(column)
        self._missing += int((codes < 0).sum())
        self._present += int((codes >= 0).sum())
        if not len(distinct):
            return
        if self._numbers:
            parsed = pd.to_numeric(pd.Series(distinct), errors="coerce").to_numpy(dtype=float)
            known = ~np.isnan(parsed)
            if known.all():
                self._add_numbers(np.where(codes < 0, np.nan, parsed[codes]), places)
                return
            self.lost_count = self._held > 0
            self._numbers, self._kept = False, []
        if not self.lost_count:
            self._count(codes, distinct)

    def _add_numbers(self, values: Any, places: Any) -> None:
        finite = np.isfinite(values)
        self._moments.add(values[finite])
        low = finite & (places <= self._bar)
        self._kept.append((places[low], values[low]))
        self._held += int(low.sum())
        if self._held > 2 * self._most:
            self._thin()

    def _thin(self) -> Any:
        places, values = (np.concatenate(each) for each in zip(*self._kept, strict=True))
        if len(places) > self._most:
            self._bar = np.partition(places, self._most - 1)[self._most - 1]
            values, places = values[places <= self._bar], places[places <= self._bar]
        self._kept, self._held = [(places, values)], len(values)
        return values

    def count_again(self) -> None:
        self._counts, self.lost_count = Counter(), False

    def count(self, column: pd.Series) -> None:
        self._count(*pd.factorize(column))

    def _count(self, codes: Any, distinct: Any) -> None:
        times = np.bincount(codes[codes >= 0], minlength=len(distinct)).tolist()
        for word, count in zip(distinct, times, strict=True):
            self._counts[word] += count
        if len(self._counts) > _CATEGORIES:
            kept = Counter(dict(self._counts.most_common(_CATEGORIES // 2)))
            self._forgotten += len(self._counts) - len(kept)
            self._counts = kept

    def statistics(self, name: str) -> dict[str, Any]:
        common = {"num_present": self._present, "num_missing": self._missing}
        if self._numbers:
            values = np.sort(self._thin()) if self._kept else np.empty(0)
            return baseline.numeric(name, values, self._moments, common)
        counts = self._counts
        if set(counts) <= {*_TRUE, *_FALSE}:
            counts = Counter()
            for word, count in self._counts.items():
                counts["True" if word in _TRUE else "False"] += count
        return baseline.text(name, counts.most_common(), len(counts) + self._forgotten, common)
