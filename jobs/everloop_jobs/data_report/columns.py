"""What is known of a column after every value was seen once: counts, range, frequent values."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from formats.dialect import MISSING

_SMALLEST = 1024  # hashes by which distinct values are estimated beyond that
_MISSING = list(MISSING)


class Column:
    """`most` is how many distinct values are counted one by one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = self.missing = self.numbers = self.texts = 0
        self._sum = self._squares = 0.0
        self.low, self.high = np.inf, -np.inf
        self.whole = True  # every number is a whole one
        self._counts: Counter[str] = Counter()
        self.exact = True  # whether all distinct values are counted
        self._smallest = np.empty(0, np.uint64)

    def add(self, values: pd.Series) -> Any:
        """See some values; returns a hash for each."""
        codes, distinct = pd.factorize(values)
        counts = np.bincount(codes, minlength=len(distinct))
        hashes = pd.util.hash_array(distinct.to_numpy(dtype=object), categorize=False)
        lost = pd.Series(distinct).isin(_MISSING).to_numpy()
        self.rows += len(values)
        self.missing += int(counts[lost].sum())
        with np.errstate(over="ignore", invalid="ignore"):
            self._add_numbers(pd.to_numeric(pd.Series(distinct), errors="coerce"), counts, lost)
        self._add_distinct(distinct[~lost], counts[~lost], hashes[~lost])
        return hashes[codes]

    def _add_numbers(self, parsed: pd.Series, counts: Any, lost: Any) -> None:
        numbers = parsed.to_numpy(dtype=float)
        known = np.isfinite(numbers) & ~lost
        values, times = numbers[known], counts[known]
        self.numbers += int(times.sum())
        self.texts += int(counts[~lost & ~known].sum())
        if values.size:
            self._sum += float((values * times).sum())
            self._squares += float((values * values * times).sum())
            self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
            self.whole = self.whole and bool((values == np.round(values)).all())

    def _add_distinct(self, distinct: Any, counts: Any, hashes: Any) -> None:
        known = np.concatenate([self._smallest, hashes])
        self._smallest = np.unique(known)[:_SMALLEST]
        if self.exact:
            for value, count in zip(distinct, counts.tolist(), strict=True):
                self._counts[value] += count
            if len(self._counts) > self._most:
                self.exact, self._counts = False, Counter()

    @property
    def kind(self) -> str:
        if self.texts:
            return "text"
        return "number" if self.numbers else "empty"

    @property
    def distinct(self) -> int:
        if self.exact:
            return len(self._counts)
        return int((_SMALLEST - 1) / (float(self._smallest[-1]) / 2.0**64))

    @property
    def mean(self) -> float:
        return self._sum / self.numbers if self.numbers else np.nan

    @property
    def spread(self) -> float:
        if not self.numbers:
            return np.nan
        with np.errstate(over="ignore", invalid="ignore"):  # of huge values: written as null
            mean = np.float64(self.mean)
            return float(np.sqrt(np.maximum(0.0, self._squares / self.numbers - mean * mean)))

    def frequent(self, most: int) -> list[tuple[str, int]]:
        """Return the most frequent values; none where they are too many to count."""
        return self._counts.most_common(most)
