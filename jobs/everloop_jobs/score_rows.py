"""Write what came below score/ as a model is sent it: the requests of a transform job.

They are the frozen copy of what is scored, since a transform job takes no versions of objects. A
file that cannot be scored is set aside, and the others are scored.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3
import pandas as pd

import files
import problems
import transform_files
from container import INPUT, JobError, as_json, output, read_json, read_spec, run, write_json
from dataset import PATIENT, fetched, local_names
from feature_store.named import columns_of
from files import File
from formats import format as formats
from formats.check import check
from formats.compressed import Unreadable
from formats.dialect import Dialect
from formats.expected import Expected
from privacy.key import masking
from privacy.masking import Masking
from problems import Problem

PART = "score"  # as the names of requests begin
INDEX, NAMES = "index.json", "names.csv"


@dataclass(frozen=True)
class Sent:
    """The columns that a model is sent, those that name a row, whether it takes no header, and what
    hides personal values: it was trained on tokens, too.
    """

    columns: tuple[str, ...]
    names: tuple[str, ...]
    bare: bool
    hidden: Masking | None

    @property
    def all(self) -> list[str]:
        return list(dict.fromkeys([*self.names, *self.columns]))


def main() -> str:
    spec = read_spec()
    problem = problems.of(spec, read_json(INPUT / "reference" / "evaluation.json"))
    sent = _sent(spec, problem)
    manifest = _manifest()
    seen = files.listed(manifest)
    entries = {str(entry["key"]): entry for entry in manifest["objects"]}
    with tempfile.TemporaryDirectory() as work:
        table, named = Path(work) / "data.csv", output("files") / NAMES
        local = local_names([file.key for file in seen], unpacked=True)
        by_key = {file.key: file for file in seen}
        index: list[dict[str, Any]] = []
        with table.open("w", newline="") as rows, named.open("w", newline="") as names:
            _header(rows, sent.columns)
            _header(names, sent.names)
            _fetch(local, by_key, entries, Path(work))
            for name, key in local.items():
                file, path = by_key[key], Path(work) / f"file-{name}"
                _look(file, path, spec, sent)
                first = sum(each["rows"] for each in index)
                if not file.bad and not file.empty:
                    count = _append(file, path, spec, sent, rows, names)
                    if count:
                        entry = {each: entries[key].get(each) for each in _KEPT}
                        index.append({**entry, "name": name, "first": first, "rows": count})
                path.unlink(missing_ok=True)
        _settle(manifest, seen)
        total = sum(each["rows"] for each in index)
        write_json(output("files") / INDEX, {"version": 1, "rows": total, "files": index})
        made = output(transform_files.OUTPUT)
        features = list(sent.columns) if sent.bare else None
        transform_files.written(PART, table, made, spec, features)
    return f"Completed: {total} rows of {len(index)} objects are to be scored"


_KEPT = ("bucket", "key", "version_id", "etag", "size")


def _sent(spec: Mapping[str, Any], problem: Problem) -> Sent:
    """Return what the version was trained on and is sent; what it looks up itself is not."""
    statistics = read_json(INPUT / "baseline" / "statistics.json")
    told = read_json(INPUT / "reference" / "evaluation.json").get("features")
    trained = statistics.get("columns") or [each["name"] for each in statistics["features"]]
    looked_up = {*columns_of(spec)}
    columns = told or problem.sent([str(name) for name in trained])
    return Sent(
        tuple(name for name in columns if name not in looked_up),
        tuple(problem.row_names.columns),
        bool(spec["train"].get("algorithm")),
        masking(spec, problem.row_names.columns),
    )


def _manifest() -> dict[str, Any]:
    paths = sorted((INPUT / "dataset").glob("*.json"))
    if len(paths) != 1:
        raise JobError(f"one manifest belongs into the input dataset, there are {len(paths)}")
    return read_json(paths[0])


def _header(table: IO[str], names: Sequence[str]) -> None:
    pd.DataFrame(columns=list(names)).to_csv(table, index=False, lineterminator="\n")


def _fetch(
    local: Mapping[str, str],
    by_key: Mapping[str, File],
    entries: Mapping[str, dict[str, Any]],
    work: Path,
) -> None:
    """Fetch every object at its version; what S3 does not give is set aside."""
    s3 = boto3.client("s3", config=PATIENT)

    def fetch(item: tuple[str, str]) -> None:
        name, key = item
        wrong = fetched(s3, entries[key], by_key[key], work / f"file-{name}")
        if wrong:
            by_key[key].bad = [wrong]

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(fetch, local.items()))


def _look(file: File, path: Path, spec: Mapping[str, Any], sent: Sent) -> None:
    """Look into an object, and note what it is."""
    if file.bad or file.empty:
        return
    data = spec["data"]
    expected = Expected(
        required=tuple(sent.all),
        columns={name: kind for name, kind in data["columns"].items() if name in sent.all},
        targets="free",
        dialect=Dialect.of(data),
        format=str(data.get("format") or "csv"),
        flatten=bool(data.get("flatten")),
    )
    seen = check(path, file.key, expected)
    file.rows, file.empty, file.bad, file.notes = seen.rows, seen.empty, seen.bad, seen.notes
    file.columns = seen.columns


def _append(
    file: File,
    path: Path,
    spec: Mapping[str, Any],
    sent: Sent,
    rows: IO[str],
    names: IO[str],
) -> int:
    """Append a file's rows to the tables; return how many. What cannot be read leaves no row."""
    before, count = [table.tell() for table in (rows, names)], 0
    try:
        for part in _parts(file, path, spec, sent):
            for table, columns in ((rows, sent.columns), (names, sent.names)):
                part[list(columns)].to_csv(table, index=False, header=False, lineterminator="\n")
            count += len(part)
    except (ValueError, ArithmeticError, MemoryError, OSError, Unreadable) as error:
        file.bad = [f"{file.key}: cannot be read: {error}"]
        for table, place in zip((rows, names), before, strict=True):
            table.seek(place)
            table.truncate()
        return 0
    file.rows = count
    return count


def _parts(file: File, path: Path, spec: Mapping[str, Any], sent: Sent) -> Iterator[pd.DataFrame]:
    there = [name for name in sent.all if name in file.columns]
    for part in formats.of(spec["data"]).rows(path, spec["data"], there):
        rows = part.reindex(columns=sent.all, fill_value="")  # a record may leave out names
        for name in sent.hidden.columns if sent.hidden else ():
            if name in rows:
                rows[name] = [sent.hidden.cell(name, value) for value in rows[name]]
        yield rows


def _settle(manifest: Mapping[str, Any], seen: Sequence[File]) -> None:
    """Put down what becomes of each file. Raises JobError where none can be scored."""
    for file in seen:
        file.status = files.SET_ASIDE if file.bad else files.NO_DATA if file.empty else files.USED
        if file.reason:
            print(f"{file.status}: {file.reason}", file=sys.stderr)
    why = ""
    if not any(file.status == files.USED for file in seen):
        reasons = [file.reason for file in seen if file.reason]
        why = f"bad data: nothing is left to score: {files.shown(reasons)}"
    bucket, _, key = os.environ["EVERLOOP_FILES_URI"].removeprefix("s3://").partition("/")
    record = files.record(dict(manifest), list(seen), why)
    # SageMaker uploads no output of a job that failed.
    boto3.client("s3", config=PATIENT).put_object(
        Bucket=bucket, Key=key, Body=as_json(record), ContentType="application/json"
    )
    if why:
        raise JobError(why)


if __name__ == "__main__":
    run(main)
