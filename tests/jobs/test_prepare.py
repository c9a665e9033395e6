"""prepare.py: the frozen objects, checked, split by the model, and described."""

import gzip
import hashlib
import io
import json
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from job_container import Container, Drops, bundle_with, spec_of

COLUMNS = {"id": "text", "colour": "text", "price": "number"}


def rows(first: int, last: int) -> str:
    lines = [f"{n:04d},{'red' if n % 2 else 'blue'},{n % 7 + 0.5}" for n in range(first, last)]
    return "\n".join(["id,colour,price", *lines]) + "\n"


def freeze(container: Container, *objects: dict[str, Any]) -> None:
    manifest = {"version": 1, "model": "mean-price", "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))


def test_the_frozen_versions_are_split_and_described(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    old = drops.put("data/mean-price/a/jan.csv", rows(0, 50))
    drops.put("data/mean-price/a/jan.csv", "what,came\nlater,on\n")
    same_name = drops.put("data/mean-price/b é+%/jan.csv", rows(50, 100))
    marker = drops.put("data/mean-price/_SUCCESS", "")
    freeze(container, old, same_name, marker)
    container.code(bundle, spec_of(data={"columns": COLUMNS, "timestamp": None}))

    message = container.succeed("prepare.py")

    assert message == "Completed: 3 objects, rows: train 60, validation 20, holdout 20"
    train = (container.output("train") / "data.csv").read_text().splitlines()
    assert train[:2] == ["id,colour,price", "0000,blue,0.5"]
    assert (container.output("holdout") / "data.csv").read_text().count("\n") == 21
    statistics = container.read("baseline/statistics.json")
    assert statistics["dataset"] == {"item_count": 60}
    assert statistics["columns"] == ["id", "colour", "price"]  # as a request without a header has
    (colour,) = statistics["features"]  # neither key nor target
    assert colour["name"] == "colour"
    assert colour["inferred_type"] == "String"
    shares = colour["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert sorted((each["value"], each["count"]) for each in shares) == [("blue", 30), ("red", 30)]
    constraints = container.read("baseline/constraints.json")
    assert constraints["features"][0]["completeness"] == 1.0
    assert sorted(constraints["features"][0]["string_constraints"]["domains"]) == ["blue", "red"]
    drift = constraints["monitoring_config"]["distribution_constraints"]
    assert drift["comparison_threshold"] == 0.1


def test_every_bad_file_is_named_with_what_is_wrong(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    files = {
        "missing": "id,colour\n1,red\n",
        "renamed": "id,color,price\n1,red,2\n",
        "cut-off": "id,colour,price\n1,red,2\n2,bl",
        "text": "id,colour,price\n1,red,2\n2,red,cheap\n",
        "semicolons": "id;colour;price\n1;red;2\n",
        "target": "id,colour,price\n1,red,\n",
    }
    freeze(container, *[drops.put(f"data/m/{n}.csv", text) for n, text in files.items()])
    container.code(bundle, spec_of(data={"columns": COLUMNS}))

    said = container.fail("prepare.py").removeprefix("bad data: ").split("; data/m/")

    assert sorted(part.removeprefix("data/m/") for part in said) == [
        "cut-off.csv: row 2 has 2 fields where the header has 3; "
        "the file looks cut off, upload it again",
        "missing.csv: column 'price' is missing",
        "renamed.csv: column 'colour' is missing; was it renamed to 'color'?",
        "semicolons.csv: its fields are separated by ';'; separate them by commas, or declare "
        '[data.dialect] separator = ";"',
        "target.csv: the target 'price' is missing in row 1; drop rows with their targets, or "
        "leave the others out in preprocess.py",
        "text.csv: column 'price' holds 'cheap' in row 2; numbers belong there",
    ]


def test_more_bad_files(container: Container, drops: Drops, bundle: bytes) -> None:
    files: dict[str, str | bytes] = {
        "quote": 'id,colour,price\n1,"red,2\n',
        "latin": "id,colour,price\n1,rosé,2\n".encode("latin-1"),
        "twice": "id,price,price\n1,1,2\n",
        "broken": "id,colour,price\n1,red,2\n2,red\n3,red,4\n",
    }
    freeze(container, *[drops.put(f"data/n/{n}.csv", text) for n, text in files.items()])
    container.code(bundle, spec_of())

    said = container.fail("prepare.py")

    assert "data/n/broken.csv: row 2 has 2 fields where the header has 3;" in said
    assert "data/n/latin.csv: is no UTF-8 text" in said
    assert "data/n/quote.csv: row 1 cannot be read" in said
    assert "data/n/twice.csv: the header names column 'price' twice" in said


def test_line_breaks_inside_fields_are_no_rows(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    """What splits lines in Unicode is text in CSV, and so is a quoted line break."""
    text = rows(0, 50) + 'x,"dark\nred",1\ny,light\u2028red,2\n'
    freeze(container, drops.put("data/mean-price/breaks.csv", "\ufeff" + text))
    container.code(bundle_with({"preprocess.py": _COPY}), spec_of(data={"columns": COLUMNS}))
    assert container.succeed("prepare.py").endswith("train 52, validation 52, holdout 52")


def test_what_is_not_what_was_frozen_is_refused(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    size = {**drops.put("data/f/size.csv", rows(0, 9)), "size": 7}
    etag = {**drops.put("data/f/etag.csv", rows(0, 9)), "etag": "0" * 32}
    gone = drops.put("data/f/gone.csv", rows(0, 9))
    drops.erase(gone)
    freeze(container, size, etag, gone)
    container.code(bundle, spec_of())

    said = container.fail("prepare.py")

    length = len(rows(0, 9))
    assert f"data/f/size.csv: has {length} bytes, 7 were frozen" in said
    assert "data/f/etag.csv: its ETag is " in said
    assert f"data/f/gone.csv: its frozen version {gone['version_id']} is gone" in said


_COPY = """
import pathlib, sys
given, made = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
for part in ("train", "validation", "holdout"):
    (made / part).mkdir()
    (made / part / "data.csv").write_bytes(next(given.iterdir()).read_bytes())
"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(
            "raise ValueError('no flights in June')",
            "preprocess.py failed: ValueError: no flights in June",
            id="raises",
        ),
        pytest.param(
            "", "preprocess.py wrote no train/data.csv into --output", id="writes nothing"
        ),
        pytest.param(
            _COPY + "(made / 'holdout' / 'data.csv').write_text('id,colour,price\\n')",
            "preprocess.py wrote no rows to holdout/data.csv: is the drop too small?",
            id="writes no rows",
        ),
        pytest.param(
            _COPY + "(made / 'train' / 'data.csv').write_text('id,colour\\n1,red\\n')",
            "train/data.csv has no column 'price', the [data].target",
            id="loses the target",
        ),
        pytest.param(
            _COPY + "(made / 'holdout' / 'data.csv').write_text('colour,price\\nred,1\\n')",
            "holdout/data.csv has no column 'id'",
            id="loses the key",
        ),
    ],
)
def test_what_preprocess_does_wrong_is_said(
    container: Container, drops: Drops, script: str, said: str
) -> None:
    freeze(container, drops.put("data/mean-price/p.csv", rows(0, 20)))
    container.code(bundle_with({"preprocess.py": script}), spec_of())
    assert said in container.fail("prepare.py")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"objects": 7}, "not what freeze_dataset writes", id="no list"),
        pytest.param({"objects": [7]}, "not what freeze_dataset writes", id="no objects"),
        pytest.param({"size": "9"}, "not what freeze_dataset writes", id="size"),
        pytest.param({"etag": None}, "not what freeze_dataset writes", id="etag"),
        pytest.param({"version_id": 1.5}, "not what freeze_dataset writes", id="version"),
        pytest.param({"bucket": "no bucket"}, "no object has such a bucket", id="bucket"),
        pytest.param({"key": "data/f/\ud800"}, "no object has such a bucket", id="surrogate"),
    ],
)
def test_a_manifest_of_another_shape_is_refused(
    container: Container, drops: Drops, bundle: bytes, change: dict[str, Any], said: str
) -> None:
    entry = drops.put("data/f/a.csv", rows(0, 9))
    manifest = change if "objects" in change else {"objects": [{**entry, **change}]}
    (container.input("dataset") / "m.json").write_text(json.dumps(manifest))
    container.code(bundle, spec_of())
    assert said in container.fail("prepare.py")


def test_a_column_of_one_huge_number_is_described(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    lines = [f"{n:04},blue,71758187050265180{n % 2}" for n in range(50)]
    freeze(container, drops.put("data/f/a.csv", "\n".join(["id,colour,price", *lines]) + "\n"))
    container.code(bundle, spec_of(data={"target": "id", "key": None}))
    container.succeed("prepare.py")
    price = next(
        each
        for each in container.read("baseline/statistics.json")["features"]
        if each["name"] == "price"
    )
    buckets = price["numerical_statistics"]["distribution"]["kll"]["buckets"]
    assert sum(bucket["count"] for bucket in buckets) == 30


def test_a_name_made_for_one_object_is_never_anothers(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    made = hashlib.sha256(b"data/f/z/a.csv").hexdigest()[:12]
    dropped = [
        drops.put("data/f/a.csv", rows(0, 9)),
        drops.put(f"data/f/b/a_{made}.csv", rows(9, 18)),
        drops.put("data/f/z/a.csv", rows(18, 27)),
    ]
    freeze(container, *dropped)
    container.code(bundle, spec_of())
    assert container.succeed("prepare.py").endswith("train 16, validation 5, holdout 6")


def test_a_folder_without_manifest_is_refused(container: Container, bundle: bytes) -> None:
    container.input("dataset")
    container.code(bundle, spec_of())
    assert "one manifest belongs into the input dataset, there are 0" in container.fail(
        "prepare.py"
    )


def _parquet(first: int, last: int) -> bytes:
    numbers = range(first, last)
    table = pyarrow.table(
        {
            "id": [f"{n:04}" for n in numbers],
            "colour": ["red" if n % 2 else "blue" for n in numbers],
            "price": [n % 7 + 0.5 for n in numbers],
        }
    )
    made = io.BytesIO()
    pyarrow.parquet.write_table(table, made)
    return made.getvalue()


_READS = """
import os, pathlib, sys
import pandas as pd
given, made = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
read = {"parquet": pd.read_parquet, "jsonl": lambda path: pd.read_json(path, lines=True)}
frame = pd.concat([read[os.environ["EVERLOOP_FORMAT"]](p) for p in sorted(given.iterdir())])
for part in ("train", "validation", "holdout"):
    (made / part).mkdir()
    frame.to_csv(made / part / "data.csv", index=False)
"""


def test_parquet_is_checked_and_handed_on(container: Container, drops: Drops) -> None:
    jan = drops.put("data/p/jan.parquet", _parquet(0, 9))
    freeze(container, jan, drops.put("data/p/feb.parquet", _parquet(9, 20)))
    data = {"format": "parquet", "columns": COLUMNS}
    container.code(bundle_with({"preprocess.py": _READS}), spec_of(data=data))
    assert container.succeed("prepare.py").endswith("train 20, validation 20, holdout 20")


def test_a_later_file_with_another_schema_is_refused(container: Container, drops: Drops) -> None:
    new = drops.put("data/p/a.parquet", _odd())
    old = drops.put("data/p/b.parquet", _parquet(0, 9))
    freeze(container, {**new, "window": 2}, {**old, "window": 1})
    container.code(bundle_with({"preprocess.py": _READS}), spec_of(data={"format": "parquet"}))
    assert container.fail("prepare.py") == (
        "bad data: data/p/a.parquet: column 'colour' is int64 here and string in "
        "data/p/b.parquet; write all files with one schema"
    )


def _odd() -> bytes:
    made = io.BytesIO()
    table = pyarrow.table({"id": ["1", "2"], "colour": [1, 2], "price": [1.0, 2.0]})
    pyarrow.parquet.write_table(table, made)
    return made.getvalue()


def test_what_is_compressed_lies_unpacked_before_preprocess(
    container: Container, drops: Drops
) -> None:
    records = "".join(
        json.dumps({"id": f"k{n}", "of": {"colour": "red"}, "price": n}) + "\n" for n in range(9)
    )
    packed = drops.put("data/j/jan.jsonl.gz", gzip.compress(records.encode()))
    plain = drops.put("data/j/jan.jsonl", records)
    freeze(container, packed, plain)
    data = {"format": "jsonl", "flatten": True, "columns": {"of.colour": "text", "price": "number"}}
    container.code(bundle_with({"preprocess.py": _READS}), spec_of(data=data))
    assert container.succeed("prepare.py").endswith("train 18, validation 18, holdout 18")
    head = (container.output("train") / "data.csv").read_text().splitlines()[0]
    assert head == "id,of.colour,price"


_PICTURES = """
import json, pathlib, sys
given, made = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
(listed,) = given.iterdir()
objects = json.loads(listed.read_text())["objects"]
lines = ["id,price", *(f"{each['key']},{each['size']}" for each in objects)]
for part in ("train", "validation", "holdout"):
    (made / part).mkdir()
    (made / part / "data.csv").write_text("\\n".join(lines) + "\\n")
"""


def test_of_files_preprocess_gets_keys_sizes_and_digests(
    container: Container, drops: Drops
) -> None:
    cat = drops.put("data/f/cats/1.png", b"\x89PNG\r\n" + bytes(99))
    dog = drops.put("data/f/dogs/1.png", b"\x89PNG\r\n" + bytes(50))
    blank, gone = drops.put("data/f/blank.png", b""), drops.put("data/f/gone.png", b"x")
    drops.erase(gone)
    freeze(container, cat, dog, blank)
    container.code(bundle_with({"preprocess.py": _PICTURES}), spec_of(data={"format": "files"}))
    assert container.succeed("prepare.py").startswith("Completed: 3 objects (1 left out)")
    told = (container.output("train") / "data.csv").read_text()
    assert told == "id,price\ndata/f/cats/1.png,105\ndata/f/dogs/1.png,56\n"
    freeze(container, cat, gone)
    assert "data/f/gone.png: its frozen version" in container.fail("prepare.py")


_ANYTHING = """
import pathlib, sys
given, made = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
table = next(given.iterdir()).read_bytes()
files = {
    "train/deep/rows.npz": b"any bytes", "train/more.txt": b"x", "validation/rows.npz": b"y",
    "holdout/data.csv": table, "holdout/images/1.png": b"png", "vocabulary/words.txt": b"a b",
    "scratch/left.txt": b"z",
}
for name, data in files.items():
    path = made / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
"""


def test_what_preprocess_writes_goes_on_as_it_is(container: Container, drops: Drops) -> None:
    freeze(container, drops.put("data/mean-price/x.csv", rows(0, 20)))
    spec = spec_of(prepare={"channels": ["vocabulary"]})
    container.code(bundle_with({"preprocess.py": _ANYTHING}), spec)
    said = container.succeed("prepare.py")
    assert said.endswith("rows: train 2 files, validation 1 files, holdout 20")
    found = {
        path.relative_to(container.output("")).as_posix()
        for path in container.output("").rglob("*")
        if path.is_file()
    }
    assert found == {
        *("train/deep/rows.npz", "train/more.txt", "validation/rows.npz", "holdout/data.csv"),
        *("holdout/images/1.png", "vocabulary/words.txt"),
        *("baseline/statistics.json", "baseline/constraints.json"),
    }
    statistics = container.read("baseline/statistics.json")  # of the holdout: train is no table
    assert statistics["dataset"] == {"item_count": None}
    assert [each["name"] for each in statistics["features"]] == ["colour"]


@pytest.mark.parametrize(
    ("script", "spec", "said"),
    [
        pytest.param(
            _COPY + "(made / 'holdout' / 'data.csv').rename(made / 'holdout' / 'rows.npz')",
            {},
            "preprocess.py wrote no holdout/data.csv into --output; a version is measured on it",
            id="holdout is no table",
        ),
        pytest.param(
            _COPY,
            {"prepare": {"channels": ["images"]}},
            "preprocess.py wrote no files to images/ below --output, one of [prepare].channels",
            id="a channel lacks",
        ),
        pytest.param(
            _COPY,
            {"train": {"count": 2, "shard": ["validation"]}},
            "validation/ has 1 files and [train].count is 2: machines that share a channel get",
            id="fewer files than machines",
        ),
    ],
)
def test_what_must_be_written_is_said(
    container: Container, drops: Drops, script: str, spec: dict[str, Any], said: str
) -> None:
    freeze(container, drops.put("data/mean-price/y.csv", rows(0, 20)))
    container.code(bundle_with({"preprocess.py": script}), spec_of(**spec))
    assert said in container.fail("prepare.py")


_JOINS = """
import pathlib, sys
import pandas as pd
given, made = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
people = pd.concat([pd.read_json(p, lines=True) for p in (given / "people").iterdir()])
parts = [p for p in given.iterdir() if p.is_dir() and p.name != "people"]
for part in ("train", "validation", "holdout"):
    files = [given / part / "data.csv"] if parts else [p for p in given.iterdir() if p.is_file()]
    frame = pd.concat([pd.read_csv(p) for p in files]).merge(people, on="colour")
    (made / part).mkdir()
    frame.to_csv(made / part / "data.csv", index=False)
"""
PEOPLE = {
    **{"prefix": "people/", "keys": ["colour"], "columns": {"age": "number"}, "format": "jsonl"}
}


@pytest.mark.parametrize("split", [None, {"by": "key", "group": None}], ids=["own", "split"])
def test_several_tables_are_joined_by_preprocess(
    container: Container, drops: Drops, split: dict[str, Any] | None
) -> None:
    people = '{"colour": "red", "age": 3}\n{"colour": "blue", "age": 4}\n'
    own = drops.put("data/mean-price/a.csv", rows(0, 90))
    freeze(
        container,
        own,
        drops.put("data/mean-price/people/a.jsonl.gz", gzip.compress(people.encode())),
    )
    split = {**split, "validation": 0.2, "holdout": 0.2} if split else None
    spec = spec_of(data={"tables": {"people": PEOPLE}, "split": split})
    container.code(bundle_with({"preprocess.py": _JOINS}), spec)
    said = container.succeed("prepare.py")
    assert said.startswith("Completed: 2 objects, rows: train ")
    head = (container.output("train") / "data.csv").read_text().splitlines()[0]
    assert head == "id,colour,price,age"


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (None, "bad data: [data.tables.people] has no file below data/mean-price/people/"),
        (
            '{"color": "red", "age": 3}\n',
            "people/a.jsonl: column 'colour' is missing; was it renamed",
        ),
        ('{"colour": "red", "age": "old"}\n', "people/a.jsonl: column 'age' holds 'old' in row 1"),
        (
            "colour,age\nred,3\n",
            "people/a.jsonl: line 1 is no JSON: Expecting value: line 1 column",
        ),
    ],
)
def test_a_table_that_lacks_or_has_no_key_is_named(
    container: Container, drops: Drops, people: str | None, said: str
) -> None:
    files = [drops.put("data/mean-price/b.csv", rows(0, 9))]
    files += [drops.put("data/mean-price/people/a.jsonl", people)] if people else []
    freeze(container, *files)
    spec = spec_of(data={"tables": {"people": PEOPLE}})
    container.code(bundle_with({"preprocess.py": _JOINS}), spec)
    assert said in container.fail("prepare.py")
