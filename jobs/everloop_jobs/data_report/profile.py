"""One pass through rows: a column's counts each, a sample, and hashes of whole rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from data_report.columns import Column
from data_report.sample import Hashes, Sample

# Rows that correlations, leaks and distances are computed on: of wide tables fewer.
_SAMPLE, _LEAST_SAMPLE, _CELLS = 20_000, 500, 4_000_000
_VALUES = 2_000_000  # distinct values that are counted one by one, over all columns
_PRIME = np.uint64(1_099_511_628_211)


class Profile:
    """`key` names the rows, as [data].key; empty where there is none."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        self.rows = 0
        self.columns: dict[str, Column] = {}
        self.sample = Sample(_SAMPLE)
        self._values = 0  # per column
        self.whole, self.keys = Hashes(), Hashes()

    def add(self, rows: pd.DataFrame) -> None:
        if not self.rows:
            width = max(1, len(rows.columns))
            self._values = max(100, min(10_000, _VALUES // width))
            self.sample = Sample(max(_LEAST_SAMPLE, min(_SAMPLE, _CELLS // width)))
        self.rows += len(rows)
        self.sample.add(rows)
        mixed = np.zeros(len(rows), np.uint64)
        with np.errstate(over="ignore"):
            for name in rows.columns:
                hashes = self._column(name).add(rows[name])
                mixed = (mixed ^ hashes) * _PRIME
                if name == self._key:
                    self.keys.add(hashes)
            mixed ^= mixed >> np.uint64(29)
            self.whole.add(mixed * np.uint64(0xBF58476D1CE4E5B9))

    def _column(self, name: str) -> Column:
        if name not in self.columns:
            self.columns[name] = Column(self._values)
        return self.columns[name]

    def numbers(self, names: Sequence[str] | None = None) -> pd.DataFrame:
        """Return the sample's numbers, NaN where there is none."""
        rows = self.sample.rows()
        wanted = [name for name in rows.columns if self.columns[name].kind == "number"]
        return pd.DataFrame(
            {n: pd.to_numeric(rows[n], errors="coerce") for n in names or wanted}, rows.index
        )


def twice(first: Hashes, *others: Hashes) -> tuple[int, int, bool]:
    """Return how many rows of the first are again in it, how many are in the others, if exactly."""
    shift = max(each.shift for each in (first, *others))
    own = first.at(shift)
    distinct = np.unique(own)
    known: Any = np.concatenate([other.at(shift) for other in others]) if others else own[:0]
    again = int(np.isin(own, known).sum())
    return (len(own) - len(distinct)) << shift, again << shift, shift == 0
