"""files.json: what became of every file of a dataset, also where nothing was trained."""

import json
from typing import Any

import pytest
from job_container import BUCKET, Container, Drops, spec_of

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
