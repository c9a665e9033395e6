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
from container import INPUT, JobError, output, run, spec, unpacked, write_json
from scoring import rows_of, scores, slices_of, target_of

_RESAMPLES = 200


def main() -> str:
    asked = spec()
    rows = rows_of(INPUT / "holdout")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
        model = unpacked(INPUT / "model" / "model.tar.gz", work / "model")
        if not any(model.iterdir()):
            raise JobError("model.tar.gz is empty: train.py wrote nothing to SM_MODEL_DIR")
        target = output("evaluation")
        if (code / "evaluate.py").exists():
            told = own_evaluation.run(code, model, target, asked)
        else:
            told = _measure(asked, rows, code, model, work, target)
    if not (target / "report.html").exists():
        scored = pd.read_csv(target / "predictions.csv")
        truth, score = (scored[name].to_numpy(dtype=float) for name in ("target", "score"))
        (target / "report.html").write_text(report.evaluation(asked, told, truth, score))
    said = ", ".join(f"{name} {found['value']:.4f}" for name, found in told["metrics"].items())
    return f"Completed: {told['rows']} rows evaluated: {said}"


def _measure(
    asked: dict[str, Any], rows: pd.DataFrame, code: Path, model: Path, work: Path, target: Path
) -> dict[str, Any]:
    data, problem = asked["data"], asked["problem"]
    truth = target_of(rows, data["target"], problem)
    given = rows.drop(columns=[data["target"]])
    score = scores(code, model, given, work / "scored", problem=problem)
    told = evaluation(problem, truth, score, rows, asked["evaluate"])
    write_json(target / "evaluation.json", told)
    keys = rows[data["key"]] if data["key"] in rows else [""] * len(rows)
    frame = pd.DataFrame({"row": range(len(rows)), "key": keys, "target": truth, "score": score})
    frame.to_csv(target / "predictions.csv", index=False, float_format="%.17g")
    return told


def evaluation(
    problem: str,
    truth: metrics.Array,
    score: metrics.Array,
    rows: pd.DataFrame,
    asked: dict[str, Any],
) -> dict[str, Any]:
    """Return evaluation.json: each metric with its 95 % bootstrap interval, and per slice."""
    measured = metrics.metrics_of(problem, truth, score)
    spread = metrics.intervals(measured, len(truth), confidence=0.95, count=_RESAMPLES)
    everything = np.ones(len(truth))
    slices = []
    for column, value, index in slices_of(rows, asked["slices"], asked["least_slice_rows"]):
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
