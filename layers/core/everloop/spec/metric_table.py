"""Metrics by problem: their names, which way each is better, and how far it goes.

This file is there twice, since jobs and layer share no code: jobs/everloop_jobs/metric_table.py and
layers/core/everloop/spec/metric_table.py. A test holds both alike.
"""

from typing import Final, NamedTuple


class Measure(NamedTuple):
    """`best` is what no model exceeds; `worst`, where there is one, is what every model reaches."""

    higher_is_better: bool
    best: float
    worst: float | None = None


_SHARE: Final = Measure(True, 1.0, 0.0)
_ERROR: Final = Measure(False, 0.0)

# The first of a problem is its usual one.
MEASURES: Final[dict[str, dict[str, Measure]]] = {
    "binary_classification": {
        "auc": _SHARE,
        "accuracy": _SHARE,
        "f1": _SHARE,
        "precision": _SHARE,
        "recall": _SHARE,
        "log_loss": _ERROR,
        "brier": Measure(False, 0.0, 1.0),
    },
    "regression": {"rmse": _ERROR, "mae": _ERROR, "r2": Measure(True, 1.0)},
}
HIGHER_IS_BETTER: Final[dict[str, bool]] = {
    name: measure.higher_is_better for known in MEASURES.values() for name, measure in known.items()
}
