"""Files that jobs read: CSV that is none, Parquet, labels, captured traffic, manifests.

A job ends with a reason in words, or does its work; what it names on disk lies in its own folder.
"""

import atexit
import csv
import hashlib
import importlib
import io
import json
import math
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from functions.conftest import new_clients, opened
from fuzz.hostile import TEXTS, WRONG, mutated
from fuzz.target import ROOT, Check, Target
from hypothesis import strategies as st
from job_container import BUCKET, MEAN_PRICE, spec_of

from everloop.bundle import pack

# The jobs' modules read this when they are imported, and lie beside each other in an image.
_ML = Path(tempfile.mkdtemp(prefix="everloop-fuzz-"))
atexit.register(shutil.rmtree, _ML, ignore_errors=True)


def _job(name: str) -> Any:
    os.environ["EVERLOOP_ML_ROOT"] = str(_ML)
    folder = str(ROOT / "jobs" / "everloop_jobs")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


_ROWS = st.lists(
    st.lists(st.one_of(TEXTS, st.floats().map(repr), st.integers().map(str)), max_size=4),
    max_size=6,
)


def _written(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


_CSV = st.one_of(
    _ROWS.map(_written),
    _ROWS.map(lambda rows: _written([["id", "colour", "price"], *rows])),
    _ROWS.map(lambda rows: "\n".join(",".join(row) for row in rows).encode("utf-8", "replace")),
    st.binary(max_size=80),
    st.sampled_from(
        [
            *(
                b"PAR1" + b"\x15\x04" * 40 + b"PAR1",
                b"\x1f\x8b\x08\x00",
                b"PK\x03\x04",
                b"\xef\xbb\xbf",
            ),
            *(b"id,colour,price\r1,red,2\r", b'id,colour,price\n1,"red,2', b"\x00" * 20, b"\n\n\n"),
            *(
                b"id;colour;price\n1;red;2\n",
                b"id,id,price\n1,2,3\n",
                "id,price\n1,2\n".encode("utf-16"),
            ),
            *(
                b"id,colour,price\n" + b"x" * 200_000 + b",red,1\n",
                b"id,colour,price\n1,red,1e999\n",
            ),
            *(
                b"id,colour,price\n1,red,\n",
                b",,\n,,\n",
                b"id,colour,price\n1,red,nan\n2,red,inf\n",
            ),
        ]
    ),
)


_REGRESSION: dict[str, Any] = {
    "problem": "regression",
    "data": {"target": "price", "key": "id"},
    "evaluate": {},
}
_DIALECTS = st.sampled_from(
    [
        {},
        {"separator": ";", "decimal": ","},
        {"encoding": "utf-16"},
        {"quote": None, "comment": "#", "skip_lines": 1},
    ]
)


@contextmanager
def _tables(folder: Path) -> Iterator[Check]:
    pandas, path = importlib.import_module("pandas"), folder / "drop.csv"
    look, wanted = _job("formats.check").check, _job("formats.expected").Expected
    opened = _job("formats.compressed").opened
    baseline, dialect_of = _job("baseline"), _job("formats.dialect").Dialect.of
    write_json = _job("container").write_json
    spec = {"name": "m", "data": {"target": "price", "key": "id", "timestamp": None}}

    def check(case: tuple[bytes, dict[str, Any]]) -> None:
        data, asked = case
        path.write_bytes(data)
        dialect = dialect_of({"dialect": asked})
        for declared in ({"colour": "text", "price": "number"}, {}):
            names = tuple(dict.fromkeys([*declared, "price", "id"]))
            for names_only in (True, False):
                for form in ("jsonl", "parquet", "csv"):
                    want = wanted(
                        names, declared, "price", "zero-one", dialect, names_only, form, names_only
                    )
                    seen = look(path, "data/m/drop.csv", want)
                    told = [*seen.bad, *seen.doubts, *seen.notes, seen.empty or "drop.csv"]
                    assert all(isinstance(line, str) and "drop.csv" in line for line in told)
            if not (seen.bad or seen.empty):  # then a model's script may read it
                profile = _job("data_report.profile").Profile("id")
                for rows in (
                    _job("formats.format")
                    .of({})
                    .rows(
                        path,
                        {"columns": declared, "target": "price", "dialect": asked},
                        [*seen.columns],
                    )
                ):
                    profile.add(rows)
                assert profile.rows == seen.rows and set(profile.columns) <= set(seen.columns)
                report = _job("data_report.document").document(spec, {}, profile, profile)
                _job("data_report.page").rendered(report, {}, "", profile, profile)
                write_json(folder / "data.json", report)
                with opened(path) as file:
                    frame = pandas.read_csv(file, **dialect.for_pandas())
                assert {"price", "id"} <= set(frame.columns) and len(frame) == seen.rows
                told = baseline.statistics_of(frame)
                write_json(folder / "statistics.json", told)
                write_json(folder / "constraints.json", baseline.constraints_of(told, 0.1))

    yield check


@contextmanager
def _labels(folder: Path) -> Iterator[Check]:
    take, problem = _job("labels").take, _job("problems").of(_REGRESSION)

    def check(files: list[bytes]) -> None:
        given = []
        for number, data in enumerate(files):
            path = folder / f"{number}.csv"
            path.write_bytes(data)
            given.append((path, path.name, f"{number}"))
        for numbers in (True, False):
            with closing(sqlite3.connect(":memory:", isolation_level=None)) as table:
                taken = take(table, given, "price", problem=problem, numbers=numbers)
                known = table.execute("select key, target from labels").fetchall()
            assert taken.bad >= len(taken.refused) and taken.corrected >= 0
            assert len(known) <= taken.rows
            assert all(isinstance(key, str) and math.isfinite(value) for key, value in known)
            assert all(why.startswith(name) for name, _, why in taken.refused)

    yield check


_RECORD = {
    "captureData": {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "id,hour\n1,2\n",
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv",
            "mode": "OUTPUT",
            "data": "0.5\n",
            "encoding": "CSV",
        },
    },
    "eventMetadata": {"eventId": "e1", "inferenceTime": "2026-11-20T10:15:30Z"},
    "eventVersion": "0",
}
_LINES = st.lists(
    st.one_of(
        mutated(st.just(_RECORD)).map(json.dumps),
        WRONG.map(json.dumps),
        TEXTS,
        st.sampled_from(["[" * 50_000, "{", "null", '{"captureData": null}']),
    ),
    max_size=4,
)


@contextmanager
def _captured(folder: Path) -> Iterator[Check]:
    captured = _job("capture").captured
    columns = _job("sent_columns").Columns.of({"features": [{"name": "hour"}]}, "id", None, "late")
    predictions, joining, labels = _job("predictions"), _job("joining"), _job("labels")
    problem = _job("problems").of(_REGRESSION)
    look = _job("look").Look("x", "2026-11-20T13:00:00Z", served=[("", 1)])

    def check(lines: list[str]) -> None:
        good = json.dumps(_RECORD)
        text = "\n".join([*(line.replace("\n", " ") for line in lines), good])
        (folder / "x.jsonl").write_bytes(text.encode("utf-8", "replace"))
        traffic = captured(folder, columns, problem.row_names)
        assert traffic.unreadable < traffic.records and len(traffic.rows), "what is good was lost"
        rows = traffic.rows
        kept = predictions.keep(rows, look, folder / "kept", whole=True)
        with closing(joining.open_table(Path(":memory:"))) as table:
            labels.take(table, [], "price", problem=problem, numbers=False)
            days = [joining.join(table, day, [kept[day]], numbers=False) for day in kept]
        assert not [why for day in days for why in day.unreadable]
        found = sum(group.predictions for day in days for group in day.groups)
        assert found + sum(day.repeated for day in days) == rows["__inference__"].notna().sum()

    yield check


_DROPS = [
    b"id,colour,price\n" + b"".join(b"%d,red,%d\n" % (n, n) for n in range(20 + d)) for d in (0, 1)
]
_OBJECTS = [
    {
        "bucket": BUCKET,
        "key": f"data/mean-price/{number}.csv",
        "version_id": f"@{number}",  # known only once it was put
        "etag": hashlib.md5(drop).hexdigest(),
        "size": len(drop),
        "window": 1,
    }
    for number, drop in enumerate(_DROPS)
]
_MANIFEST = {"version": 1, "model": "mean-price", "digest": "x", "objects": _OBJECTS}


@contextmanager
def _manifests(folder: Path) -> Iterator[Check]:
    prepare, container = _job("prepare"), _job("container")
    code, dataset = (_ML / "processing" / "input" / name for name in ("code", "dataset"))
    with new_clients(), opened(folder) as account:
        for place in (code, dataset):
            place.mkdir(parents=True, exist_ok=True)
        (code / "bundle.tar.gz").write_bytes(pack(MEAN_PRICE))
        (code / "spec.json").write_text(json.dumps(spec_of()))
        s3 = account.client("s3")
        versions = [
            s3.put_object(Bucket=BUCKET, Key=each["key"], Body=drop)["VersionId"]
            for each, drop in zip(_OBJECTS, _DROPS, strict=True)
        ]

        def check(manifest: Any) -> None:
            text = json.dumps(manifest)
            for number, version in enumerate(versions):
                text = text.replace(f'"@{number}"', json.dumps(version))
            (dataset / "manifest.json").write_text(text)
            try:
                assert prepare.main().startswith("Completed")
            except container.JobError as refused:
                assert str(refused).strip()

        yield check


_KEYS = st.one_of(
    TEXTS,
    st.lists(st.one_of(TEXTS, st.sampled_from(["..", ".", "", "a", "a.csv"])), max_size=4).map(
        "/".join
    ),
)


@contextmanager
def _named(folder: Path) -> Iterator[Check]:
    local_names, no_data = _job("dataset").local_names, _job("formats.no_data").no_data_by_name

    def check(keys: list[str]) -> None:
        named = local_names(keys)
        assert all(isinstance(no_data(key, "_SUCCESS"), str) for key in keys)
        assert sorted(named.values()) == sorted(keys), "an object has no file of its own"
        for name in named:
            assert name not in ("", ".", "..") and "/" not in name and "\0" not in name
            assert len(name.encode("utf-8", "replace")) <= 255
            assert (folder / name).resolve().parent == folder.resolve()

    yield check


TARGETS = [
    Target("dropped tables", st.tuples(_CSV, _DIALECTS), _tables, share=15),
    Target("labels", st.lists(_CSV, max_size=3), _labels, share=10),
    Target("captured traffic", _LINES, _captured, share=10),
    Target("manifests", mutated(st.just(_MANIFEST)), _manifests, share=3),
    Target("file names", st.lists(_KEYS, max_size=6, unique=True), _named, share=10),
]
