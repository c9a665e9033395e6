"""Captured traffic: JSON lines of an endpoint's data capture as a table of rows and scores."""

import base64
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from answers import scores_of
from payloads import BROKEN, rows_of
from row_names import RowNames
from sent_columns import Columns, Row, Unreadable

SCORE = "__score__"
INFERENCE = "__inference__"
TIME = "__time__"  # when it was answered, as SageMaker writes it
BESIDE = [SCORE, INFERENCE, TIME]  # columns that came beside what was sent
EXPLAINS = "everloop-explain"  # how `everloop explain` calls its requests
_MOST_UNKNOWN = 50  # columns that the model does not know: more of them are left out


@dataclass(frozen=True)
class Traffic:
    """What was captured. `reasons` says how many records are unreadable, and why.

    `unanswered` counts rows whose answer was not captured, `explaining` records that only asked
    why a row was answered as it was: they are nobody's requests.
    """

    rows: pd.DataFrame
    records: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    unanswered: int = 0
    explaining: int = 0

    @property
    def unreadable(self) -> int:
        return sum(self.reasons.values())

    @property
    def features(self) -> pd.DataFrame:
        """The captured columns without what came beside them."""
        return self.rows.drop(columns=BESIDE, errors="ignore")


# What an answer says of each row: its body, its content type and how many rows were sent.
Answers = Callable[[bytes, str, int], list[Any]]


def captured(
    folder: Path, columns: Columns, names: RowNames, answers: Answers = scores_of
) -> Traffic:
    """Return the rows that were sent, with their scores, and which records are unreadable.

    A row's `__inference__` is its key where the request carried one; else the request's
    inferenceId or eventId if the row was alone in it, for those name a request and not a row.
    Its `__score__` is NaN where its answer is none, or was not captured.
    """
    rows: list[Row] = []
    records = unanswered = explaining = 0
    reasons: Counter[str] = Counter()
    unknown: set[str] = set()
    for path in sorted(folder.rglob("*.jsonl")) if folder.exists() else []:
        for record in _records(path):
            if _explains(record):
                explaining += 1
                continue
            records += 1
            try:
                sent, answered = _rows(record, columns, names, answers)
            except Unreadable as error:
                reasons[str(error)] += 1
            except BROKEN:
                reasons["the record is none of data capture's, or broken"] += 1
            else:
                rows += [_bounded(row, columns.known, unknown) for row in sent]
                unanswered += 0 if answered else len(sent)
    unreadable = dict(reasons.most_common())
    return Traffic(pd.DataFrame(rows, dtype=object), records, unreadable, unanswered, explaining)


def _bounded(row: Row, known: frozenset[str], unknown: set[str]) -> Row:
    """Return a row without columns that nobody knows once there are too many of them.

    Clients may name what they like; a table of all that they ever named would have no bound.
    """
    for name in row.keys() - known - unknown - set(BESIDE):
        if len(unknown) < _MOST_UNKNOWN:
            unknown.add(name)
        else:
            del row[name]
    return row


def _explains(record: Any) -> bool:
    meta = record.get("eventMetadata") if isinstance(record, dict) else None
    return isinstance(meta, dict) and meta.get("inferenceId") == EXPLAINS


def _records(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.strip():
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError):
                    yield None  # counted as unreadable by the caller


def _rows(
    record: dict[str, Any], columns: Columns, names: RowNames, answers: Answers
) -> tuple[list[Row], bool]:
    """Return a record's rows, and whether their answer was captured."""
    data, meta = record["captureData"], record["eventMetadata"]
    if "endpointInput" not in data:
        raise Unreadable("the request was not captured")
    sent = rows_of(*_body(data["endpointInput"]), columns)
    answered = "endpointOutput" in data
    scores = [math.nan] * len(sent)
    if answered:
        scores = answers(*_body(data["endpointOutput"]), len(sent))
    request = str(meta.get("inferenceId") or meta["eventId"])
    for row, score in zip(sent, scores, strict=True):
        row[INFERENCE] = names.of_row(row) or (request if len(sent) == 1 else None)
        row[SCORE] = score
        row[TIME] = str(meta.get("inferenceTime") or "")
    return sent, answered


def _body(part: dict[str, Any]) -> tuple[bytes, str]:
    """Return the bytes that were sent or answered, and what they were called."""
    content_type, text = str(part.get("observedContentType") or ""), str(part["data"])
    if part.get("encoding") == "BASE64":
        return base64.b64decode(text, validate=True), content_type
    # Captured as text, which JSON carries whatever the charset of the body was.
    plain = ";".join(p for p in content_type.split(";") if "charset" not in p.lower())
    return text.encode(), plain
