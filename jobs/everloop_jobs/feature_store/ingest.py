"""Records of a drop, put into the feature group: once by id and event time, in bounded haste.

PutRecord takes one record. AWS allows 10,000 calls a second in an account, and 500 a second for one
record; eight at a time are some hundred a second.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import boto3
import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

from container import JobError
from feature_store import moments, values
from feature_store.group import PATIENT, Group
from feature_store.history import Row, as_text
from feature_store.offline import ids

_AT_A_TIME = 8
_BATCH = 400  # records, and at most one batch a second
_MOST_REFUSED = 20  # records that AWS refuses for what they hold, until the run is given up
# What AWS says of a record that it will never take.
_BAD = ("ValidationError", "ValidationException")

Record = tuple[str, int, list[str | None]]


@dataclass
class Put:
    """What became of records."""

    put: int = 0
    tried_again: int = 0


def wanted(rows: pd.DataFrame, group: Group, turn: int, where: str) -> Iterable[Row]:
    """Return a table's rows as records; `turn` says which of the same id and time counts."""
    try:
        times = moments.of(rows[group.event_time], up=True).tolist()
    except moments.NoTime as error:
        raise JobError(f"{where}: column {group.event_time!r} holds {error}") from error
    made = []
    for column, kind in group.kinds.items():
        write = values.of(kind)
        try:
            made.append([write(cell) for cell in rows[column]])
        except values.NoValue as error:
            raise JobError(f"{where}: column {column!r} holds {error}") from error
    identifiers = ids(rows[group.id], group.id_kind)
    if not all(identifiers):
        raise JobError(f"{where}: column {group.id!r} is empty in a row; a record needs its id")
    texts = (as_text(row) for row in zip(*made, strict=True))
    return (
        (id, at, turn, 0, False, text)
        for id, at, text in zip(identifiers, times, texts, strict=True)
    )


def put(records: Iterable[Record], group: Group) -> Put:
    """Put records. Raises JobError where AWS refuses what they hold, or does not take them."""
    client = boto3.client("sagemaker-featurestore-runtime", config=PATIENT)
    done, again = Put(), threading.Lock()

    def counted(parsed: Any, **_: Any) -> None:
        tries = parsed.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        with again:
            done.tried_again += tries

    client.meta.events.register("after-call.sagemaker-featurestore-runtime.PutRecord", counted)

    def one(record: Record) -> str:
        id, at, cells = record
        try:
            client.put_record(FeatureGroupName=group.group, Record=_features(group, id, at, cells))
        except ClientError as error:
            if error.response["Error"]["Code"] in _BAD:
                return f"{id!r} at {moments.written(at)}: {error.response['Error']['Message']}"
            raise JobError(_stopped(group, done, error)) from error
        except BotoCoreError as error:
            raise JobError(_stopped(group, done, error)) from error
        return ""

    refused: list[str] = []
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for batch in _batches(records):
            began = time.monotonic()
            wrong = [line for line in pool.map(one, batch) if line]
            done.put += len(batch) - len(wrong)
            refused += wrong
            if len(refused) >= _MOST_REFUSED:
                break
            time.sleep(max(0.0, len(batch) / _BATCH - (time.monotonic() - began)))
    if refused:
        raise JobError(
            f"[features.{group.name}]: feature group {group.group} refused {len(refused)} records, "
            f"{done.put} were put: {'; '.join(refused[:3])}"
        )
    return done


def _batches(records: Iterable[Record]) -> Iterator[Sequence[Record]]:
    rest = iter(records)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _features(group: Group, id: str, at: int, cells: Sequence[str | None]) -> list[dict[str, str]]:
    time_text = moments.written(at) if group.event_kind == "String" else repr(at / 1000)
    named = {group.id: id, group.event_time: time_text}
    named |= {n: cell for n, cell in zip(group.columns, cells, strict=True) if cell is not None}
    return [{"FeatureName": name, "ValueAsString": cell} for name, cell in named.items()]


def _stopped(group: Group, done: Put, error: Exception) -> str:
    return (
        f"[features.{group.name}]: feature group {group.group} did not take a record, after "
        f"{done.put} that it took; the run puts the rest when it is tried again: {error}"
    )
