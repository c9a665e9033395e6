"""The offline store, read from its Parquet files in S3: one file on the disk at a time, streamed.

They lie below `<prefix>/year=/month=/day=/hour=/`, by event time, and are never changed. A
column that is newer than a file is missing in it.
"""

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

import keys
from container import JobError
from feature_store import moments, values
from feature_store.group import PATIENT, Group
from feature_store.history import History, Row, as_text

_ROWS = 50_000  # at a time
_ADDED = ("write_time", "api_invocation_time", "is_deleted")


@dataclass(frozen=True)
class Read:
    """How much was read; `written` is the newest write of the store, in microseconds."""

    files: int = 0
    rows: int = 0
    written: int | None = None


def read(group: Group, history: History, only: Collection[str] | None = None) -> Read:
    """Read all records of a group; with `only`, those of some ids. Raises JobError."""
    s3 = boto3.client("s3", config=PATIENT)
    files = rows = 0
    newest: int | None = None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.parquet"
        for key in _listed(s3, group):
            try:
                s3.download_file(group.bucket, key, str(path))
            except (ClientError, BotoCoreError) as error:
                raise _unreadable(group, key, error) from error
            files += 1
            for part in _rows(group, key, path):
                kept = part if only is None else [row for row in part if row[0] in only]
                history.add(kept)
                rows += len(kept)
                newest = max([row[3] for row in part] + ([newest] if newest is not None else []))
    return Read(files, rows, newest)


def _listed(s3: Any, group: Group) -> Iterator[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=group.bucket, Prefix=group.prefix)
    try:
        for page in pages:
            for item in page.get("Contents", []):
                if item["Key"].endswith(".parquet"):
                    yield item["Key"]
    except (ClientError, BotoCoreError) as error:
        raise _unreadable(group, group.prefix, error) from error


def _rows(group: Group, key: str, path: Path) -> Iterator[list[Row]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(str(path)) as file:
            there = set(file.schema_arrow.names)
            wanted = [group.id, group.event_time, *group.columns, *_ADDED]
            lost = [name for name in (group.id, group.event_time, *_ADDED) if name not in there]
            if lost:
                raise JobError(
                    f"[features.{group.name}]: s3://{group.bucket}/{key} has no column {lost[0]!r},"
                    " so it is no file of an offline store; is something else below its prefix?"
                )
            columns = [name for name in wanted if name in there]
            for batch in file.iter_batches(_ROWS, columns=columns):
                yield _batch(group, batch)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise _unreadable(group, key, error) from error


def _batch(group: Group, batch: Any) -> list[Row]:
    cells = {name: batch.column(name).to_pylist() for name in batch.schema.names}
    count = batch.num_rows
    made = {
        name: [values.of(kind)(cell) for cell in cells.get(name, [None] * count)]
        for name, kind in group.kinds.items()
    }
    rows = zip(
        ids(cells[group.id], group.id_kind),
        moments.of(cells[group.event_time], up=True).tolist(),
        _micros(cells["api_invocation_time"]),
        _micros(cells["write_time"]),
        map(bool, cells["is_deleted"]),
        (as_text(row) for row in zip(*made.values(), strict=True)),
        strict=True,
    )
    return list(rows)


def ids(cells: Any, kind: str) -> list[str]:
    """Return ids so that equal ones are equal texts, as rows and records have them."""
    return keys.same(cells, numbers=kind != "String")


def _micros(cells: list[Any]) -> list[int]:
    times = pd.to_datetime(pd.Series(cells), utc=True, format="ISO8601")
    return np.asarray(times.dt.as_unit("us").astype("int64")).tolist()


def _unreadable(group: Group, key: str, error: Exception) -> JobError:
    return JobError(
        f"[features.{group.name}]: s3://{group.bucket}/{key} of feature group {group.group} cannot "
        f"be read: {str(error)[:300]}"
    )
