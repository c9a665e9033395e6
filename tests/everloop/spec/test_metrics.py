"""Metrics: which bars make sense."""

import pytest

from everloop.spec.metrics import METRICS, out_of_reach


@pytest.mark.parametrize(
    ("metric", "bar", "fine"),
    [
        ("auc", 0.65, True),
        ("auc", 1.0, False),
        ("recall", -0.1, False),
        ("accuracy", 0.0, True),
        ("r2", -0.5, True),
        ("r2", 1.0, False),
        ("brier", 0.2, True),
        ("brier", 1.0, False),
        ("brier", 0.0, False),
        ("rmse", 1e9, True),
        ("rmse", 0.0, False),
        ("log_loss", -1.0, False),
    ],
)
def test_a_bar_is_one_that_some_models_meet_and_others_miss(
    metric: str, bar: float, fine: bool
) -> None:
    problem = next(name for name, known in METRICS.items() if metric in known)
    assert (out_of_reach(problem, metric, bar) == "") is fine
