"""files.json: what became of every file of a dataset, also where nothing was trained."""

import json
from typing import Any

import pytest
from job_container import BUCKET, Container, Drops, bundle_with, spec_of

COLUMNS = {"id": "text", "colour": "text", "price": "number"}
GOOD = "id,colour,price\n" + "".join(f"{n:03},red,{n}\n" for n in range(20))
BAD = "id,colour,price\n1,red,cheap\n"


def frozen(container: Container, *objects: dict[str, Any], new: list[int] | None = None) -> None:
    manifest = {
        "version": 1,
        "model": "mean-price",
        "digest": "0" * 64,
        "new_windows": [1] if new is None else new,
        "objects": objects,
    }
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))


def place(container: Container) -> tuple[dict[str, str], str]:
    key = f"runs/mean-price/{container.root.name}/files/files.json"
    return {"EVERLOOP_FILES_URI": f"s3://{BUCKET}/{key}"}, key


def test_every_file_is_recorded_with_what_became_of_it(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    good, bad = drops.put("data/m/good.csv", GOOD), drops.put("data/m/bad.csv", BAD)
    marker = drops.put("data/m/_SUCCESS", "")
    frozen(container, good, bad, marker)
    container.code(bundle, spec_of(data={"columns": COLUMNS, "bad_files": "set-aside"}))
    environment, key = place(container)

    assert container.succeed("prepare.py", environment).endswith(
        "train 12, validation 4, holdout 4"
    )

    told = drops.read(key)
    assert told["version"] == 1 and told["model"] == "mean-price"
    assert told["dataset_digest"] == "0" * 64
    assert told["outcome"] == "ok" and told["why"] == ""
    assert told["counts"] == {"used": 1, "set-aside": 1, "no-data": 1}
    by_key = {each["key"]: each for each in told["objects"]}
    assert by_key["data/m/bad.csv"]["status"] == "set-aside"
    assert "column 'price' holds 'cheap' in row 1" in by_key["data/m/bad.csv"]["reason"]
    assert by_key["data/m/bad.csv"]["version_id"] == bad["version_id"]
    assert by_key["data/m/_SUCCESS"]["status"] == "no-data"


def test_refused_files_are_recorded_although_the_job_fails(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    frozen(container, drops.put("data/m/good.csv", GOOD), drops.put("data/m/bad.csv", BAD))
    container.code(bundle, spec_of(data={"columns": COLUMNS}))
    environment, key = place(container)

    assert container.fail("prepare.py", environment).startswith("bad data: data/m/bad.csv: column")

    told = drops.read(key)
    assert told["outcome"] == "bad-files"
    assert told["counts"] == {"used": 1, "refused": 1}


@pytest.mark.parametrize(
    ("bad", "share", "said", "status"),
    [
        pytest.param(1, 0.5, "", "set-aside", id="as much as may be"),
        pytest.param(2, 0.5, "2 of 3 files are bad", "refused", id="more than may be"),
        pytest.param(2, 1.0, "", "set-aside", id="all that there is"),
    ],
)
def test_only_so_many_files_may_be_set_aside(
    container: Container,
    drops: Drops,
    bundle: bytes,
    bad: int,
    share: float,
    said: str,
    status: str,
) -> None:
    wrong = [drops.put(f"data/m/bad-{n}.csv", BAD) for n in range(bad)]
    frozen(container, drops.put("data/m/good.csv", GOOD), *wrong)
    data = {"columns": COLUMNS, "bad_files": "set-aside", "max_bad_share": share}
    container.code(bundle, spec_of(data=data))
    environment, key = place(container)

    assert container.run("prepare.py", environment) == bool(said)

    assert said in container.message
    assert {each["status"] for each in drops.read(key)["objects"]} == {"used", status}


def test_new_files_that_are_all_bad_are_set_aside_and_start_no_training(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    old = drops.put("data/m/old.csv", GOOD)
    new = {**drops.put("data/m/new.csv", BAD), "window": 2}
    frozen(container, old, new, new=[2])
    data = {"columns": COLUMNS, "bad_files": "set-aside", "max_bad_share": 0.01}
    container.code(bundle, spec_of(data=data))
    environment, key = place(container)

    said = container.fail("prepare.py", environment)

    assert said.startswith("bad data: the new files hold nothing to train on: data/m/new.csv")
    told = drops.read(key)
    assert told["outcome"] == "bad-files"
    assert told["counts"] == {"used": 1, "set-aside": 1}


def test_files_without_data_are_left_out(container: Container, drops: Drops, bundle: bytes) -> None:
    empty = ["", "id,colour,price\n", "\ufeff", "\n \n", "id,colour,price\n\n"]
    left_out = {f"n{number}.csv": text for number, text in enumerate(empty)}
    names = [".DS_Store", "__MACOSX/._good.csv", "Thumbs.db", "~$good.xlsx", "good.csv.crc"]
    left_out |= dict.fromkeys([*names, "_committed_8812", ".git/config", "2026/"], "\0 no CSV")
    objects = [drops.put(f"data/mean-price/{name}", text) for name, text in left_out.items()]
    frozen(container, drops.put("data/mean-price/good.csv", GOOD), *objects)
    container.code(bundle, spec_of())
    environment, key = place(container)

    said = container.succeed("prepare.py", environment)

    assert said == "Completed: 14 objects (13 left out), rows: train 12, validation 4, holdout 4"
    told = drops.read(key)
    assert told["counts"] == {"used": 1, "no-data": 13}
    reasons = {each["key"]: each["reason"] for each in told["objects"]}
    assert reasons["data/mean-price/n0.csv"] == "is empty"
    assert reasons["data/mean-price/n1.csv"].endswith("has a header and no rows")
    assert reasons["data/mean-price/.DS_Store"].endswith("is hidden")


def test_a_dataset_without_data_says_so(container: Container, drops: Drops, bundle: bytes) -> None:
    left_out = {"a.csv": "", ".b": "x", "rowless.csv": "id,colour,price\n"}
    frozen(container, *[drops.put(f"data/mean-price/{n}", text) for n, text in left_out.items()])
    container.code(bundle, spec_of())
    environment, key = place(container)
    said = container.fail("prepare.py", environment)
    assert said.startswith("the dataset holds no data, so there is nothing to train on: ")
    assert "rowless.csv: has a header and no rows" in said
    assert drops.read(key)["outcome"] == "bad-files"


WORDS = "id,colour,price\n" + "".join(f"w{n:02},blue,much\n" for n in range(20))
_READS = """
import json, os, pathlib, sys
import pandas as pd
given, made = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
read = json.loads(os.environ["EVERLOOP_READ_CSV"])
frame = pd.concat([pd.read_csv(path, **read) for path in sorted(given.iterdir())])
%s
for part in ("train", "validation", "holdout"):
    (made / part).mkdir()
    frame.to_csv(made / part / "data.csv", index=False)
"""


@pytest.mark.parametrize(
    ("change", "rule", "said", "status"),
    [
        pytest.param("", "refuse", "data/m/words.csv: the target 'price' is 'much' in row 1 (and "
            "19 more rows); targets are numbers", "refused", id="left as they are"),
        pytest.param("frame['price'] = 1", "refuse", "train 40", "used", id="made into numbers"),
        pytest.param("", "set-aside", "train 20", "set-aside", id="set aside"),
    ],
)  # fmt: skip
def test_targets_of_no_use_are_found_in_the_drop(
    container: Container,
    drops: Drops,
    change: str,
    rule: str,
    said: str,
    status: str,
) -> None:
    words = drops.put("data/m/words.csv", WORDS)
    frozen(container, drops.put("data/m/good.csv", GOOD), words)
    container.code(
        bundle_with({"preprocess.py": _READS % change}), spec_of(data={"bad_files": rule})
    )
    environment, key = place(container)

    container.run("prepare.py", environment)

    assert said in container.message
    by_key = {each["key"]: each["status"] for each in drops.read(key)["objects"]}
    assert by_key == {"data/m/good.csv": "used", "data/m/words.csv": status}


def test_targets_that_are_wrong_everywhere_are_not_the_files_fault(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    frozen(container, drops.put("data/m/a.csv", WORDS), drops.put("data/m/b.csv", WORDS))
    container.code(bundle, spec_of(data={"bad_files": "set-aside"}))
    environment, key = place(container)
    assert "bad data: data/m/a.csv: the target 'price'" in container.fail("prepare.py", environment)
    assert drops.read(key)["counts"] == {"refused": 2}


def test_a_script_that_fails_is_told_with_what_was_seen_in_the_drop(
    container: Container, drops: Drops
) -> None:
    frozen(container, drops.put("data/m/words.csv", WORDS))
    script = {"preprocess.py": "float('much')"}
    container.code(bundle_with(script), spec_of())
    environment, key = place(container)
    said = container.fail("prepare.py", environment)
    assert said.startswith("preprocess.py failed: ValueError: could not convert string to float")
    assert "; seen in the drop: data/m/words.csv: the target 'price' is 'much' in row 1" in said
    assert drops.read(key)["outcome"] == "ok"


def test_a_class_that_is_none_is_found_in_the_drop(container: Container, drops: Drops) -> None:
    text = "id,late\n" + "".join(f"{n},{n % 3}\n" for n in range(20))
    frozen(container, drops.put("data/m/classes.csv", text))
    spec = {**spec_of(data={"target": "late"}), "problem": "binary_classification"}
    container.code(bundle_with({"preprocess.py": _READS % ""}), spec)
    said = container.fail("prepare.py")
    assert "data/m/classes.csv: the target 'late' is '2' in row 3 (and 5 more rows); " in said
    assert said.endswith("targets are 0 or 1")


def test_files_in_a_declared_dialect_are_read_in_it(container: Container, drops: Drops) -> None:
    lines = [f"{n};rosé;{n},5" for n in range(20)]
    text = "\n".join(["Prix de vente", "id;colour;price", *lines]).encode("cp1252")
    frozen(container, drops.put("data/m/french.csv", text))
    dialect = {"separator": ";", "decimal": ",", "encoding": "cp1252", "skip_lines": 1}
    spec = spec_of(data={"columns": COLUMNS, "dialect": dialect})
    container.code(bundle_with({"preprocess.py": _READS % ""}), spec)
    assert container.succeed("prepare.py").endswith("train 20, validation 20, holdout 20")
    assert "0,rosé,0.5\n" in (container.output("train") / "data.csv").read_text(encoding="utf-8")


_IGNORES = _READS.replace("pd.read_csv(path, **read)", "pd.DataFrame({'id': [1], 'price': [2]})")


@pytest.mark.parametrize(
    ("data", "fails"),
    [
        pytest.param(b"PAR1" + bytes(range(200)) + b"PAR1", False, id="Parquet"),
        pytest.param(b"1,2\n3,4\n", False, id="no header"),
        pytest.param(b"id,price\n1,2,3\n", False, id="rows of any length"),
        pytest.param("id,price\nrosé,2\n".encode("latin-1"), False, id="any encoding"),
        pytest.param(b"id,cost\n1,2\n", True, id="a name that is missing"),
    ],
)
def test_names_only_leaves_reading_to_the_script(
    container: Container, drops: Drops, data: bytes, fails: bool
) -> None:
    frozen(container, drops.put("data/m/a.csv", data))
    bundle = bundle_with({"preprocess.py": _IGNORES % ""})
    container.code(bundle, spec_of(data={"check": "names-only"}))
    assert container.run("prepare.py") == fails


def test_a_version_that_is_gone_is_a_bad_file(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    gone = drops.put("data/m/gone.csv", GOOD)
    drops.erase(gone)
    frozen(container, drops.put("data/m/good.csv", GOOD), gone)
    container.code(bundle, spec_of(data={"bad_files": "set-aside"}))
    environment, key = place(container)
    container.succeed("prepare.py", environment)
    told = {each["key"]: each for each in drops.read(key)["objects"]}["data/m/gone.csv"]
    assert told["status"] == "set-aside"
    assert told["reason"] == f"its frozen version {gone['version_id']} is gone"


def test_scripts_may_print_any_bytes(container: Container, drops: Drops) -> None:
    loud = (
        "import sys\nfor out in (sys.stdout, sys.stderr): out.buffer.write(b'ros\\xe9 \\xff\\n')\n"
    )
    frozen(container, drops.put("data/m/good.csv", GOOD))
    container.code(bundle_with({"preprocess.py": loud + _READS % ""}), spec_of())
    container.succeed("prepare.py")
    quiet = "import sys\nsys.stderr.buffer.write(b'no ros\\xe9')\nsys.exit(1)\n"
    container.code(bundle_with({"preprocess.py": quiet}), spec_of())
    assert container.fail("prepare.py") == "preprocess.py failed: no ros\ufffd"


def test_specs_of_before_read_as_they_did(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    spec = spec_of()
    for key in ("dialect", "check", "bad_files", "max_bad_share"):
        del spec["data"][key]
    frozen(container, drops.put("data/m/good.csv", GOOD), drops.put("data/m/bad.csv", "x\n1\n"))
    container.code(bundle, spec)
    assert container.fail("prepare.py").startswith("bad data: data/m/bad.csv: column 'price'")
