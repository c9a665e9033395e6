"""Run a model's own evaluate.py, and check what it wrote as strictly as our own."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from container import INPUT, JobError, run_script, write_json

_COLUMNS = ("row", "key", "target", "score")


def run(code: Path, model: Path, target: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """Return evaluation.json as evaluate.py wrote it into `target`. Raises JobError."""
    command = [sys.executable, "evaluate.py", "--model", str(model)]
    command += ["--data", str(INPUT / "holdout"), "--output", str(target)]
    failed, last = run_script(command, code)
    if failed:
        raise JobError(f"evaluate.py of the model failed: {last}")
    for name in ("evaluation.json", "predictions.csv"):
        if not (target / name).exists():
            raise JobError(f"evaluate.py of the model wrote no {name} into --output")
    _check_predictions(target / "predictions.csv")
    return _checked(target / "evaluation.json", spec)


def _checked(path: Path, spec: dict[str, Any]) -> dict[str, Any]:
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


def _check_predictions(path: Path) -> None:
    where = "predictions.csv of the model's evaluate.py"
    try:
        frame = pd.read_csv(path)
    except (ValueError, OverflowError, MemoryError) as error:
        raise JobError(f"{where} is no CSV: {error}") from error
    missing = [name for name in _COLUMNS if name not in frame]
    if missing:
        raise JobError(f"{where} has no column {missing[0]!r}; it has row, key, target and score")
    for name in ("target", "score"):
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float)
        if not len(values) or not np.isfinite(values).all():
            raise JobError(f"{where}: {name!r} holds something that is no finite number")
