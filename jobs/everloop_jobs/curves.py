"""Metrics of scores as thresholds: the curves of precision and recall, and which threshold is best.

All are weighted, ties and all, as scikit-learn has them.
"""

from collections.abc import Callable

import numpy as np

from metrics import Array, Metric


class Curve:
    """How many positives and others lie at or above each distinct score, from the highest down."""

    def __init__(self, score: Array, positive: Array) -> None:
        values, group = np.unique(score, return_inverse=True)
        self.values = values[::-1]
        self._group = len(values) - 1 - group
        self._positive = positive

    def sums(self, weight: Array) -> tuple[Array, Array]:
        """Return the true and the false positives of each threshold."""
        size = len(self.values)
        hits = np.bincount(self._group, weights=weight * self._positive, minlength=size)
        others = np.bincount(self._group, weights=weight * (1 - self._positive), minlength=size)
        return np.cumsum(hits), np.cumsum(others)

    def average_precision(self, weight: Array) -> float:
        hits, others = self.sums(weight)
        if not hits[-1]:
            return float("nan")
        precision = hits / np.maximum(hits + others, 1e-300)
        return float((np.diff(hits, prepend=0.0) * precision).sum() / hits[-1])

    def recall_at(self, least: float) -> Metric:
        """Return the largest recall whose precision is at least so much; 0 where none is."""

        def recall(weight: Array) -> float:
            hits, others = self.sums(weight)
            if not hits[-1]:
                return float("nan")
            precise = (hits >= least * (hits + others) - 1e-12 * (hits + others)) & (hits > 0)
            return float(hits[precise].max() / hits[-1]) if precise.any() else 0.0

        return recall


# What a threshold may be best at: of true and false positives, all positives and all others.
Best = Callable[[Array, Array, float, float], Array]


def _f1(hits: Array, others: Array, positives: float, rest: float) -> Array:
    return 2 * hits / (hits + others + positives)


def _youden(hits: Array, others: Array, positives: float, rest: float) -> Array:
    return hits / positives - others / rest


def _accuracy(hits: Array, others: Array, positives: float, rest: float) -> Array:
    return (hits + rest - others) / (positives + rest)


def _mcc(hits: Array, others: Array, positives: float, rest: float) -> Array:
    said = hits + others
    whole = positives + rest
    spread = np.sqrt(np.maximum(said * (whole - said) * positives * rest, 1e-300))
    return (hits * whole - said * positives) / spread


BEST: dict[str, Best] = {
    "f1": _f1,
    "youden": _youden,
    "accuracy": _accuracy,
    "balanced_accuracy": _youden,  # half of one more than it
    "mcc": _mcc,
}


def best_threshold(score: Array, positive: Array, by: str) -> float | None:
    """Return the threshold that is best on these rows; None where they have one class only.

    It lies halfway between the lowest score that it takes and the next below.
    """
    curve = Curve(score, positive)
    hits, others = curve.sums(np.ones(len(score)))
    if not len(score) or not hits[-1] or not others[-1]:
        return None
    at = int(np.argmax(BEST[by](hits, others, hits[-1], others[-1])))
    return float(_halfway(curve)[at])


def thresholds(score: Array, positive: Array, most: int) -> Array:
    """Return the thresholds among which the best by any cost is, at most so many, falling.

    Each is just below a positive row's score: another one brings more of the others, and no more of
    those. The first lets no row count as positive. None where the rows have one class only.
    """
    curve = Curve(score, positive)
    hits, others = curve.sums(np.ones(len(score)))
    if not len(score) or not hits[-1] or not others[-1]:
        return np.empty(0)
    cut = _halfway(curve)[np.diff(hits, prepend=0.0) > 0]
    if len(cut) > most:
        cut = cut[np.linspace(0, len(cut) - 1, most).astype(int)]
    highest = curve.values[0]
    return cut if highest >= 1 else np.append((highest + 1) / 2, cut)


def _halfway(curve: Curve) -> Array:
    """Return a threshold for each score of a curve: halfway to the next below, itself at last."""
    lower = np.append(curve.values[1:], curve.values[-1:])
    return (curve.values + lower) / 2


def calibration_error(score: Array, positive: Array, bins: int = 10) -> Metric:
    """Return the expected calibration error: of ten equal ranges of scores, how far the share
    that came true is from the mean score, on average over rows.

    Guo et al. (2017), "On Calibration of Modern Neural Networks".
    """
    at = np.minimum((score * bins).astype(int), bins - 1)
    off = positive - score

    def error(weight: Array) -> float:
        whole = weight.sum()
        apart = np.bincount(at, weights=weight * off, minlength=bins)
        return float(np.abs(apart).sum() / whole) if whole else float("nan")

    return error
