"""prepare.py: the frozen objects, checked, split by the model, and described."""

import hashlib
import json
from typing import Any

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
