"""Evaluate a trained model on its holdout: metrics with intervals, slices, a report."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import metrics
import report
from container import INPUT, JobError, output, run, spec, unpacked, write_json
from scoring import scores, target_of

_RESAMPLES = 200


def main() -> str:
    asked = spec()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
        model = unpacked(INPUT / "model" / "model.tar.gz", work / "model")
        if not any(model.iterdir()):
            raise JobError("model.tar.gz is empty: train.py wrote nothing to SM_MODEL_DIR")
        target = output("evaluation")
        if (code / "evaluate.py").exists():
            _own(code, model, target)
        else:
            _default(asked, code, model, work, target)
    told = json.loads((target / "evaluation.json").read_text())
    said = ", ".join(f"{name} {found['value']:.4f}" for name, found in told["metrics"].items())
    return f"Completed: {told['rows']} rows evaluated: {said}"


def _own(code: Path, model: Path, target: Path) -> None:
    command = [sys.executable, "evaluate.py", "--model", str(model)]
    command += ["--data", str(INPUT / "holdout"), "--output", str(target)]
    if subprocess.run(command, cwd=code, check=False).returncode:
        raise JobError("evaluate.py of the model failed; its messages are in the job's log")
    for name in ("evaluation.json", "predictions.csv"):
        if not (target / name).exists():
            raise JobError(f"evaluate.py of the model wrote no {name} into --output")


def _default(asked: dict[str, Any], code: Path, model: Path, work: Path, target: Path) -> None:
    data, problem = asked["data"], asked["problem"]
    rows = pd.read_csv(INPUT / "holdout" / "data.csv")
    truth = target_of(rows, data["target"])
    score = scores(code, model, rows.drop(columns=[data["target"]]), work / "scored")
    told = evaluation(problem, truth, score, rows, asked["evaluate"])
    write_json(target / "evaluation.json", told)
    keys = rows[data["key"]] if data["key"] in rows else [""] * len(rows)
    frame = pd.DataFrame(
        {"row": range(len(rows)), "key": keys, "target": rows[data["target"]], "score": score}
    )
    frame.to_csv(target / "predictions.csv", index=False, float_format="%.17g")
    (target / "report.html").write_text(report.evaluation(asked["name"], told, truth, score))


def evaluation(
    problem: str, truth: metrics.Array, score: metrics.Array, rows: pd.DataFrame, asked: Any
) -> dict[str, Any]:
    """Return evaluation.json: each metric with its 95 % bootstrap interval, and per slice."""
    weights = metrics.resamples(len(truth), _RESAMPLES)
    found = {}
    for name, metric in metrics.metrics_of(problem, truth, score).items():
        low, high = metrics.interval([metric(weight) for weight in weights], 0.95)
        found[name] = {"value": metric(np.ones(len(truth))), "low": low, "high": high}
    slices = []
    for column in asked["slices"]:
        for value, index in rows.groupby(column).indices.items():
            if len(index) < asked["least_slice_rows"]:
                continue
            of = metrics.metrics_of(problem, truth[index], score[index])
            values = {name: {"value": metric(np.ones(len(index)))} for name, metric in of.items()}
            slices.append(
                {"column": column, "value": str(value), "rows": len(index), "metrics": values}
            )
    return {
        "version": 1,
        "problem": problem,
        "rows": len(truth),
        "metrics": found,
        "slices": slices,
    }


if __name__ == "__main__":
    run(main)
