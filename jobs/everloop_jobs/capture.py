"""Captured traffic: JSON lines of an endpoint's data capture as a table of rows and scores."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

SCORE = "__score__"
INFERENCE = "__inference__"
TIME = "__time__"  # when it was answered, as SageMaker writes it
BESIDE = [SCORE, INFERENCE, TIME]  # columns that came beside what was sent


def captured_rows(folder: Path, key: str | None) -> tuple[pd.DataFrame, int]:
    """Return the rows that were sent, with their scores, and how many records are broken.

    A row's `__inference__` is its key where the request carried one; else the request's
    inferenceId or eventId if the row was alone in it, for those name a request and not a row.
    """
    rows: list[dict[str, Any]] = []
    unreadable = 0
    for path in sorted(folder.rglob("*.jsonl")) if folder.exists() else []:
        for record in _records(path):
            try:
                rows += _rows(record, key)
            except (KeyError, ValueError, TypeError, AttributeError, csv.Error):
                unreadable += 1
    return pd.DataFrame(rows, dtype=object), unreadable


def _records(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.strip():
                try:
                    yield json.loads(line)
                except (json.JSONDecodeError, RecursionError):
                    yield None  # counted as unreadable by the caller


def _rows(record: dict[str, Any], key: str | None) -> list[dict[str, Any]]:
    data, meta = record["captureData"], record["eventMetadata"]
    sent = list(csv.DictReader(io.StringIO(_text(data["endpointInput"]), newline=""), strict=True))
    scores = [float(line) for line in _text(data["endpointOutput"]).replace(",", "\n").split()]
    if len(scores) != len(sent):
        raise ValueError(f"{len(sent)} rows were answered with {len(scores)} scores")
    request = str(meta.get("inferenceId") or meta["eventId"])
    for row, score in zip(sent, scores, strict=True):
        if None in row or None in row.values():
            raise ValueError("a row has more or fewer fields than the header")
        own = row.get(key) if key is not None else None
        row[INFERENCE] = own or (request if len(sent) == 1 else None)
        row[SCORE] = score
        row[TIME] = str(meta.get("inferenceTime") or "")
    return sent


def _text(part: dict[str, Any]) -> str:
    if part["encoding"] == "BASE64":
        return base64.b64decode(part["data"], validate=True).decode()
    return str(part["data"])
