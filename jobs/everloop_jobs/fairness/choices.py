"""Fairness of choices: the favourable outcome, and who gets it."""

from collections.abc import Callable
from typing import Final

import numpy as np

from fairness.definitions import Measure, Value, drawn, of_counts, of_means
from metrics import Array
from outcomes import Choices

_CLARIFY = "SageMaker Clarify, post-training bias metrics: {}"
_HARDT = "Hardt, Price, Srebro 2016 (fairlearn: equalized_odds_difference)"


class _Rates:
    """Rates of counts by (actual, said); the counts may be many resamples, a row each."""

    def __init__(self, cells: Array) -> None:
        self.tn, self.fp, self.fn, self.tp = np.moveaxis(cells, -1, 0)
        self.rows = cells.sum(axis=-1)

    @property
    def selected(self) -> Array:
        return (self.tp + self.fp) / self.rows

    @property
    def recall(self) -> Array:
        return self.tp / (self.tp + self.fn)

    @property
    def false_positives(self) -> Array:
        return self.fp / (self.fp + self.tn)

    @property
    def precision(self) -> Array:
        return self.tp / (self.tp + self.fp)

    @property
    def right(self) -> Array:
        return (self.tp + self.tn) / self.rows


Formula = Callable[[_Rates, _Rates], Array]


def _odds(a: _Rates, d: _Rates) -> Array:
    return np.maximum(np.abs(a.recall - d.recall), np.abs(a.false_positives - d.false_positives))


# a is the reference group and d the group, as in AWS's documentation.
_COUNTED: Final[dict[str, tuple[Measure, Formula]]] = {
    "demographic_parity_difference": (
        Measure("difference", "favourable share of a - of d", _CLARIFY.format("DPPL"), False),
        lambda a, d: a.selected - d.selected,
    ),
    "disparate_impact": (
        Measure("ratio", "favourable share of d / of a", _CLARIFY.format("DI"), False),
        lambda a, d: d.selected / a.selected,
    ),
    "equal_opportunity_difference": (
        Measure("difference", "recall of a - of d", _CLARIFY.format("RD")),
        lambda a, d: a.recall - d.recall,
    ),
    "equalized_odds_difference": (
        Measure("difference", "the larger gap of recall and of false positives", _HARDT),
        _odds,
    ),
    "specificity_difference": (
        Measure("difference", "specificity of d - of a", _CLARIFY.format("SD")),
        lambda a, d: a.false_positives - d.false_positives,
    ),
    "predictive_parity_difference": (
        Measure("difference", "precision of a - of d", _CLARIFY.format("DAR")),
        lambda a, d: a.precision - d.precision,
    ),
    "rejection_rate_difference": (
        Measure("difference", "rightly refused of the refused, d - a", _CLARIFY.format("DRR")),
        lambda a, d: d.tn / (d.tn + d.fn) - a.tn / (a.tn + a.fn),
    ),
    "accuracy_difference": (
        Measure("difference", "accuracy of a - of d", _CLARIFY.format("AD")),
        lambda a, d: a.right - d.right,
    ),
    "conditional_acceptance_difference": (
        Measure("difference", "favourable in fact / as said, a - d", _CLARIFY.format("DCAcc")),
        lambda a, d: (a.tp + a.fn) / (a.tp + a.fp) - (d.tp + d.fn) / (d.tp + d.fp),
    ),
    "conditional_rejection_difference": (
        Measure("difference", "unfavourable in fact / as said, d - a", _CLARIFY.format("DCR")),
        lambda a, d: (d.tn + d.fp) / (d.tn + d.fn) - (a.tn + a.fp) / (a.tn + a.fn),
    ),
    "treatment_equality": (
        Measure("difference", "wrongly refused / wrongly favoured, d - a", _CLARIFY.format("TE")),
        lambda a, d: d.fn / d.fp - a.fn / a.fp,
    ),
}
_CALIBRATION: Final = "calibration_difference"
MEASURES: Final[dict[str, Measure]] = {
    **{name: measure for name, (measure, _) in _COUNTED.items()},
    _CALIBRATION: Measure(
        "difference",
        "(mean probability - favourable share in fact) of d - of a",
        "Pleiss et al. 2017, calibration within groups",
    ),
}


def measured(
    reference: Choices, group: Choices, level: float, random: np.random.Generator
) -> dict[str, Value]:
    """Return every measure of a group against the reference."""
    sides = [(_Rates(each.cells), _Rates(drawn(each.cells, random))) for each in (reference, group)]
    values = {
        name: of_counts(formula, sides[0], sides[1], level)
        for name, (_, formula) in _COUNTED.items()
    }
    gaps = [each.chance - each.actual for each in (reference, group)]
    variance = sum(float(gap.var(ddof=1)) / len(gap) for gap in gaps)
    values[_CALIBRATION] = of_means(float(gaps[1].mean() - gaps[0].mean()), variance, level)
    return values
