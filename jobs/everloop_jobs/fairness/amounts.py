"""Fairness of predicted amounts: who gets more, and for whom it is wrong."""

from typing import Final

import numpy as np

from fairness.definitions import Measure, Value, of_means
from metrics import Array
from outcomes import Amounts

_FRAME = "fairlearn MetricFrame, {} by group"

MEASURES: Final[dict[str, Measure]] = {
    "mean_prediction_difference": Measure(
        "difference", "mean prediction of a - of d", _FRAME.format("mean_prediction"), False
    ),
    "standardised_prediction_difference": Measure(
        "difference",
        "mean prediction of a - of d, in standard deviations of the predictions of both",
        "Cohen 1988, d",
        False,
    ),
    "mean_error_difference": Measure(
        "difference", "mean (prediction - truth) of d - of a", _FRAME.format("mean residual")
    ),
    "mae_difference": Measure(
        "difference", "mean absolute error of d - of a", _FRAME.format("mean_absolute_error")
    ),
    "rmse_difference": Measure(
        "difference",
        "root mean squared error of d - of a",
        _FRAME.format("root_mean_squared_error"),
    ),
}


def measured(
    reference: Amounts, group: Amounts, level: float, random: np.random.Generator
) -> dict[str, Value]:
    """Return every measure of a group against the reference."""
    errors = [each.said - each.actual for each in (reference, group)]
    said = [reference.said, group.said]
    spread = float(np.sqrt(np.mean([values.var(ddof=1) for values in said])))
    mean, mean_variance = _difference(said[0], said[1])
    error, error_variance = _difference(errors[1], errors[0])
    size, size_variance = _difference(np.abs(errors[1]), np.abs(errors[0]))
    return {
        "mean_prediction_difference": of_means(mean, mean_variance, level),
        "standardised_prediction_difference": of_means(
            mean / spread if spread else float("nan"),
            mean_variance / spread**2 if spread else float("nan"),
            level,
        ),
        "mean_error_difference": of_means(error, error_variance, level),
        "mae_difference": of_means(size, size_variance, level),
        "rmse_difference": _rmse(errors[1], errors[0], level),
    }


def _difference(one: Array, other: Array) -> tuple[float, float]:
    """Return a difference of means and its variance (Welch)."""
    variance = sum(float(values.var(ddof=1)) / len(values) for values in (one, other))
    return float(one.mean() - other.mean()), variance


def _rmse(one: Array, other: Array, level: float) -> Value:
    """Return the difference of the roots; a root's variance by the delta method."""
    roots, variance = [], 0.0
    for values in (one, other):
        squares = values**2
        root = float(np.sqrt(squares.mean()))
        roots.append(root)
        if root:
            variance += float(squares.var(ddof=1)) / len(squares) / (2 * root) ** 2
    return of_means(roots[0] - roots[1], variance, level)
