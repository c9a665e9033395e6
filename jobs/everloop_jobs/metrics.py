"""Metrics as functions of the rows' weights, so that a bootstrap costs no sorting."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Units = NDArray[np.int64]
Metric = Callable[[Array], float]


def ratio(top: Array, bottom: Array) -> float:
    """Return the ratio of two sums; NaN where the second is nothing."""
    whole = bottom.sum()
    return float(top.sum() / whole) if whole else float("nan")


def auc_of(score: Array, positive: Array) -> Metric:
    """Return the area under the ROC curve, ties counted half; NaN where a class has no weight."""
    _, group = np.unique(score, return_inverse=True)

    def auc(weight: Array) -> float:
        hits = np.bincount(group, weights=weight * positive)
        others = np.bincount(group, weights=weight * (1 - positive))
        below = np.cumsum(others) - others
        pairs = hits.sum() * others.sum()
        return float((hits * (below + others / 2)).sum() / pairs) if pairs else float("nan")

    return auc


LEAST_UNITS = 5  # fewer say nothing of how much a metric varies


def resamples(rows: int, count: int, seed: int = 7, units: Units | None = None) -> Iterator[Array]:
    """Yield `count` bootstrap resamples of `rows` rows, as how often each was drawn.

    With `units`, the unit of each row, whole units are drawn: rows of one depend on each other.
    One at a time: a thousand at once would fill the memory of a small instance.
    """
    random = np.random.default_rng(seed)
    of = rows if units is None else int(units.max()) + 1
    for _ in range(count):
        times = np.bincount(random.integers(0, of, of), minlength=of).astype(float)
        yield times if units is None else times[units]


def intervals(
    measured: Mapping[str, Metric],
    rows: int,
    *,
    confidence: float,
    count: int,
    units: Units | None = None,
) -> dict[str, tuple[float, float]]:
    """Return each metric's percentile interval over the same bootstrap resamples of its rows."""
    values: dict[str, list[float]] = {name: [] for name in measured}
    for weight in resamples(rows, count, units=units):
        for name, metric in measured.items():
            values[name].append(metric(weight))
    return {name: interval(resampled, confidence, units) for name, resampled in values.items()}


def interval(
    values: list[float], confidence: float, units: Units | None = None
) -> tuple[float, float]:
    """Return the percentile interval of bootstrap values; NaN where there are none.

    Of few units it is as much wider as Student's t is than a normal distribution, since a bootstrap
    of few is too narrow: Hesterberg (2015), "What Teachers Should Know About the Bootstrap", 5.3.
    """
    known = np.array([value for value in values if value == value])
    of = None if units is None or not len(units) else int(units.max()) + 1
    if not known.size or (of is not None and of < LEAST_UNITS):
        return float("nan"), float("nan")
    outside = (1 - confidence) / 2
    if of is not None:
        from scipy import stats  # not in every image, and only needed here

        wide = stats.t.ppf(1 - outside, of - 1) * np.sqrt(of / (of - 1))
        outside = float(stats.norm.sf(wide))
    low, high = np.quantile(known, [outside, 1 - outside])
    return float(low), float(high)
