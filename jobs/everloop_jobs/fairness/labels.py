"""Fairness of the labels that a version learns from, before any training.

The formulas are those that AWS has published for SageMaker Clarify's pre-training bias metrics.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from fairness.definitions import Measure, drawn, of_counts
from metrics import Array

_CLARIFY = "SageMaker Clarify, pre-training bias metrics: {}"


def _shares(counts: Array) -> Array:
    return counts / counts.sum(axis=-1, keepdims=True)


def _imbalance(a: Array, d: Array) -> Array:
    return (a.sum(axis=-1) - d.sum(axis=-1)) / (a.sum(axis=-1) + d.sum(axis=-1))


def _kl(a: Array, d: Array) -> Array:
    p, q = _shares(a), _shares(d)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(p > 0, p * np.log(p / q), 0.0).sum(axis=-1))


def _js(a: Array, d: Array) -> Array:
    p, q = _shares(a), _shares(d)
    middle = (p + q) / 2
    return (_kl(p, middle) + _kl(q, middle)) / 2


def _favourable(a: Array, d: Array) -> Array:
    return _shares(a)[..., 1] - _shares(d)[..., 1]


MEASURES: Final[dict[str, Measure]] = {
    "mean_label_difference": Measure(
        "difference", "mean label of a - of d", "of numbers, as DPL of classes"
    ),
    "class_imbalance": Measure("difference", "(rows of a - of d) / both", _CLARIFY.format("CI")),
    "label_difference": Measure(
        "difference", "favourable share of the labels of a - of d", _CLARIFY.format("DPL")
    ),
    "kl_divergence": Measure("difference", "sum of Pa ln(Pa / Pd)", _CLARIFY.format("KL")),
    "js_divergence": Measure(
        "difference", "mean of KL(Pa, P) and KL(Pd, P), P the mean of both", _CLARIFY.format("JS")
    ),
    "lp_norm": Measure("difference", "root of the sum of (Pa - Pd)^2", _CLARIFY.format("LP")),
    "total_variation": Measure("difference", "half the sum of |Pa - Pd|", _CLARIFY.format("TVD")),
    "ks_distance": Measure("difference", "the largest |Pa - Pd|", _CLARIFY.format("KS")),
}
_FORMULAS: Final = {
    "kl_divergence": _kl,
    "js_divergence": _js,
    "lp_norm": lambda a, d: np.sqrt(((_shares(a) - _shares(d)) ** 2).sum(axis=-1)),
    "total_variation": lambda a, d: np.abs(_shares(a) - _shares(d)).sum(axis=-1) / 2,
    "ks_distance": lambda a, d: np.abs(_shares(a) - _shares(d)).max(axis=-1),
}


def measured(
    reference: Mapping[str, int],
    group: Mapping[str, int],
    favourable: frozenset[str],
    level: float,
    random: np.random.Generator,
) -> dict[str, dict[str, Any]]:
    """Return every measure of a group's labels against the reference's, both by label."""
    names = sorted({*reference, *group})
    a, d = (np.array([side.get(name, 0) for name in names], float) for side in (reference, group))
    sides = [(each, drawn(each, random)) for each in (a, d)]
    values = {
        name: of_counts(formula, sides[0], sides[1], level) for name, formula in _FORMULAS.items()
    }
    whole = a.sum() + d.sum()
    rows = random.binomial(int(whole), a.sum() / whole, size=len(sides[0][1])).astype(float)
    values["class_imbalance"] = of_counts(
        _imbalance,
        (a, rows[:, None]),
        (d, (whole - rows)[:, None]),
        level,
    )
    if favourable:
        hit = np.array([name in favourable for name in names])
        both = [
            tuple(
                np.stack([each[..., ~hit].sum(axis=-1), each[..., hit].sum(axis=-1)], axis=-1)
                for each in side
            )
            for side in sides
        ]
        values["label_difference"] = of_counts(_favourable, both[0], both[1], level)
    return {name: values[name].record() for name in MEASURES if name in values}
