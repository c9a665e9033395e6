"""Score candidate and champion on the same rows, and say how sure the gain is.

The gain is oriented: positive means that the candidate is better, whichever way the metric runs.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import metrics
import report
from container import INPUT, output, read_spec, run, unpacked, write_json
from metric_table import HIGHER_IS_BETTER
from scoring import rows_of, scores, slices_of, target_of

_RESAMPLES = 1000


def main() -> str:
    spec = read_spec()
    data = spec["data"]
    problem = spec["problem"]
    rows = rows_of(INPUT / "holdout")
    truth = target_of(rows, data["target"], problem)
    features = rows.drop(columns=[data["target"]])
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        scored = {}
        for side, code_input in (("candidate", "code"), ("champion", "champion-code")):
            code = unpacked(INPUT / code_input / "bundle.tar.gz", work / side / "code")
            model = unpacked(INPUT / side / "model.tar.gz", work / side / "model")
            scored[side] = scores(
                code, model, features, work / side / "scored", problem=problem, whose=side
            )
    result = comparison(spec, truth, scored["candidate"], scored["champion"], rows)
    target = output("comparison")
    write_json(target / "comparison.json", result)
    page = report.comparison(spec, result, truth, scored["candidate"], scored["champion"])
    (target / "report.html").write_text(page)
    gain = result["gain"]
    return (
        f"Completed: {result['metric']} {result['candidate']['value']:.4f} against "
        f"{result['champion']['value']:.4f}; gain {gain['value']:+.4f} "
        f"({gain['low']:+.4f} to {gain['high']:+.4f})"
    )


def comparison(
    spec: dict[str, Any],
    truth: metrics.Array,
    candidate: metrics.Array,
    champion: metrics.Array,
    rows: pd.DataFrame,
) -> dict[str, Any]:
    """Return comparison.json: both values, and the paired bootstrap of the gain."""
    problem = spec["problem"]
    metric, confidence = (spec["evaluate"]["compare"][key] for key in ("metric", "confidence"))
    sign = 1 if HIGHER_IS_BETTER[metric] else -1
    new = metrics.metrics_of(problem, truth, candidate)[metric]
    old = metrics.metrics_of(problem, truth, champion)[metric]
    pairs = [(new(weight), old(weight)) for weight in metrics.resamples(len(truth), _RESAMPLES)]
    everything = np.ones(len(truth))

    def side(values: list[float], value: float) -> dict[str, float]:
        low, high = metrics.interval(values, confidence)
        return {"value": value, "low": low, "high": high}

    gain = side([sign * (a - b) for a, b in pairs], sign * (new(everything) - old(everything)))
    slices = []
    parts = slices_of(rows, spec["evaluate"]["slices"], spec["evaluate"]["least_slice_rows"])
    for column, value, index in parts:
        ones = np.ones(len(index))
        a = metrics.metrics_of(problem, truth[index], candidate[index])[metric](ones)
        b = metrics.metrics_of(problem, truth[index], champion[index])[metric](ones)
        slices.append(
            {
                "column": column,
                "value": value,
                "rows": len(index),
                "candidate": {"value": a},
                "champion": {"value": b},
                "gain": {"value": sign * (a - b)},
            }
        )
    return {
        "version": 1,
        "metric": metric,
        "rows": len(truth),
        "candidate": side([a for a, _ in pairs], new(everything)),
        "champion": side([b for _, b in pairs], old(everything)),
        "gain": {**gain, "confidence": confidence, "resamples": _RESAMPLES},
        "slices": slices,
    }


if __name__ == "__main__":
    run(main)
