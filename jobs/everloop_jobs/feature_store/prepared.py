"""Features in the prepare job: the drop's records are put, awaited offline, and joined to its rows.

Nothing waits here: where records are not in the offline store yet, the job ends and says so in
features.json, and the machine that waits for the run lets it go on later.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from container import JobError, as_json, output, write_json
from dataset import Dataset
from feature_store import as_of, ingest, moments, offline
from feature_store.as_of import Joined
from feature_store.group import PATIENT, Group, NotYet, groups_of
from feature_store.history import History
from feature_store.offline import Read

NAME = "features.json"
_AGAIN = 5  # looks at what was put, until it is put again: about an hour
_PARTS = ("train", "validation", "holdout")


class Features:
    """The feature groups of a model, in one run's prepare job."""

    def __init__(self, spec: Mapping[str, Any], work: Path, files_uri: str) -> None:
        self._spec = spec
        self._groups: list[Group] = []
        self._folder = work
        self._histories: dict[str, History] = {}
        self._read: dict[str, Read] = {}
        self._put: dict[str, int] = {}
        self._joined: dict[str, dict[str, Joined]] = {}
        self._note = _Note(files_uri)

    def write(self, dataset: Dataset) -> None:
        """Put what the store lacks of the drop. Raises JobError until all of it is offline."""
        if not self._spec.get("features"):
            return
        before = self._note.begin()
        try:
            self._groups = groups_of(self._spec)
        except NotYet as error:
            self._note.keep({**before, "waits": True, "why": str(error)})
            raise JobError(f"{error}; the training goes on when it is") from error
        self._put = dict(before.get("put") or {})
        put_already = bool(self._put) and before.get("looks", 0) < _AGAIN
        late = []
        for group in self._groups:
            history = History(self._folder / f"features-{group.name}.db")
            self._histories[group.name] = history
            self._read[group.name] = offline.read(group, history)
            if group.table is None:
                continue
            _want(dataset, group, history)
            lacking = history.lacking()
            if lacking and not put_already:
                done = ingest.put(history.lacks(), group)
                self._put[group.name] = self._put.get(group.name, 0) + done.put
                print(
                    f"{group.name}: put {done.put} records, {done.tried_again} calls were tried "
                    f"again; {history.wanted() - lacking} were there",
                    file=sys.stderr,
                )
            if lacking:
                late.append(f"{lacking} of {history.wanted()} records of {group.group}")
        if late:
            looks = before.get("looks", 0) % _AGAIN + 1
            why = f"{', '.join(late)} are not in the offline store yet (AWS: within 15 minutes)"
            self._note.keep({"waits": True, "put": self._put, "looks": looks, "why": why})
            raise JobError(f"{why}; the training goes on when they are")

    def join(self, made: Path) -> None:
        """Give the rows of the tables below a folder their features."""
        self._joined = {group.name: {} for group in self._groups}
        for group in self._groups:
            for part in _PARTS:
                path = made / part / "data.csv"
                if path.is_file():
                    done = as_of.join_file(path, group, self._histories[group.name])
                    self._joined[group.name][part] = done

    def hand_on(self) -> str:
        """Write what the version learned from, beside its baseline; return it in words."""
        if not self._groups:
            return ""
        documents = [self._document(group) for group in self._groups]
        record = {"version": 1, "groups": documents}
        write_json(output("baseline") / NAME, record)
        self._note.keep({"waits": False, **record})
        said = [
            f"{each['name']} from {each['records']} records"
            + (f" until {each['written_until']}" if each["written_until"] else "")
            for each in documents
        ]
        return f"; features: {', '.join(said)}"

    def _document(self, group: Group) -> dict[str, Any]:
        read, history = self._read[group.name], self._histories[group.name]
        count, digest = history.digest()
        until = None if read.written is None else moments.written(read.written // 1000)
        return {
            "name": group.name,
            "group": group.group,
            "arn": group.arn,
            "columns": group.columns,
            "records": count,
            "digest": digest,  # of ids, event times and values, in whatever files they lie
            "written_until": until,  # the newest write_time that was read
            "files": read.files,
            "rows_read": read.rows,
            "put": self._put.get(group.name, 0),  # by this run, in whichever of its jobs
            "joined": {part: each.record() for part, each in self._joined[group.name].items()},
        }


def _want(dataset: Dataset, group: Group, history: History) -> None:
    assert group.table is not None
    table, sources = dataset.table(group.table)
    columns = [group.id, group.event_time, *group.columns]
    for turn, source in enumerate(sources):
        for rows in table.format.rows(source.path, table.data, columns):
            history.want(ingest.wanted(rows, group, turn, source.name))


class _Note:
    """features.json of the run, put to S3: outputs of a job that failed are lost."""

    def __init__(self, files_uri: str) -> None:
        self._s3 = boto3.client("s3", config=PATIENT)
        place = f"{files_uri.rpartition('/')[0]}/{NAME}" if files_uri else ""
        self._bucket, _, self._key = place.removeprefix("s3://").partition("/")

    def begin(self) -> dict[str, Any]:
        """Return what the run left so far, and take back that it waits: it may fail otherwise."""
        if not self._bucket:
            return {}
        try:
            body = self._s3.get_object(Bucket=self._bucket, Key=self._key)["Body"].read()
            found = json.loads(body)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return {}
            raise JobError(f"{NAME} of the run cannot be read: {error}") from error
        except ValueError as error:
            raise JobError(f"{NAME} of the run is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise JobError(f"{NAME} of the run is not what this job writes")
        self.keep({**found, "waits": False})
        return found

    def keep(self, document: Mapping[str, Any]) -> None:
        if self._bucket:
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._key,
                Body=as_json({"version": 1, **document}),
                ContentType="application/json",
            )
