"""Rows of queries in the order of their scores, and what each query's order is worth.

Rows of one score have no order: each of their orders is as likely, and what is measured is the mean
over them where a formula has it (NDCG, precision, recall), as scikit-learn has it.
"""

import numpy as np

from metrics import Array, Units


class Queries:
    """Targets and scores, by query."""

    def __init__(self, target: Array, score: Array, of: Units) -> None:
        self._rows = np.lexsort((-score, of))
        self._of = of[self._rows]
        self._count = int(of.max()) + 1 if len(of) else 0
        self._gain = target[self._rows]
        self._relevant = (self._gain > 0).astype(float)
        start = np.searchsorted(self._of, np.arange(self._count))
        self._first = start
        self._place = np.arange(len(of)) - start[self._of]  # from 0
        ordered = score[self._rows]
        new = np.ones(len(of), dtype=bool)
        new[1:] = (np.diff(self._of) != 0) | (np.diff(ordered) != 0)
        self._tie = np.cumsum(new) - 1  # rows of one query and score
        self._size = np.bincount(self._tie) if len(of) else np.zeros(0)

    def weights(self, weight: Array) -> Array:
        """Return how often each query was drawn: as often as its first row."""
        return weight[self._rows][self._first]

    def ndcg(self, k: int | None) -> Array:
        """Return each query's normalised discounted cumulative gain among its first k places.

        Järvelin and Kekäläinen (2002), the target itself as gain. NaN where nothing is relevant.
        """
        best = np.lexsort((-self._gain, self._of))
        ideal = self._summed(self._gain[best] * self._discount(k))
        got = self._summed(self._gain * self._shared(self._discount(k)))
        return _over(got, ideal)

    def precision(self, k: int) -> Array:
        """Return each query's share of relevant rows in its first k places, empty ones counted."""
        got = self._summed(self._relevant * self._shared((self._place < k).astype(float)))
        return np.where(self._any(), got / k, np.nan)

    def recall(self, k: int) -> Array:
        """Return which share of each query's relevant rows is in its first k places."""
        got = self._summed(self._relevant * self._shared((self._place < k).astype(float)))
        return _over(got, self._summed(self._relevant))

    def average_precision(self) -> Array:
        """Return each query's average precision. Of rows of one score, all are taken at once."""
        within = np.cumsum(self._relevant)
        before = within - self._relevant
        hits = within - before[self._first][self._of]
        last = np.flatnonzero(np.diff(self._tie, append=-1))  # of each tie
        at = last[self._tie]
        share = hits[at] / (self._place[at] + 1)
        return _over(self._summed(self._relevant * share), self._summed(self._relevant))

    def reciprocal_rank(self) -> Array:
        """Return one over the place of each query's first relevant row; among rows of one score
        the mean over their orders."""
        hits = np.bincount(self._tie, self._relevant)
        ties = np.flatnonzero(hits)
        rows = np.searchsorted(self._tie, ties)  # the first of each tie
        queries, first = np.unique(self._of[rows], return_index=True)
        found = np.full(self._count, np.nan)
        for query, at in zip(queries, first.tolist(), strict=True):
            tie = ties[at]
            found[query] = _first_of(int(self._place[rows[at]]), int(self._size[tie]), hits[tie])
        return found

    def relevant_at(self, place: int) -> float:
        """Return the share of relevant rows at a place, from 1, of the queries that have it."""
        there = self._place == place - 1
        return float(self._relevant[there].mean()) if there.any() else float("nan")

    def _discount(self, k: int | None) -> Array:
        discount = 1 / np.log2(self._place + 2)
        return discount if k is None else np.where(self._place < k, discount, 0.0)

    def _shared(self, worth: Array) -> Array:
        """Return each row's mean worth of the places that its score may have."""
        return (np.bincount(self._tie, worth) / self._size)[self._tie]

    def _summed(self, values: Array) -> Array:
        return np.bincount(self._of, values, minlength=self._count)

    def _any(self) -> Array:
        return self._summed(self._relevant) > 0


def _over(top: Array, bottom: Array) -> Array:
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)


def _first_of(before: int, size: int, hits: float) -> float:
    """Return the mean of 1 / place of the first relevant row, of `hits` among `size` alike."""
    left, value = 1.0, 0.0
    for at in range(size):
        chance = hits / (size - at) if size - at > hits else 1.0
        value += left * chance / (before + at + 1)
        left *= 1 - chance
        if left <= 0:
            break
    return value
