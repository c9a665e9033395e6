"""What preprocess.py wrote: three tables, checked before anything is trained on them, described."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

import baseline
from container import JobError, output, write_json
from scoring import target_of

PARTS = ("train", "validation", "holdout")
_CELLS = 2_000_000  # read at a time, as text
_BYTES = 256_000_000  # of a table's text that are described at a time


class BadTargets(JobError):
    """A table holds targets that no model can be trained on or measured by."""


def checked(made: Path, spec: dict[str, Any]) -> dict[str, int]:
    """Return how many rows each table has. Raises JobError; BadTargets for what is in the rows."""
    heads = {part: _head(made, part, spec["data"]["target"]) for part in PARTS}
    rows = {part: _rows(made, part, len(heads[part]), spec) for part in PARTS}
    if set(heads["validation"]) != set(heads["train"]):
        raise JobError("train/data.csv and validation/data.csv have different columns")
    kept = [*heads["train"], spec["data"]["key"], *spec["evaluate"]["slices"]]
    lost = [name for name in dict.fromkeys(kept) if name and name not in heads["holdout"]]
    if lost:
        raise JobError(
            f"holdout/data.csv has no column {lost[0]!r}; preprocess.py must keep there what train "
            "has, and the columns that [data].key and [evaluate].slices name"
        )
    return rows


def _head(made: Path, part: str, target: str) -> list[str]:
    path = made / part / "data.csv"
    if not path.exists():
        raise JobError(f"preprocess.py wrote no {part}/data.csv into --output")
    try:
        head = [str(name) for name in pd.read_csv(path, nrows=0).columns]
    except (ValueError, MemoryError) as error:
        raise JobError(f"preprocess.py wrote a {part}/data.csv that is no CSV: {error}") from error
    if target not in head:
        raise JobError(f"{part}/data.csv has no column {target!r}, the [data].target")
    return head


def _rows(made: Path, part: str, columns: int, spec: dict[str, Any]) -> int:
    """Read a table to its end, as evaluation will, some rows at a time."""
    path, rows = made / part / "data.csv", 0
    size = max(1000, _CELLS // columns)
    try:
        with pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=size) as chunks:
            for chunk in chunks:
                _check_targets(chunk, part, spec, rows)
                rows += len(chunk)
    except (ValueError, MemoryError) as error:
        raise JobError(f"preprocess.py wrote a {part}/data.csv that is no CSV: {error}") from error
    if not rows:
        raise JobError(f"preprocess.py wrote no rows to {part}/data.csv: is the drop too small?")
    return rows


def _check_targets(chunk: pd.DataFrame, part: str, spec: dict[str, Any], first: int) -> None:
    try:
        target_of(chunk, spec["data"]["target"], spec["problem"], f"{part}/data.csv", first)
    except JobError as error:
        raise BadTargets(str(error)) from error


def handed_on(made: Path, spec: dict[str, Any]) -> None:
    """Make the tables the job's outputs, and describe the training features as the baseline."""
    for part in PARTS:
        shutil.copyfile(made / part / "data.csv", output(part) / "data.csv")
    _describe(made / "train" / "data.csv", spec)


def _describe(train: Path, spec: dict[str, Any]) -> None:
    data, monitor = spec["data"], spec["monitor"]
    # A timestamp moves by its nature, and so says nothing about drift.
    unseen = {data["target"], data["key"], data["timestamp"], *monitor["ignore"]}
    columns = list(pd.read_csv(train, nrows=0).columns)
    names = [name for name in columns if name not in unseen]
    size = max(1, len(names) * _BYTES // max(train.stat().st_size, 1))
    groups = [names[start : start + size] for start in range(0, len(names), size)] or [[]]
    statistics: dict[str, Any] = {}
    for group in groups:  # a column is described by itself: memory holds only some at a time
        # In one piece: a column whose kind is guessed piece by piece holds 5 and '5'.
        frame = pd.read_csv(train, usecols=group or [0], low_memory=False)
        some = baseline.statistics_of(frame[group])
        some["features"] = [*statistics.get("features", []), *some["features"]]
        statistics = some
    # All of them in their order: requests may come without a header.
    statistics["columns"] = [str(name) for name in columns]
    suggested = baseline.constraints_of(statistics, monitor["data"]["threshold"])
    write_json(output("baseline") / "statistics.json", statistics)
    write_json(output("baseline") / "constraints.json", suggested)
