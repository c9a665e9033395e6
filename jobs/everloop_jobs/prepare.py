"""Prepare a training run: the frozen dataset's exact objects, checked, then the model's split."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
import pandas as pd
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

import baseline
import files
from container import INPUT, JobError, output, read_json, run, spec, unpacked, write_json
from tables import problems_of

_PARTS = ("train", "validation", "holdout")
# A job has hours: it tries longer than a function may.
_PATIENT = Config(
    connect_timeout=10, read_timeout=60, retries={"mode": "standard", "max_attempts": 10}
)
_NEEDED = ("bucket", "key", "etag")
_SHOWN = 8  # problems in the message; all are in the log


def main() -> str:
    asked = spec()
    manifest = _manifest()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        raw = work / "raw"
        raw.mkdir()
        listed = files.listed(manifest)
        names = _fetch(manifest["objects"], raw)
        by_key = {file.key: file for file in listed}
        _check(raw, {name: by_key[key] for name, key in names.items()}, asked)
        data = asked["data"]
        rule = data.get("bad_files", "refuse")
        _settle(manifest, listed, files.judged(listed, rule, data.get("max_bad_share", 1.0)))
        for name, key in names.items():
            if by_key[key].status != files.USED:
                (raw / name).unlink()
        code = unpacked(INPUT / "code" / "bundle.tar.gz", work / "code")
        made = work / "made"
        made.mkdir()
        _preprocess(code, raw, made)
        rows = _collect(made, asked)
    told = ", ".join(f"{part} {count}" for part, count in rows.items())
    return f"Completed: {len(names)} objects, rows: {told}"


def _manifest() -> dict[str, Any]:
    found = sorted((INPUT / "dataset").glob("*.json"))
    if len(found) != 1:
        raise JobError(f"one manifest belongs into the input dataset, there are {len(found)}")
    manifest = read_json(found[0])
    objects = manifest.get("objects") if isinstance(manifest, dict) else None
    if not objects:
        raise JobError("the manifest lists no objects: there is nothing to train on")
    if not isinstance(objects, list) or not all(_is_object(each) for each in objects):
        raise JobError("the manifest is not what freeze_dataset writes: it was changed, or cut off")
    return manifest


def _is_object(entry: Any) -> bool:
    """Whether an entry has what is needed to fetch and check the object that it lists."""
    return (
        isinstance(entry, dict)
        and all(isinstance(entry.get(name), str) and entry[name] for name in _NEEDED)
        and isinstance(entry.get("size"), int)
        and isinstance(entry.get("version_id"), str | None)
    )


def _fetch(objects: list[dict[str, Any]], folder: Path) -> dict[str, str]:
    """Download every object at its version; returns local file name -> key."""
    s3 = boto3.client("s3", config=_PATIENT)
    by_key = {str(entry["key"]): entry for entry in objects}
    local = {name: by_key[key] for name, key in local_names(by_key).items()}

    def fetch(item: tuple[str, dict[str, Any]]) -> str | None:
        name, entry = item
        version = {"VersionId": entry["version_id"]} if entry.get("version_id") else {}
        try:
            answer = s3.get_object(Bucket=entry["bucket"], Key=entry["key"], **version)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchVersion", "404"):
                raise
            return f"{entry['key']}: its frozen version {entry.get('version_id')} is gone"
        except ParamValidationError as error:
            return f"{entry['key']}: no object has such a bucket, key or version: {error}"
        data = answer["Body"].read()
        etag, seen = (str(each).strip('"') for each in (entry["etag"], answer["ETag"]))
        if len(data) != entry["size"]:
            return f"{entry['key']}: has {len(data)} bytes, {entry['size']} were frozen"
        if seen != etag:
            return f"{entry['key']}: its ETag is {seen}, {etag} was frozen"
        (folder / name).write_bytes(data)
        return None

    with ThreadPoolExecutor(max_workers=8) as pool:
        wrong = [problem for problem in pool.map(fetch, local.items()) if problem]
    _refuse(wrong)
    return {name: str(entry["key"]) for name, entry in local.items()}


def local_names(keys: Iterable[str]) -> dict[str, str]:
    """Return a file name for each key, with the key: its last part, made unique and short.

    Nothing else of a key becomes a path. The names sort as their keys do, but for the rare ones.
    """
    named: dict[str, str] = {}
    for key in sorted(keys):
        last = PurePosixPath(key).name or "object"
        if last in named or last in (".", "..") or "\0" in last or len(last.encode()) > 200:
            last = _rare_name(key, last, named)
        named[last] = key
    return named


def _rare_name(key: str, last: str, taken: Container[str]) -> str:
    # Sorts behind the plain name, as its key does; an underscore is behind the dot in ASCII.
    plain = PurePosixPath(last.replace("\0", "_"))
    for attempt in count():
        told = hashlib.sha256(f"{key}{attempt or ''}".encode()).hexdigest()[:12]
        name = f"{plain.stem[:40]}_{told}{plain.suffix[:10]}"
        if name not in taken:
            return name
    raise AssertionError("unreachable")


def _check(folder: Path, named: dict[str, files.File], asked: dict[str, Any]) -> None:
    """Look into every file, and note what is wrong with it."""
    data = asked["data"]
    required = [data["target"]] + [data[each] for each in ("key", "timestamp") if data[each]]
    for name, file in named.items():
        if PurePosixPath(file.key).name == data["marker"]:
            file.empty = f"{file.key}: is a marker"
        else:
            file.bad += problems_of(folder / name, file.key, data["columns"], required)


def _settle(manifest: dict[str, Any], listed: list[files.File], why: str) -> None:
    """Put down what became of every file, and end the job where nothing can be trained.

    SageMaker uploads no output of a job that failed, so the record is put to S3 from here.
    """
    for file in listed:
        if file.status != files.USED:
            print(f"{file.status}: {file.reason}", file=sys.stderr)
    place = os.environ.get("EVERLOOP_FILES_URI", "")  # pipelines of before name none
    if place:
        bucket, _, key = place.removeprefix("s3://").partition("/")
        body = json.dumps(files.record(manifest, listed, why), indent=1).encode()
        s3 = boto3.client("s3", config=_PATIENT)
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    if why:
        raise JobError(why)


def _refuse(problems: list[str]) -> None:
    if problems:
        for problem in problems:
            print(f"bad data: {problem}", file=sys.stderr)
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise JobError("bad data: " + "; ".join(problems[:_SHOWN]) + more)


def _preprocess(code: Path, raw: Path, made: Path) -> None:
    command = [sys.executable, "preprocess.py", "--input", str(raw), "--output", str(made)]
    done = subprocess.run(command, cwd=code, stderr=subprocess.PIPE, text=True, check=False)
    sys.stderr.write(done.stderr)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise JobError(f"preprocess.py failed: {last[0]}")


def _collect(made: Path, asked: dict[str, Any]) -> dict[str, int]:
    """Check what preprocess.py wrote, hand it on, and describe the training features."""
    parts = {part: _part(made, part, asked["data"]["target"]) for part in _PARTS}
    train = list(parts["train"].columns)
    if set(parts["validation"].columns) != set(train):
        raise JobError("train/data.csv and validation/data.csv have different columns")
    kept = [*train, asked["data"]["key"], *asked["evaluate"]["slices"]]
    lost = [name for name in dict.fromkeys(kept) if name and name not in parts["holdout"]]
    if lost:
        raise JobError(
            f"holdout/data.csv has no column {lost[0]!r}; preprocess.py must keep there what train "
            "has, and the columns that [data].key and [evaluate].slices name"
        )
    for part in _PARTS:
        (output(part) / "data.csv").write_bytes((made / part / "data.csv").read_bytes())
    _describe(parts["train"], asked)
    return {part: len(frame) for part, frame in parts.items()}


def _part(made: Path, part: str, target: str) -> pd.DataFrame:
    path = made / part / "data.csv"
    if not path.exists():
        raise JobError(f"preprocess.py wrote no {part}/data.csv into --output")
    try:
        # In one piece: a column whose kind is guessed piece by piece holds 5 and '5'.
        frame = pd.read_csv(path, low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise JobError(f"preprocess.py wrote a {part}/data.csv that is no CSV: {error}") from error
    if frame.empty:
        raise JobError(f"preprocess.py wrote no rows to {part}/data.csv: is the drop too small?")
    if target not in frame:
        raise JobError(f"{part}/data.csv has no column {target!r}, the [data].target")
    return frame


def _describe(train: pd.DataFrame, asked: dict[str, Any]) -> None:
    data, monitor = asked["data"], asked["monitor"]
    # A timestamp moves by its nature, and so says nothing about drift.
    unseen = {data["target"], data["key"], data["timestamp"], *monitor["ignore"]}
    features = train[[name for name in train.columns if name not in unseen]]
    told = baseline.statistics_of(features)
    # All of them in their order: requests may come without a header.
    told["columns"] = [str(name) for name in train.columns]
    suggested = baseline.constraints_of(told, monitor["data"]["threshold"])
    write_json(output("baseline") / "statistics.json", told)
    write_json(output("baseline") / "constraints.json", suggested)


if __name__ == "__main__":
    run(main)
