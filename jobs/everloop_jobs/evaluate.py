"""Evaluate a trained model on its holdout: metrics with intervals, slices, a report.

A model's own evaluate.py, where it has one, measures instead; what it wrote is checked.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import metrics
import own_evaluation
import report
from container import INPUT, JobError, output, read_spec, run, unpacked, write_json
from scoring import rows_of, scores, slices_of, target_of

_RESAMPLES = 200


def main() -> str:
    spec = read_spec()
    rows = rows_of(INPUT / "holdout")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
        model = unpacked(INPUT / "model" / "model.tar.gz", work / "model")
        if not any(model.iterdir()):
            raise JobError("model.tar.gz is empty: train.py wrote nothing to SM_MODEL_DIR")
        target = output("evaluation")
        if (code / "evaluate.py").exists():
            result = own_evaluation.run(code, model, target, spec)
        else:
            result = _measure(spec, rows, code, model, work, target)
    if not (target / "report.html").exists():
        scored = pd.read_csv(target / "predictions.csv")
        truth, score = (scored[name].to_numpy(dtype=float) for name in ("target", "score"))
        (target / "report.html").write_text(report.evaluation(spec, result, truth, score))
    summary = ", ".join(
        f"{name} {metric['value']:.4f}" for name, metric in result["metrics"].items()
    )
    return f"Completed: {result['rows']} rows evaluated: {summary}"


def _measure(
    spec: dict[str, Any], rows: pd.DataFrame, code: Path, model: Path, work: Path, target: Path
) -> dict[str, Any]:
    data, problem = spec["data"], spec["problem"]
    truth = target_of(rows, data["target"], problem)
    features = rows.drop(columns=[data["target"]])
    score = scores(code, model, features, work / "scored", problem=problem)
    result = evaluation(problem, truth, score, rows, spec["evaluate"])
    write_json(target / "evaluation.json", result)
    keys = rows[data["key"]] if data["key"] in rows else [""] * len(rows)
    frame = pd.DataFrame({"row": range(len(rows)), "key": keys, "target": truth, "score": score})
    frame.to_csv(target / "predictions.csv", index=False, float_format="%.17g")
    return result


def evaluation(
    problem: str,
    truth: metrics.Array,
    score: metrics.Array,
    rows: pd.DataFrame,
    rules: dict[str, Any],
) -> dict[str, Any]:
    """Return evaluation.json: each metric with its 95 % bootstrap interval, and per slice."""
    measured = metrics.metrics_of(problem, truth, score)
    spread = metrics.intervals(measured, len(truth), confidence=0.95, count=_RESAMPLES)
    everything = np.ones(len(truth))
    slices = []
    for column, value, index in slices_of(rows, rules["slices"], rules["least_slice_rows"]):
        of = metrics.metrics_of(problem, truth[index], score[index])
        values = {name: {"value": metric(np.ones(len(index)))} for name, metric in of.items()}
        slices.append({"column": column, "value": value, "rows": len(index), "metrics": values})
    return {
        "version": 1,
        "problem": problem,
        "rows": len(truth),
        "metrics": {
            name: {"value": metric(everything), "low": spread[name][0], "high": spread[name][1]}
            for name, metric in measured.items()
        },
        "slices": slices,
    }


if __name__ == "__main__":
    run(main)
