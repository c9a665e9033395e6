"""Metrics of scores against targets, weighted, so that a bootstrap costs no sorting.

Binary targets are 0 and 1, scores are probabilities; regression has numbers for both.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Metric = Callable[[Array], float]


def metrics_of(problem: str, target: Array, score: Array) -> dict[str, Metric]:
    """Return each metric of the problem as a function of the rows' weights.

    A metric that the rows do not define (AUC of one class) is NaN.
    """
    if problem == "regression":
        return _regression(target, score)
    return _binary(target, score)


def _binary(target: Array, score: Array) -> dict[str, Metric]:
    _, group = np.unique(score, return_inverse=True)
    predicted = (score >= 0.5).astype(float)
    clipped = np.clip(score, 1e-15, 1 - 1e-15)
    loss = -(target * np.log(clipped) + (1 - target) * np.log(1 - clipped))
    squared = (score - target) ** 2

    def auc(weight: Array) -> float:
        positive = np.bincount(group, weights=weight * target)
        negative = np.bincount(group, weights=weight * (1 - target))
        below = np.cumsum(negative) - negative
        pairs = positive.sum() * negative.sum()
        return float((positive * (below + negative / 2)).sum() / pairs) if pairs else float("nan")

    def ratio(top: Array, bottom: Array) -> float:
        whole = bottom.sum()
        return float(top.sum() / whole) if whole else float("nan")

    return {
        "auc": auc,
        "accuracy": lambda w: ratio(w * (predicted == target), w),
        "f1": lambda w: ratio(2 * w * predicted * target, w * (predicted + target)),
        "precision": lambda w: ratio(w * predicted * target, w * predicted),
        "recall": lambda w: ratio(w * predicted * target, w * target),
        "log_loss": lambda w: ratio(w * loss, w),
        "brier": lambda w: ratio(w * squared, w),
    }


def _regression(target: Array, score: Array) -> dict[str, Metric]:
    error = score - target

    def r2(weight: Array) -> float:
        mean = np.average(target, weights=weight)
        spread = (weight * (target - mean) ** 2).sum()
        return float(1 - (weight * error**2).sum() / spread) if spread else float("nan")

    return {
        "rmse": lambda w: float(np.sqrt(np.average(error**2, weights=w))),
        "mae": lambda w: float(np.average(np.abs(error), weights=w)),
        "r2": r2,
    }


def resamples(rows: int, count: int, seed: int = 7) -> Iterator[Array]:
    """Yield `count` bootstrap resamples of `rows` rows, as weights that sum to `rows`.

    One at a time: a thousand at once would fill the memory of a small instance.
    """
    random = np.random.default_rng(seed)
    for _ in range(count):
        drawn = random.integers(0, rows, rows)
        yield np.bincount(drawn, minlength=rows).astype(float)


def intervals(
    measured: Mapping[str, Metric], rows: int, *, confidence: float, count: int
) -> dict[str, tuple[float, float]]:
    """Return each metric's percentile interval over the same bootstrap resamples of its rows."""
    values: dict[str, list[float]] = {name: [] for name in measured}
    for weight in resamples(rows, count):
        for name, metric in measured.items():
            values[name].append(metric(weight))
    return {name: interval(resampled, confidence) for name, resampled in values.items()}


def interval(values: list[float], confidence: float) -> tuple[float, float]:
    """Return the percentile interval of bootstrap values; NaN where there are none."""
    known = np.array([value for value in values if value == value])
    if not known.size:
        return float("nan"), float("nan")
    outside = (1 - confidence) / 2
    low, high = np.quantile(known, [outside, 1 - outside])
    return float(low), float(high)
