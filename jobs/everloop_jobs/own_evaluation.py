"""Run a model's own evaluate.py, and check what it wrote as strictly as our own."""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import requirements
from container import INPUT, JobError, run_script, write_json
from metrics import Array
from problems import BadAnswer, Problem
from scoring import predictions_of

_COLUMNS = ("row", "key", "target")


def run(code: Path, model: Path, target: Path, problem: Problem) -> dict[str, Any]:
    """Return evaluation.json as evaluate.py wrote it into `target`. Raises JobError."""
    _run(code, model, target, "model")
    for name in ("evaluation.json", "predictions.csv"):
        if not (target / name).exists():
            raise JobError(f"evaluate.py of the model wrote no {name} into --output")
    _check_predictions(target / "predictions.csv", problem)
    return _checked(target / "evaluation.json", problem.spec)


def scores(
    code: Path, model: Path, target: Path, problem: Problem, rows: int, whose: str = "model"
) -> Array:
    """Return what evaluate.py wrote of each row of the holdout, in its order. Raises JobError."""
    if not (code / "evaluate.py").is_file():
        raise JobError(f"the {whose}'s folder has no evaluate.py, which its problem needs")
    target.mkdir(parents=True, exist_ok=True)
    _run(code, model, target, whose)
    path = target / "predictions.csv"
    if not path.exists():
        raise JobError(f"evaluate.py of the {whose} wrote no predictions.csv")
    return kept_scores(path, problem, rows, f"predictions.csv of the {whose}'s evaluate.py")


def kept_scores(path: Path, problem: Problem, rows: int, where: str) -> Array:
    """Return what a predictions.csv says of each row of the holdout, in its order.

    Raises JobError.
    """
    try:
        frame = predictions_of(path)
        score = problem.of_columns(frame)
    except BadAnswer as error:
        raise JobError(f"{where}: {error}") from error
    except (ValueError, OverflowError, MemoryError) as error:
        raise JobError(f"{where} is no CSV: {error}") from error
    order = pd.to_numeric(frame["row"], errors="coerce") if "row" in frame else frame.index
    if sorted(order) != list(range(rows)):
        raise JobError(
            f"{where} has {len(frame)} rows; each of the holdout's {rows} belongs there once, its "
            f"position in the column 'row', from 0 to {rows - 1}"
        )
    return score[np.argsort(np.asarray(order, dtype=int))]


def _run(code: Path, model: Path, target: Path, whose: str) -> None:
    command = [sys.executable, "evaluate.py", "--model", str(model)]
    command += ["--data", str(INPUT / "holdout"), "--output", str(target)]
    told = {"EVERLOOP_ANSWERS": str(INPUT / "answers"), **requirements.installed(code, whose)}
    failed, last = run_script(command, code, told)
    if failed:
        raise JobError(f"evaluate.py of the {whose} failed: {last}")


def _checked(path: Path, spec: Mapping[str, Any]) -> dict[str, Any]:
    where = "evaluation.json of the model's evaluate.py"
    try:
        document = json.loads(path.read_text())
    except (ValueError, RecursionError, MemoryError) as error:
        raise JobError(f"{where} is no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("metrics"), dict):
        raise JobError(
            f'{where} has no "metrics": write {{"metrics": {{"auc": {{"value": 0.7}}}}}}'
        )
    if not isinstance(document.get("rows"), int) or document["rows"] < 1:
        raise JobError(f'{where}: "rows" is {document.get("rows")!r}; write the number of rows')
    for name, metric in document["metrics"].items():
        value = metric.get("value") if isinstance(metric, dict) else None
        if not _is_finite(value):
            raise JobError(f'{where}: metrics.{name} has no finite number as its "value"')
        # Intervals are a courtesy: nothing decides by them.
        known = {side: metric.get(side) for side in ("low", "high")}
        sides = {side: float(at) if _is_finite(at) else math.nan for side, at in known.items()}
        document["metrics"][name] = {**metric, **sides}
    compare = spec["evaluate"]["compare"]["metric"]
    for name in [*spec["evaluate"]["metrics"], compare]:
        if name not in document["metrics"]:
            raise JobError(f"{where} has no metric {name!r}, which model.toml asks for")
    result = {"version": 1, "problem": spec["problem"], "slices": [], **document}
    write_json(path, result)  # also turns Python's NaN into what pipelines can read
    return result


def _is_finite(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _check_predictions(path: Path, problem: Problem) -> None:
    where = "predictions.csv of the model's evaluate.py"
    try:
        frame = predictions_of(path)
    except (ValueError, OverflowError, MemoryError) as error:
        raise JobError(f"{where} is no CSV: {error}") from error
    missing = [name for name in _COLUMNS if name not in frame]
    if missing:
        raise JobError(f"{where}: no column {missing[0]!r}; it has row, key, target and score")
    if not len(frame) or not np.isfinite(problem.target_of(frame["target"])).all():
        raise JobError(f"{where}: 'target' holds something else than {problem.rule}")
    try:
        problem.of_columns(frame)
    except BadAnswer as error:
        raise JobError(f"{where}: {error}") from error
