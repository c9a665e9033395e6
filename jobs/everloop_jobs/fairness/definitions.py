"""What a measure of fairness is, and how sure its value is.

Each compares a group with the reference group. Where AWS has published a formula for SageMaker
Clarify, it is that one, with its sign.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from metrics import Array

DRAWS = 4000  # of a group's few counts, so that they cost next to nothing


@dataclass(frozen=True)
class Measure:
    """`kind` says what fair is: a difference of 0, or a ratio of 1. `formula` is for people.

    d is the group and a the reference, as in AWS's documentation.
    """

    kind: Literal["difference", "ratio"]
    formula: str
    source: str
    needs_truth: bool = True  # what really was, which answers alone do not say

    @property
    def fair(self) -> float:
        return 1.0 if self.kind == "ratio" else 0.0

    def far(self, value: float) -> float:
        """Return how far a value is from fair, either way: of a ratio, how much is lacking to 1."""
        if self.kind == "difference":
            return abs(value)
        return 1 - (min(value, 1 / value) if value else 0.0)

    def most(self, bar: float) -> float:
        """Return how far a value may be from fair."""
        return 1 - bar if self.kind == "ratio" else bar

    def surely_beyond(self, value: "Value", bar: float) -> bool:
        """Tell whether the whole interval lies beyond a bar."""
        if self.kind == "ratio":
            return value.high < bar or value.low > 1 / bar
        return value.low > bar or value.high < -bar

    def wanted(self, bar: float) -> str:
        return f"at {'least' if self.kind == 'ratio' else 'most'} {bar:g} either way"


@dataclass(frozen=True)
class Value:
    """A measure of a group, with the interval that holds it at the level that was asked for."""

    value: float
    low: float
    high: float

    def record(self) -> dict[str, Any]:
        return {
            name: float(each) if np.isfinite(each) else None
            for name, each in (("value", self.value), ("low", self.low), ("high", self.high))
        }


UNDEFINED = Value(float("nan"), float("nan"), float("nan"))


def drawn(counts: Array, random: np.random.Generator) -> Array:
    """Return bootstrap resamples of a group as its counts: (DRAWS, cells).

    Resampling rows and counting them is a multinomial draw of the counts.
    """
    rows = int(counts.sum())
    return random.multinomial(rows, counts / rows, size=DRAWS).astype(float)


def of_counts(
    formula: Callable[[Array, Array], Array],
    reference: tuple[Array, Array],
    group: tuple[Array, Array],
    level: float,
) -> Value:
    """Return a measure of counts, each side given as (counts, its resamples).

    The interval is the percentile interval of the resamples at which the measure is defined.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(formula(reference[0], group[0]))
        values = formula(reference[1], group[1])
    values = values[np.isfinite(values)]
    if not np.isfinite(value) or not values.size:
        return UNDEFINED
    outside = (1 - level) / 2
    low, high = np.quantile(values, [outside, 1 - outside])
    return Value(value, float(low), float(high))


def of_means(value: float, variance: float, level: float) -> Value:
    """Return a measure that is a difference of means; `variance` is that of the difference.

    The interval is the normal one: a group is judged from 30 rows on.
    """
    if not np.isfinite(value):
        return UNDEFINED
    reach = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(variance))
    return Value(value, value - reach, value + reach)
