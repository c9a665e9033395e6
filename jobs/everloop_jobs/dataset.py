"""A frozen dataset: its exact objects, fetched and checked, and what became of each of them."""

import hashlib
import json
import os
import sys
from collections.abc import Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ParamValidationError,
)

import files
from container import JobError
from formats.check import check
from formats.expected import Expected
from formats.no_data import no_data_by_name

# A job has hours: it tries longer than a function may.
_PATIENT = Config(
    connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 10}
)
_PIECE = 1_048_576  # bytes of an object in memory, per thread
_TRIES = 3  # of reading an object's body; asking for it has tries of its own
_GONE = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed")  # the last: a delete marker


class Dataset:
    """The objects of a manifest, in a folder."""

    def __init__(self, manifest: dict[str, Any], spec: dict[str, Any], folder: Path) -> None:
        self.folder = folder
        self._manifest = manifest
        self._spec = spec
        self._files = files.listed(manifest)
        self._local: dict[str, files.File] = {}  # by file name
        self._s3 = boto3.client("s3", config=_PATIENT)

    def fetch(self) -> None:
        """Download every object at its version, but for those that hold no data by their name.

        Raises JobError where S3 gives another object than was frozen, or refuses it.
        """
        entries = {str(entry["key"]): entry for entry in self._manifest["objects"]}
        by_key = {file.key: file for file in self._files}
        marker = self._spec["data"]["marker"]
        for file in self._files:
            file.empty = _named(file.key, no_data_by_name(_below(file.key), marker))
        with_data = [key for key, file in by_key.items() if not file.empty]
        self._local = {name: by_key[key] for name, key in local_names(with_data).items()}

        def fetch(item: tuple[str, files.File]) -> str:
            name, file = item
            return _fetched(self._s3, entries[file.key], file, self.folder / name)

        with ThreadPoolExecutor(max_workers=8) as pool:
            wrong = [problem for problem in pool.map(fetch, self._local.items()) if problem]
        if wrong:
            wrong += [line for file in self._files for line in file.bad]
            for problem in wrong:
                print(f"bad data: {problem}", file=sys.stderr)
            raise JobError("bad data: " + files.shown(wrong))

    def check(self) -> None:
        """Look into every file, and note what it is."""
        expected = Expected.by(self._spec)
        for name, file in self._local.items():
            if file.bad:
                continue
            seen = check(self.folder / name, file.key, expected)
            file.rows, file.empty, file.bad = seen.rows, seen.empty, seen.bad
            file.doubts, file.notes = seen.doubts, seen.notes

    def settle(self, rule: str | None = None) -> None:
        """Decide what becomes of every file, put it down, and leave what is used in the folder.

        Raises JobError where nothing can be trained. SageMaker uploads no output of a job that
        failed, so the record is put to S3 from here.
        """
        data = self._spec["data"]
        rule = rule or data.get("bad_files", "refuse")
        why = files.judged(self._files, rule, data.get("max_bad_share", 1.0))
        for file in self._files:
            if file.reason:
                print(f"{file.status}: {file.reason}", file=sys.stderr)
        place = os.environ.get("EVERLOOP_FILES_URI", "")  # pipelines of before name none
        if place:
            bucket, _, key = place.removeprefix("s3://").partition("/")
            body = json.dumps(files.record(self._manifest, self._files, why), indent=1).encode()
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
        if why:
            raise JobError(why)
        for name, file in self._local.items():
            if file.status != files.USED:
                (self.folder / name).unlink(missing_ok=True)

    def doubtful(self) -> list[files.File]:
        """Return the files that are used although their targets are of no use as they are."""
        return [file for file in self._files if file.status == files.USED and file.doubts]

    def settle_doubtful(self) -> None:
        """Settle again: preprocess.py left in the targets that there were doubts about.

        Where every file has such targets, it is the script or the spec that does not fit: then
        nothing is set aside, whatever the rule.
        """
        doubtful = self.doubtful()
        everywhere = len(doubtful) == sum(file.status == files.USED for file in self._files)
        for file in doubtful:
            file.bad, file.doubts = [*file.doubts, *file.bad], []
        self.settle("refuse" if everywhere else None)

    def summary(self) -> str:
        """Return how many objects there are, and how many of them were left out."""
        marker = self._spec["data"]["marker"]
        left = [file for file in self._files if file.status != files.USED]
        out = sum(PurePosixPath(file.key).name != marker for file in left)
        return f"{len(self._files)} objects" + (f" ({out} left out)" if out else "")


def _named(key: str, why: str) -> str:
    return f"{key}: {why}" if why else ""


def _below(key: str) -> str:
    """Return a key below data/<model>/."""
    return key.split("/", 2)[-1] if key.startswith("data/") and key.count("/") > 1 else key


def _fetched(s3: Any, entry: dict[str, Any], file: files.File, target: Path) -> str:
    """Download one object; returns why it is not what was frozen, and notes where it is gone."""
    key, version = entry["key"], entry.get("version_id")
    for left in reversed(range(_TRIES)):
        try:
            answer = s3.get_object(
                Bucket=entry["bucket"], Key=key, **({"VersionId": version} if version else {})
            )
            size = 0
            with target.open("wb") as taken:
                for piece in answer["Body"].iter_chunks(_PIECE):
                    size += taken.write(piece)
            break
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _GONE:
                return (
                    f"{key}: S3 does not give its frozen version {version}: {code}; it was deleted "
                    "for good, or the job's role may not read it"
                )
            file.bad = [f"{key}: its frozen version {version} is gone"]
            return ""
        except (ParamValidationError, UnicodeError) as error:
            return f"{key}: no object has such a bucket, key or version: {error}"
        except (HTTPClientError, IncompleteReadError) as error:
            if not left:
                raise JobError(f"{key}: could not be read to its end: {error}") from error
    etag, seen = (str(each).strip('"') for each in (entry["etag"], answer["ETag"]))
    if size != entry["size"]:
        return f"{key}: has {size} bytes, {entry['size']} were frozen"
    if seen != etag:
        return f"{key}: its ETag is {seen}, {etag} was frozen"
    return ""


def local_names(keys: Iterable[str]) -> dict[str, str]:
    """Return a file name for each key, with the key: its last part, made unique and short.

    Nothing else of a key becomes a path. The names sort as their keys do, but for the rare ones.
    """
    named: dict[str, str] = {}
    for key in sorted(keys):
        last = PurePosixPath(key).name or "object"
        written = last.encode("utf-8", "replace")  # a lone surrogate is in no file's name
        rare = "\0" in last or len(written) > 200 or written.decode() != last
        if rare or last in named or last in (".", ".."):
            last = _rare_name(key, written.decode(), named)
        named[last] = key
    return named


def _rare_name(key: str, last: str, taken: Container[str]) -> str:
    # Sorts behind the plain name, as its key does; an underscore is behind the dot in ASCII.
    plain = PurePosixPath(last.replace("\0", "_"))
    for attempt in count():
        encoded = f"{key}{attempt or ''}".encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(encoded).hexdigest()[:12]
        name = f"{plain.stem[:40]}_{digest}{plain.suffix[:10]}"
        if name not in taken:
            return name
    raise AssertionError("unreachable")
