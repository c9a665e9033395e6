"""Labelled traffic as a drop: what was sent and the label that came for it, by day."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from capture import INFERENCE
from joining import labelled_rows
from predictions import COLUMNS, GROUPS

_ROWS = 100_000  # at a time


@dataclass(frozen=True)
class LabelledRows:
    """How many rows were written; `left_out` are of files that hold other columns, or too few."""

    rows: int = 0
    left_out: int = 0
    why: str = ""


def write(
    table: sqlite3.Connection, files: Sequence[Path], data: Mapping[str, Any], target: Path
) -> LabelledRows:
    """Write the labelled rows of the day that was joined last, as one CSV of a drop.

    Columns are those of the first file, the label in `[data].target` behind them. Rows that lack
    a column that a drop must have are left out. The same rows give the same bytes.
    """
    head: list[str] | None = None
    rows = left_out = 0
    why = ""
    for number, path in enumerate(files):
        labels = dict(labelled_rows(table, number))
        if not labels:
            continue
        columns = _columns(path, data)
        lacking = [name for name in _needed(data) if name not in columns]
        if lacking or (head is not None and columns != head):
            left_out += len(labels)
            why = f"it has no column {lacking[0]!r}" if lacking else "its columns differ"
            continue
        for part in pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=_ROWS):
            part = part[part.index.isin(labels)]
            part = part.assign(
                **{
                    data["key"]: part[data["key"] if data["key"] in part else INFERENCE],
                    data["target"]: [_number(labels[row]) for row in part.index],
                }
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            part[columns].to_csv(target, index=False, mode="a", header=head is None)
            head, rows = columns, rows + len(part)
    return LabelledRows(rows, left_out, why)


def _columns(path: Path, data: Mapping[str, Any]) -> list[str]:
    sent = [
        name for name in pd.read_csv(path, nrows=0, dtype=str) if name not in (*COLUMNS, GROUPS)
    ]
    return [name for name in dict.fromkeys([*sent, data["key"]]) if name != data["target"]] + [
        data["target"]
    ]


def _needed(data: Mapping[str, Any]) -> list[str]:
    """Return the columns that a drop has to have, as far as model.toml says it."""
    named = [*(data.get("columns") or {}), *([data["timestamp"]] if data["timestamp"] else [])]
    return [name for name in dict.fromkeys(named) if name != data["target"]]


def _number(value: float | str) -> str:
    """Write a label as whoever dropped it did: 1, not 1.0."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
