"""Score rows with a model's own inference handlers: the code path that serves.

Each model is scored in a process of its own, since two bundles have modules of the same names.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from container import JobError
from metrics import Array

_SCORER = """
import importlib, sys
code, model, rows, scores = sys.argv[1:]
sys.path.insert(0, code)
inference = importlib.import_module("inference")
loaded = inference.model_fn(model)
with open(rows, "rb") as file:
    body = file.read()
data = inference.input_fn(body.decode(), "text/csv")
answer = inference.output_fn(inference.predict_fn(data, loaded), "text/csv")
if isinstance(answer, tuple):
    answer = answer[0]
with open(scores, "wb") as file:
    file.write(answer.encode() if isinstance(answer, str) else answer)
"""


def scores(code: Path, model: Path, rows: pd.DataFrame, work: Path) -> Array:
    """Return one score per row. Raises JobError where the handlers fail or answer otherwise."""
    work.mkdir(parents=True, exist_ok=True)
    given, taken = work / "rows.csv", work / "scores.csv"
    rows.to_csv(given, index=False)
    done = subprocess.run(
        [sys.executable, "-c", _SCORER, str(code), str(model), str(given), str(taken)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        print(done.stderr, file=sys.stderr)
        raise JobError(f"inference.py failed on the holdout: {last[0]}")
    lines = taken.read_text().split()
    if len(lines) != len(rows):
        raise JobError(
            f"inference.py answered {len(lines)} lines for {len(rows)} rows; "
            "output_fn must write one score per row"
        )
    try:
        found: Array = np.array([float(line) for line in lines])
    except ValueError as error:
        raise JobError(f"inference.py answered something that is no number: {error}") from error
    return found


def target_of(rows: pd.DataFrame, name: str) -> Array:
    """Return the target column as numbers. Raises JobError where it is missing or no number."""
    if name not in rows:
        raise JobError(f"the holdout has no column {name!r}, the [data].target")
    values = pd.to_numeric(rows[name], errors="coerce")
    if values.isna().any():
        bad = rows.loc[values.isna(), name].iloc[0]
        raise JobError(f"the holdout's {name} holds {bad!r}; targets are numbers")
    numbers: Array = values.to_numpy(dtype=float)
    return numbers
