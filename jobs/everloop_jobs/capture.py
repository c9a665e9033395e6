"""Captured traffic: JSON lines of an endpoint's data capture as a table of rows and scores."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

SCORE = "__score__"
INFERENCE = "__inference__"


def captured_rows(
    folder: Path, since: datetime, until: datetime, key: str | None
) -> tuple[pd.DataFrame, int]:
    """Return the rows sent between two times with their scores, and the number of unreadable records.

    A row's `__inference__` is its key where the request carried one, else the request's inferenceId
    or eventId (which names a row only if it was alone in its request).
    """
    tables, unreadable = [], 0
    for path in sorted(folder.rglob("*.jsonl")) if folder.exists() else []:
        for record in _records(path):
            try:
                moment = _moment(record["eventMetadata"]["inferenceTime"])
                if not since < moment <= until:
                    continue
                tables.append(_table(record, key))
            except (KeyError, ValueError, TypeError):
                unreadable += 1
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    return rows, unreadable


def _records(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            if line.strip():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    yield {}  # counted as unreadable by the caller


def _table(record: dict[str, Any], key: str | None) -> pd.DataFrame:
    data = record["captureData"]
    sent = _text(data["endpointInput"])
    answered = _text(data["endpointOutput"])
    frame = pd.DataFrame(list(csv.DictReader(io.StringIO(sent))))
    scores = [float(line) for line in answered.replace(",", "\n").split()]
    if len(scores) != len(frame):
        raise ValueError(f"{len(frame)} rows were answered with {len(scores)} scores")
    frame[SCORE] = scores
    meta = record["eventMetadata"]
    if key is not None and key in frame:
        frame[INFERENCE] = frame[key].astype(str)
    else:
        frame[INFERENCE] = str(meta.get("inferenceId") or meta["eventId"])
    return frame


def _text(part: dict[str, Any]) -> str:
    if part["encoding"] == "BASE64":
        return base64.b64decode(part["data"]).decode()
    return str(part["data"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def labels(folder: Path, key: str, target: str) -> pd.DataFrame:
    """Return the labels that were dropped, newest file last: columns key (text) and target."""
    tables = []
    for path in sorted(folder.rglob("*.csv")) if folder.exists() else []:
        frame = pd.read_csv(path, dtype={key: str})
        if key in frame and target in frame:
            tables.append(frame[[key, target]].dropna())
    if not tables:
        return pd.DataFrame({key: pd.Series(dtype=str), target: pd.Series(dtype=float)})
    return pd.concat(tables, ignore_index=True).drop_duplicates(key, keep="last")
