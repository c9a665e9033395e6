"""Score rows with a model's own inference handlers: the code path that serves.

Each model is scored in a process of its own, since two bundles have modules of the same names.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from container import JobError, run_script
from metrics import Array

_SCORER = """
import importlib, sys
code, model, rows, scores = sys.argv[1:]
sys.path.insert(0, code)
inference = importlib.import_module("inference")
loaded = inference.model_fn(model)
with open(rows, encoding="utf-8", newline="") as file:
    body = file.read()
data = inference.input_fn(body, "text/csv")
answer = inference.output_fn(inference.predict_fn(data, loaded), "text/csv")
if isinstance(answer, tuple):
    answer = answer[0]
with open(scores, "wb") as file:
    file.write(answer.encode() if isinstance(answer, str) else answer)
"""


def rows_of(folder: Path) -> pd.DataFrame:
    """Read a split's data.csv as text, cell by cell.

    A model is to be scored on the very characters that a client would send it: numbers that were
    read and written again may differ in their last digit, and keys would lose leading zeros.
    """
    path = folder / "data.csv"
    if not path.exists():
        raise JobError(f"{folder.name}/data.csv is missing among the job's inputs")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OverflowError, MemoryError) as error:
        raise JobError(f"{folder.name}/data.csv cannot be read: {error}") from error


def scores(
    code: Path, model: Path, rows: pd.DataFrame, work: Path, *, problem: str, whose: str = "model"
) -> Array:
    """Return one score per row. Raises JobError where the handlers fail or answer otherwise."""
    work.mkdir(parents=True, exist_ok=True)
    sent, received = work / "rows.csv", work / "scores.csv"
    rows.to_csv(sent, index=False)
    command = [sys.executable, "-c", _SCORER, str(code), str(model), str(sent), str(received)]
    failed, last = run_script(command)
    if failed:
        raise JobError(f"inference.py of the {whose} failed on the holdout: {last}")
    lines = received.read_text(encoding="utf-8", errors="replace").split()
    if len(lines) != len(rows):
        raise JobError(
            f"inference.py of the {whose} answered {len(lines)} lines for {len(rows)} rows; "
            "output_fn must write one score per row"
        )
    return _numbers(lines, problem, whose)


def _numbers(lines: list[str], problem: str, whose: str) -> Array:
    try:
        numbers: Array = np.array([float(line) for line in lines])
    except ValueError as error:
        raise JobError(
            f"inference.py of the {whose} answered something that is no number: {error}"
        ) from error
    # NaN would sort above every score and so look like the surest of all.
    belongs = np.isfinite(numbers)
    rule = "finite numbers"
    if problem == "binary_classification":
        belongs &= (numbers >= 0) & (numbers <= 1)
        rule = "probabilities, from 0 to 1"
    if not belongs.all():
        row = int(np.argmin(belongs))
        raise JobError(
            f"inference.py of the {whose} answered {lines[row]} for row {row}; scores are {rule}"
        )
    return numbers


def target_of(
    rows: pd.DataFrame, name: str, problem: str, where: str = "the holdout", first: int = 0
) -> Array:
    """Return the target column as numbers. Raises JobError where it is missing or no target.

    `first` is the number of the first row.
    """
    if name not in rows:
        raise JobError(f"{where} has no column {name!r}, the [data].target")
    values = pd.to_numeric(rows[name], errors="coerce").to_numpy(dtype=float)
    belongs = np.isfinite(values)
    rule = "numbers"
    if problem == "binary_classification":
        belongs &= (values == 0) | (values == 1)
        rule = "0 or 1"
    if not belongs.all():
        row = int(np.argmin(belongs))
        raise JobError(
            f"{where}'s {name!r} is {str(rows[name].iloc[row])[:60]!r} in row {first + row}; "
            f"targets are {rule}"
        )
    numbers: Array = values
    return numbers


def slices_of(
    rows: pd.DataFrame, columns: list[str], least_rows: int
) -> list[tuple[str, str, Array]]:
    """Return (column, value, row positions) of every slice that has rows enough."""
    slices = []
    for column in columns:
        if column not in rows:
            raise JobError(
                f"the holdout has no column {column!r}, one of [evaluate].slices; "
                "preprocess.py must keep it"
            )
        for value, index in sorted(rows.groupby(column).indices.items()):
            if value and len(index) >= least_rows:
                slices.append((column, str(value), index))
    return slices
