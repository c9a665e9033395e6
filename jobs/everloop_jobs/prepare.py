"""Prepare a training run: the frozen dataset's exact objects, checked, then the model's split."""

import hashlib
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

import boto3
import pandas as pd

import baseline
from container import INPUT, JobError, output, run, spec, unpacked, write_json
from tables import problems_of

_PARTS = ("train", "validation", "holdout")
_SHOWN = 8  # problems in the message; all are in the log


def main() -> str:
    asked = spec()
    manifest = _manifest()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        raw = work / "raw"
        raw.mkdir()
        names = _fetch(manifest["objects"], raw)
        _check(raw, names, asked)
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
    manifest: dict[str, Any] = json.loads(found[0].read_text())
    if not manifest.get("objects"):
        raise JobError("the manifest lists no objects: there is nothing to train on")
    return manifest


def _fetch(objects: list[dict[str, Any]], folder: Path) -> dict[str, str]:
    """Download every object at its version; returns local file name -> key.

    A local name is the key's last part, made unique where several keys end alike; no path is ever
    made from the rest of a key.
    """
    s3 = boto3.client("s3")
    local: dict[str, dict[str, Any]] = {}
    for entry in sorted(objects, key=lambda entry: str(entry["key"])):
        last = PurePosixPath(entry["key"]).name or "object"
        name = last
        if name in local or name in (".", ".."):
            name = f"{hashlib.sha256(entry['key'].encode()).hexdigest()[:12]}-{last}"
        local[name] = entry

    def fetch(item: tuple[str, dict[str, Any]]) -> str | None:
        name, entry = item
        version = {"VersionId": entry["version_id"]} if entry.get("version_id") else {}
        answer = s3.get_object(Bucket=entry["bucket"], Key=entry["key"], **version)
        data = answer["Body"].read()
        etag = str(entry["etag"]).strip('"')
        if len(data) != entry["size"] or str(answer["ETag"]).strip('"') != etag:
            return f"{entry['key']}: is not what was frozen (size or ETag differ)"
        (folder / name).write_bytes(data)
        return None

    with ThreadPoolExecutor(max_workers=8) as pool:
        wrong = [problem for problem in pool.map(fetch, local.items()) if problem]
    _refuse(wrong)
    return {name: str(entry["key"]) for name, entry in local.items()}


def _check(folder: Path, names: dict[str, str], asked: dict[str, Any]) -> None:
    data = asked["data"]
    required = [data["target"]] + [data[each] for each in ("key", "timestamp") if data[each]]
    wrong = []
    for name, key in names.items():
        if PurePosixPath(key).name == data["marker"]:
            (folder / name).unlink()
            continue
        wrong += problems_of(folder / name, key, data["columns"], required)
    _refuse(wrong)
    if not any(folder.iterdir()):
        raise JobError("the dataset holds nothing but marker objects: there is nothing to train on")


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
    target, key = asked["data"]["target"], asked["data"]["key"]
    rows, header = {}, None
    for part in _PARTS:
        path = made / part / "data.csv"
        if not path.exists():
            raise JobError(f"preprocess.py wrote no {part}/data.csv into --output")
        frame = pd.read_csv(path)
        if frame.empty:
            raise JobError(
                f"preprocess.py wrote no rows to {part}/data.csv: is the drop too small?"
            )
        if target not in frame:
            raise JobError(f"{part}/data.csv has no column {target!r}, the [data].target")
        header = header or set(frame.columns)
        if part == "validation" and set(frame.columns) != header:
            raise JobError("train/data.csv and validation/data.csv have different columns")
        rows[part] = len(frame)
        (output(part) / "data.csv").write_bytes(path.read_bytes())
        if part == "train":
            unseen = {target, key, *asked["monitor"]["ignore"]}
            features = frame[[name for name in frame.columns if name not in unseen]]
            drift = asked["monitor"]["data"] or {"threshold": 1.0}
            told = baseline.statistics_of(features)
            write_json(output("baseline") / "statistics.json", told)
            suggested = baseline.constraints_of(told, drift["threshold"])
            write_json(output("baseline") / "constraints.json", suggested)
    return rows


if __name__ == "__main__":
    run(main)
