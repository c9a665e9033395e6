"""Quality of predictions whose labels are known: the holdout's metric, on production's rows."""

from typing import Any

import numpy as np
import pandas as pd

import metrics

_RESAMPLES = 200


def checks(
    asked: dict[str, Any], known: pd.DataFrame, evaluation: dict[str, Any]
) -> list[dict[str, Any]]:
    """Compare the labelled rows' metric with the holdout's; nothing where that has none."""
    truth = known["target"].to_numpy(dtype=float)
    score = known["score"].to_numpy(dtype=float)
    of = metrics.metrics_of(asked["problem"], truth, score)
    metric = asked["evaluate"]["compare"]["metric"]
    offline = (evaluation["metrics"].get(metric) or {}).get("value")
    if offline is None:
        return []
    value = of[metric](np.ones(len(truth)))
    spread = metrics.intervals({metric: of[metric]}, len(truth), confidence=0.95, count=_RESAMPLES)
    low, high = spread[metric]
    higher = metrics.HIGHER_IS_BETTER[metric]
    max_drop = asked["monitor"]["quality"]["max_drop"]
    threshold = offline - max_drop if higher else offline + max_drop
    # Only a loss that the interval cannot explain is a violation.
    lost = high < threshold if higher else low > threshold
    found = {
        "monitor": "quality",
        "feature": metric,
        "statistic": "model_quality_check",
        "value": value,
        "low": low,
        "high": high,
        "threshold": threshold,
        "violated": bool(lost),
        "description": f"{metric} is {value:.4f} ({low:.4f} to {high:.4f}) on {len(truth)} "
        f"labelled rows, {offline:.4f} on the holdout (threshold {threshold:.4f})",
    }
    return [found]
