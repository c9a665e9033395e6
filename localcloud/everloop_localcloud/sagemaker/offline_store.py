"""The offline store: records on their way to S3, and the Parquet files that they become.

A record lies in the state until its file is in S3, so that a killed cloud loses none and, since a
file's name and rows are noted before it is written, puts none twice.
"""

import itertools
import json
import logging
import math
import secrets
import shutil
import string
import threading
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import Timer
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.store import Table
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.feature_values import typed

Record = dict[str, Any]
log = logging.getLogger(__name__)

# How long a record waits at most: so many real seconds, so many of the cloud's. AWS takes up to
# 15 minutes.
_WAIT_SECONDS = (3.0, 120.0)
_RETRY_SECONDS = 60.0
_TYPES = {"String": "VARCHAR", "Integral": "BIGINT", "Fractional": "DOUBLE"}
_LETTERS = string.ascii_letters + string.digits
_ADDED = {"write_time": "TIMESTAMP", "api_invocation_time": "TIMESTAMP", "is_deleted": "BOOLEAN"}


class OfflineStore:
    """Records of all feature groups that are to go, or go, to S3."""

    def __init__(self, cloud: Account, groups: Table) -> None:
        self._cloud = cloud
        self._rows = cloud.store.table("sagemaker.offline-rows")
        self._files = cloud.store.table("sagemaker.offline-files")
        # What files look like, once for many records; a group whose features grow has several.
        self._layouts = cloud.store.table("sagemaker.offline-layouts")
        self._groups = groups
        self._folder = cloud.folder / "offline-store"
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._timer: Timer | None = None
        last = max((int(key) for key in self._rows), default=0)
        self._sequence = itertools.count(last + 1)

    def start(self) -> None:
        """Go on with what a killed cloud left."""
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._rows or self._files:
            self._wake()

    def put(
        self,
        group: Record,
        values: Record,
        event_time: datetime,
        called: datetime,
        *,
        deleted: bool = False,
    ) -> None:
        """Take a record; it is in S3 within minutes of the cloud's time."""
        row = {
            "layout": self._layout(group),
            "values": {
                feature["FeatureName"]: _typed(feature, values[feature["FeatureName"]])
                for feature in group["FeatureDefinitions"]
                if values.get(feature["FeatureName"]) is not None
            },
            "event_time": event_time,
            "called": called,
            "deleted": deleted,
        }
        with self._lock:
            self._rows[f"{next(self._sequence):020}"] = row
        self._wake()

    def _layout(self, group: Record) -> str:
        """Return the key of how a group's files look now: features are added, never taken away."""
        place = group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        key = f"{place} {len(group['FeatureDefinitions'])}"
        if key not in self._layouts:
            name = group["FeatureGroupName"]
            self._layouts[key] = {
                "name": name,
                "place": place,
                "columns": _columns(group),
                "role": group.get("RoleArn"),
            }
        return key

    def flush(self) -> None:
        """Put all records that wait into S3, now; what cannot go there is tried again later."""
        with self._flushing:
            with self._lock:
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
            self._assign_files()
            done = [self._finish(uri) for uri in list(self._files)]
        if not all(done):
            self._wake(_RETRY_SECONDS)

    def _assign_files(self) -> None:
        """Note for each record which file it goes to: one file per group, columns and hour."""
        taken = {key for file in self._files.values() for key in file["rows"]}
        by_file: dict[tuple[str, str], list[str]] = defaultdict(list)
        for key, row in sorted(self._rows.items()):
            if key not in taken:
                partition = row["event_time"].strftime("year=%Y/month=%m/day=%d/hour=%H")
                by_file[row["layout"], partition].append(key)
        for (layout, partition), keys in by_file.items():
            latest = max(self._rows[key]["event_time"] for key in keys)
            unique = "".join(secrets.choice(_LETTERS) for _ in range(16))
            name = f"{latest:%Y%m%dT%H%M%SZ}_{unique}.parquet"
            uri = f"{self._layouts[layout]['place']}/{partition}/{name}"
            self._files[uri] = {"rows": keys}

    def _finish(self, uri: str) -> bool:
        """Put a file into S3 and forget its records; tells whether that was possible."""
        keys = self._files[uri]["rows"]
        left = [key for key in keys if key in self._rows]
        # Records go only once their file is in S3: if one is gone, it is there.
        if len(left) == len(keys):
            rows = [self._rows[key] for key in left]
            name = self._layouts[rows[0]["layout"]]["name"]
            try:
                self._upload(uri, rows)
            except AwsError as error:
                log.warning("offline records of %s could not be written: %s", name, error)
                self._tell(name, {"Status": "Blocked", "BlockedReason": f"{error}"[:1024]})
                return False
            self._tell(name, {"Status": "Active"})
        for key in left:
            del self._rows[key]
        del self._files[uri]
        return True

    def _tell(self, name: str, status: Record) -> None:
        group = self._groups.get(name)
        if group is not None and group.get("OfflineStoreStatus") != status:
            group["OfflineStoreStatus"] = status
            self._groups.save(name)

    def _upload(self, uri: str, rows: list[Record]) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        now = _text(self._cloud.clock.now())
        lines = [
            {
                **row["values"],
                "write_time": now,
                "api_invocation_time": _text(row["called"]),
                "is_deleted": row["deleted"],
            }
            for row in rows
        ]
        layout = self._layouts[rows[0]["layout"]]
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{key.rpartition('_')[2]}"
        write_parquet(path, lines, {**layout["columns"], **_ADDED})
        try:
            Behalf(self._cloud, layout.get("role")).store(path, bucket, key)
        finally:
            path.unlink(missing_ok=True)

    def _wake(self, seconds: float | None = None) -> None:
        with self._lock:
            if self._timer is None:
                real, cloud = _WAIT_SECONDS
                wait = seconds or min(real / self._cloud.clock.real(1.0), cloud)
                self._timer = self._cloud.clock.after(wait, self.flush)


def write_parquet(path: Path, rows: list[Record], columns: dict[str, str]) -> None:
    """Write rows as a Parquet file; `columns` are SQL types by name, what a row lacks is null."""
    import duckdb  # takes half a second; most clouds have no offline store

    source = path.with_suffix(".ndjson")
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with duckdb.connect(config={"threads": 1}) as database:
        database.execute(
            "copy (select * from read_json($source, format = 'newline_delimited',"
            f" columns = {{{_struct(columns)}}})) to '{_quoted(str(path))}' (format parquet)",
            {"source": str(source)},
        )
    source.unlink()


def _struct(columns: dict[str, str]) -> str:
    return ", ".join(f"'{_quoted(name)}': '{kind}'" for name, kind in columns.items())


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _columns(group: Record) -> dict[str, str]:
    return {
        feature["FeatureName"]: _TYPES[feature["FeatureType"]]
        + ("[]" if "CollectionType" in feature else "")
        for feature in group["FeatureDefinitions"]
    }


def _typed(feature: Record, value: Any) -> Any:
    if isinstance(value, list):
        return [_typed(feature, each) for each in value]
    typed_value = typed(feature["FeatureType"], value)
    # JSON has no NaN and no infinity; as text, the reader takes them.
    finite = not isinstance(typed_value, float) or math.isfinite(typed_value)
    return typed_value if finite else str(typed_value)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
