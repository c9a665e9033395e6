"""Metrics by problem, and which way each is better: the one place that knows."""

from typing import Literal

Problem = Literal["binary_classification", "regression"]

# True where a higher value is better. The first of a problem is its usual one.
METRICS: dict[str, dict[str, bool]] = {
    "binary_classification": {
        "auc": True,
        "accuracy": True,
        "f1": True,
        "precision": True,
        "recall": True,
        "log_loss": False,
        "brier": False,
    },
    "regression": {"rmse": False, "mae": False, "r2": True},
}


def out_of_reach(metric: str, bar: float) -> str:
    """Say why no model can reach a metric's bar, or why every model does; empty if neither."""
    if metric in ("rmse", "mae", "log_loss"):
        return "" if bar > 0 else "no model reaches it; give more than 0"
    if metric == "brier":
        return "" if 0 < bar < 1 else "a Brier score lies between 0 and 1; give a bar between them"
    if bar >= 1:
        return "no model reaches it; give less than 1"
    if metric != "r2" and bar < 0:
        return "every model reaches it; give 0 or more"
    return ""
