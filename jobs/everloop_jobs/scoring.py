"""Score rows with a model's own inference handlers: the code path that serves.

Each model is scored in a process of its own, since two bundles have modules of the same names.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import requirements
from container import JobError, run_script
from metrics import Array
from problems import BadAnswer, Problem

_SCORER = """
import glob, importlib, os, sys, time
code, model, rows, scores, more, seconds = sys.argv[1:]
sys.path.insert(0, code)
inference = importlib.import_module("inference")
loaded = inference.model_fn(model)
def answer(rows, scores):
    with open(rows, encoding="utf-8", newline="") as file:
        body = file.read()
    data = inference.input_fn(body, "text/csv")
    answer = inference.output_fn(inference.predict_fn(data, loaded), "text/csv")
    if isinstance(answer, tuple):
        answer = answer[0]
    with open(scores, "wb") as file:
        file.write(answer.encode() if isinstance(answer, str) else answer)
answer(rows, scores)
until = time.monotonic() + float(seconds)
for path in sorted(glob.glob(os.path.join(glob.escape(more), "*.csv"))) if more else []:
    if time.monotonic() > until:
        break
    try:
        answer(path, path[:-4] + ".scores")
    except Exception as error:
        with open(path[:-4] + ".failed", "w") as file:
            file.write(f"{type(error).__name__}: {error}")
        break
"""


@dataclass(frozen=True)
class More:
    """Files that a model is asked after its rows, as far as it answers in time: beside `x.csv` lies
    `x.scores`, or `x.failed` with what was wrong."""

    folder: Path
    seconds: float


def predictions_of(path: Path) -> pd.DataFrame:
    """Read a predictions.csv: keys, targets and labels as they are written, since 01 is no 1.

    Raises ValueError, OverflowError, MemoryError for what is no CSV.
    """
    return pd.read_csv(path, dtype={"key": str, "target": str, "label": str})


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


def served(
    spec: Mapping[str, Any],
    code: Path,
    rows: pd.DataFrame,
    names: Sequence[str] | None,
    whose: str = "model",
) -> tuple[Path, pd.DataFrame]:
    """Return the handlers that score a model, and the columns of the rows that it is sent.

    A built-in algorithm has handlers of ours, and takes the columns that it was trained on.
    """
    algorithm = spec["train"].get("algorithm")
    if not algorithm:
        return code, rows
    if names is None:
        raise JobError(f"the columns that the {whose} was trained on are not known any more")
    missing = [name for name in names if name not in rows]
    if missing:
        raise JobError(
            f"the holdout has no column {missing[0]!r}, on which the {whose} was trained"
        )
    return Path(__file__).parent / "algorithms" / algorithm, rows[list(names)]


def scores(
    code: Path,
    model: Path,
    rows: pd.DataFrame,
    work: Path,
    problem: Problem,
    whose: str = "model",
    more: More | None = None,
) -> Array:
    """Return each row's scores. Raises JobError where the handlers fail or answer otherwise."""
    work.mkdir(parents=True, exist_ok=True)
    sent, received = work / "rows.csv", work / "scores.csv"
    rows.to_csv(sent, index=False)
    command = [sys.executable, "-c", _SCORER, str(code), str(model), str(sent), str(received)]
    command += [str(more.folder), str(more.seconds)] if more else ["", "0"]
    failed, last = run_script(command, environment=requirements.installed(code, whose))
    if failed:
        raise JobError(f"inference.py of the {whose} failed on the holdout: {last}")
    text = received.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    try:
        return problem.of_lines(lines, len(rows))
    except BadAnswer as error:
        raise JobError(f"inference.py of the {whose} answered {error}") from error


def target_of(
    rows: pd.DataFrame, name: str, problem: Problem, where: str = "the holdout", first: int = 0
) -> Array:
    """Return the target column as numbers. Raises JobError where it is missing or no target.

    `first` is the number of the first row.
    """
    if name not in rows:
        raise JobError(f"{where} has no column {name!r}, the [data].target")
    values = problem.target_of(rows[name])
    belongs = np.isfinite(values)
    if not belongs.all():
        row = int(np.argmin(belongs))
        raise JobError(
            f"{where}'s {name!r} is {str(rows[name].iloc[row])[:60]!r} in row {first + row}; "
            f"targets are {problem.rule}"
        )
    return values


def keys_of(rows: pd.DataFrame, problem: Problem) -> list[str]:
    """Return the rows' names; none where they have none."""
    columns = problem.row_names.columns
    if not columns or not set(columns) <= {*rows.columns}:
        return []
    return problem.row_names.of_frame(rows)


def part_of(problem: Problem, index: Any) -> Problem:
    """Return the problem for some of its rows."""
    return problem.among([problem.keys[at] for at in index.tolist()]) if problem.keys else problem


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


def small_slices_of(
    rows: pd.DataFrame, columns: list[str], least_rows: int, most: int = 100
) -> list[dict[str, Any]]:
    """Return the slices that are not judged for want of rows, at most so many of a column."""
    small: list[dict[str, Any]] = []
    for column in columns:
        counts = rows[column].value_counts()
        few = counts[(counts < least_rows) & (counts.index != "")]
        small += [
            {"column": column, "value": str(value), "rows": int(count)}
            for value, count in few.iloc[:most].items()
        ]
    return small
