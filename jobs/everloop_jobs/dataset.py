"""A frozen dataset: its exact objects, fetched and checked, and what became of each of them."""

import hashlib
import os
import sys
from collections import Counter
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
import problems
from container import JobError, as_json, write_json
from data_report.document import document
from data_report.page import rendered
from data_report.profile import Profile
from expectations import Expectations
from formats import compressed
from formats.check import check
from formats.compressed import Unreadable
from formats.no_data import no_data_by_name
from formats.schemas import Schemas
from formats.tables import Table, table_of, tables_of
from own_split.rows import Source

# A job has hours: it tries longer than a function may.
PATIENT = Config(
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
        self._sizes = {str(entry["key"]): int(entry["size"]) for entry in manifest["objects"]}
        self._s3 = boto3.client("s3", config=PATIENT)
        self._windows = {str(e["key"]): int(e.get("window") or 0) for e in manifest["objects"]}
        self._new: Profile | None = None  # of the files that this training is for
        self._before: Profile | None = None
        self._size = ""  # why the drop is too small or too large
        problem = problems.of(spec)
        columns = problem.row_names.columns
        self._tables = tables_of(spec, problem.targets, columns)
        self._key = columns[0] if len(columns) == 1 else None  # the column that names rows alone
        # What only preprocess.py reads is handed to it as it was dropped.
        self._own = spec["data"].get("check") == "names-only"

    def fetch(self) -> None:
        """Download every object at its version, but for those that hold no data by their name.

        Of formats that nobody reads here S3 is only asked whether the version is there. Raises
        JobError where S3 gives another object than was frozen, or refuses it.
        """
        entries = {str(entry["key"]): entry for entry in self._manifest["objects"]}
        by_key = {file.key: file for file in self._files}
        marker = self._spec["data"]["marker"]
        for file in self._files:
            file.empty = _named(file.key, no_data_by_name(_below(file.key), marker))
        for table in self._tables:
            (self.folder / table.name).mkdir(exist_ok=True)
            own = [k for k, file in by_key.items() if not file.empty and self._table(file) is table]
            names = local_names(own, unpacked=self._unpacks(table))
            here = PurePosixPath(table.name)
            self._local |= {str(here / name): by_key[key] for name, key in names.items()}

        def fetch(item: tuple[str, files.File]) -> str:
            name, file = item
            target = self.folder / name if self._table(file).format.is_read else None
            return fetched(self._s3, entries[file.key], file, target)

        with ThreadPoolExecutor(max_workers=8) as pool:
            wrong = [problem for problem in pool.map(fetch, self._local.items()) if problem]
        if wrong:
            wrong += [line for file in self._files for line in file.bad]
            for problem in wrong:
                print(f"bad data: {problem}", file=sys.stderr)
            raise JobError("bad data: " + files.shown(wrong))

    def check(self) -> None:
        """Look into every file, and note what it is."""
        schemas = {table.name: Schemas() for table in self._tables}
        # The oldest first: they say what types the others should have.
        for name, file in sorted(self._local.items(), key=lambda each: self._window(each[1])):
            if file.bad:
                continue
            table = self._table(file)
            if not table.format.is_read:
                file.empty = "" if self._sizes[file.key] else f"{file.key}: is empty"
                continue
            seen = check(self.folder / name, file.key, table.expected)
            file.rows, file.empty, file.bad = seen.rows, seen.empty, seen.bad
            file.doubts, file.notes, file.columns = seen.doubts, seen.notes, seen.columns
            if not file.bad and not file.empty:
                file.bad = schemas[table.name].compare(file.key, seen)

    def describe(self) -> None:
        """Read the rows of every good file once more: for the data report and [data.checks].

        Those of the tables beside the one with the targets are not.
        """
        data, main = self._spec["data"], self._tables[-1]
        if not main.format.is_read or self._own:
            return
        self._new, self._before = Profile(self._key), Profile(self._key)
        optional = main.format.names_are_optional
        expectations = Expectations(
            data.get("checks"), optional=optional, hidden=main.expected.hidden
        )
        for name, file in sorted(self._local.items(), key=lambda each: self._window(each[1])):
            if file.bad or file.empty or self._table(file) is not main:
                continue
            profile = self._new if file.new else self._before
            expectations.begin()
            first = 0
            try:
                for rows in main.format.rows(self.folder / name, data, list(file.columns)):
                    profile.add(rows)
                    expectations.add(rows, first)
                    first += len(rows)
            except (ValueError, ArithmeticError, MemoryError, OSError, Unreadable) as error:
                if expectations.columns:
                    file.bad = [f"{file.key}: cannot be read for [data.checks]: {error}"]
                print(f"{file.key}: is not in the data report: {error}", file=sys.stderr)
                continue
            file.bad = [f"{file.key}: {line}" for line in expectations.end(file.key)]
        self._size = expectations.of_drop(self._new.rows)

    def settle(self, rule: str | None = None) -> None:
        """Decide what becomes of every file, put it down, and leave what is used in the folder.

        Raises JobError where nothing can be trained. SageMaker uploads no output of a job that
        failed, so the record is put to S3 from here.
        """
        data = self._spec["data"]
        rule = rule or data.get("bad_files", "refuse")
        why = files.judged(self._files, rule, data.get("max_bad_share", 1.0))
        why = why or (f"bad data: {self._size}" if self._size else "") or self._lacking()
        for file in self._files:
            if file.reason:
                print(f"{file.status}: {file.reason}", file=sys.stderr)
        place = os.environ.get("EVERLOOP_FILES_URI", "")  # pipelines of before name none
        if place:
            report = self._put_report(place.rpartition("/")[0], why)
            self._put(place, as_json(files.record(self._manifest, self._files, why, report)))
        if why:
            raise JobError(why)
        for name, file in self._local.items():
            if file.status != files.USED:
                (self.folder / name).unlink(missing_ok=True)

    def _table(self, file: files.File) -> Table:
        return table_of(self._tables, _below(file.key))

    def _unpacks(self, table: Table) -> bool:
        return table.format.may_be_compressed and not self._own

    def _lacking(self) -> str:
        """Return which table has no file that is used; nothing where all have some."""
        there = {self._table(file).name for file in self._files if file.status == files.USED}
        for table in self._tables:
            if table.name not in there:
                where = f"data/{self._manifest.get('model')}/{table.prefix}"
                named = (
                    f"[data.tables.{table.name}]" if table.name else "the table with the targets"
                )
                return f"bad data: {named} has no file below {where}; drop it, too"
        return ""

    def _put_report(self, folder: str, why: str) -> str | None:
        """Put the data report for people and for programs; return the page's name."""
        if not self._new or not self._before or not self._new.rows:
            return None
        made = document(self._spec, self._manifest, self._new, self._before)
        counts = Counter(file.status for file in self._files)
        page = rendered(made, counts, why, self._new, self._before)
        self._put(f"{folder}/data.json", as_json(made))
        self._put(f"{folder}/data.html", page.encode("utf-8", "replace"), "text/html")
        return "data.html"

    def _put(self, uri: str, body: bytes, kind: str = "application/json") -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self._s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)

    def hand_on(self) -> None:
        """Make of what is used what preprocess.py reads: unpacked, flat where that was asked for.

        Of formats that nobody reads here it gets the list, dataset.json.
        """
        used = {file.key for file in self._files if file.status == files.USED}
        for table in self._tables:
            if table.format.is_read:
                continue
            objects = [
                each
                for each in self._manifest["objects"]
                if each["key"] in used and table_of(self._tables, _below(each["key"])) is table
            ]
            listed = {"version": 1, "format": table.data["format"], "objects": objects}
            write_json(self.folder / table.name / "dataset.json", listed)
        for name, file in self._local.items():
            table, path = self._table(file), self.folder / name
            if file.status != files.USED or not table.format.is_read or self._own:
                continue
            try:
                if self._unpacks(table) and compressed.kind_of(path):
                    unpacked = self.folder.parent / "unpacked"
                    compressed.unpack(path, unpacked)
                    unpacked.replace(path)
                table.format.hand_on(path, table.data)
            except (compressed.DiskFull, OSError) as error:
                raise JobError(
                    f"{file.key}: unpacked, it does not fit onto the disk of the job: {error}; "
                    "raise [train] volume_gb"
                ) from error

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

    def sources(self) -> list[Source]:
        """Return the files that are used, for a split of their rows."""
        return [
            Source(self.folder / name, file.key, self._window(file), file.columns)
            for name, file in self._local.items()
            if file.status == files.USED and not self._table(file).name
        ]

    def table(self, name: str) -> tuple[Table, list[Source]]:
        """Return one of [data.tables] with its files that are used, the oldest first."""
        found = next(table for table in self._tables if table.name == name)
        sources = [
            Source(self.folder / name, file.key, self._window(file), file.columns)
            for name, file in self._local.items()
            if file.status == files.USED and self._table(file) is found
        ]
        return found, sorted(sources, key=lambda each: each.window)

    def beside(self) -> list[Path]:
        """Return the folders of the tables beside the one with the targets."""
        return [self.folder / table.name for table in self._tables if table.name]

    def settle_without(self, sources: list[Source]) -> None:
        """Settle again: the rows of these cannot be split."""
        why = {source.name: source.bad for source in sources if source.bad}
        for file in self._files:
            if file.key in why:
                file.bad = [why[file.key]]
        self.settle()

    def _window(self, file: files.File) -> int:
        return self._windows[file.key]

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


def fetched(s3: Any, entry: dict[str, Any], file: files.File, target: Path | None) -> str:
    """Download one object; returns why it is not what was frozen, and notes where it is gone.

    Without a target it is only asked for.
    """
    key, version = entry["key"], entry.get("version_id")
    for left in reversed(range(_TRIES)):
        try:
            ask = s3.get_object if target else s3.head_object
            answer = ask(
                Bucket=entry["bucket"], Key=key, **({"VersionId": version} if version else {})
            )
            size = _written(answer["Body"], target) if target else answer["ContentLength"]
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


def _written(body: Any, target: Path) -> int:
    with target.open("wb") as taken:
        return sum(taken.write(piece) for piece in body.iter_chunks(_PIECE))


def local_names(keys: Iterable[str], *, unpacked: bool = False) -> dict[str, str]:
    """Return a file name for each key, with the key: its last part, made unique and short.

    Nothing else of a key becomes a path. The names sort as their keys do, but for the rare ones.
    `unpacked` names are those of what is in the files: jan.csv for jan.csv.gz.
    """
    named: dict[str, str] = {}
    for key in sorted(keys):
        last = PurePosixPath(key).name or "object"
        last = compressed.plain_name(last) if unpacked else last
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
