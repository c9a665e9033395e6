"""Two versions are compared on rows that neither was trained on: who saw what, by its key."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import PICK, Container, bundle_with, spec_of
from jobs.conftest import job_module

MADE = {"data": {"key": "id"}}


def baseline(folder: Path, train: list[Any], validation: list[Any], key: str | None = "id") -> Path:
    """Let prepare's own code keep the keys of what was trained on."""
    made, kept = folder / "made", folder / "baseline"
    kept.mkdir(parents=True)
    for part, keys in (("train", train), ("validation", validation)):
        (made / part).mkdir(parents=True)
        pd.DataFrame({"id": keys, "price": 1}).to_csv(made / part / "data.csv", index=False)
    names = job_module("row_names").RowNames((key,) if key else ())
    job_module("trained_keys").write(made, names, kept)
    return kept


def seen(column: list[Any], kept: Path) -> Any:
    found = job_module("trained_keys").seen(column, kept)
    return None if found is None else found.tolist()


def test_what_trained_or_validated_is_seen_however_a_key_is_written(tmp_path: Path) -> None:
    kept = baseline(tmp_path, ["a1", "007", 8], ["b"])
    assert seen(["a1", "7", "8.0", "b", "c", "a"], kept) == [True] * 4 + [False] * 2
    assert (kept / "trained-keys.bin").stat().st_size == 4 * 8


def test_so_is_a_row_that_several_columns_name(tmp_path: Path) -> None:
    made, kept = tmp_path / "made" / "train", tmp_path / "kept"
    made.mkdir(parents=True)
    kept.mkdir()
    table = pd.DataFrame({"query": ["007", "b"], "doc": ["01", "2"], "relevance": 1})
    table.to_csv(made / "data.csv", index=False)
    names = job_module("row_names").RowNames(("query", "doc"))
    job_module("trained_keys").write(made.parent, names, kept)
    asked = pd.DataFrame({"query": [7, "b", 7], "doc": [1.0, "2.0", 2]}, dtype=object)
    assert seen(names.of_frame(asked), kept) == [True, True, False]


@pytest.mark.parametrize(
    ("train", "key"),
    [
        pytest.param([*range(50)] * 2, "id", id="a key that repeats names no row"),
        pytest.param([1, 2], None, id="no key"),
        pytest.param([1, 2], "order", id="a key that train has not"),
    ],
)
def test_where_no_key_names_a_row_nothing_is_known(
    tmp_path: Path, train: list[int], key: str | None
) -> None:
    assert seen([1], baseline(tmp_path, train, [], key)) is None


def compare(
    container: Container, trained: dict[str, list[int]], rows: int = 200, hidden: Sequence[str] = ()
) -> None:
    random = np.random.default_rng(1)
    truth = random.normal(20, 5, rows)
    memory = np.where(np.arange(rows) < rows // 2, truth, truth + random.normal(0, 3, rows))
    table = {"id": range(rows), "good": truth + random.normal(0, 1, rows), "memory": memory}
    pd.DataFrame({**table, "price": truth}).to_csv(
        container.input("holdout") / "data.csv", index=False
    )
    compared = {"metrics": {}, "slices": [], "compare": {"metric": "mae", "confidence": 0.9}}
    asked = spec_of(evaluate=compared, data={"columns": {}})
    asked_now = {**asked, "privacy": {"hidden": list(hidden)}}
    for side, job in (("candidate", "code"), ("champion", "champion-code")):
        spec = asked_now if side == "candidate" else asked
        container.code(bundle_with({"inference.py": PICK}), spec, job)
        container.model({"column": "good" if side == "candidate" else "memory"}, side)
    for name, keys in trained.items():
        made = baseline(container.root / name, keys, [])
        target = container.input(name)
        (target / "trained-keys.bin").write_bytes((made / "trained-keys.bin").read_bytes())


def test_what_the_champion_remembers_does_not_count(container: Container) -> None:
    """It knows half of the rows by heart, and is worse on the others."""
    compare(container, {"champion-baseline": [*range(100), 999]})
    message = container.succeed("compare.py")
    told = container.read("comparison/comparison.json")
    assert (told["rows"], told["left_out"]) == (100, 100)
    assert told["gain"]["low"] > 0
    assert "; 100 rows that one of them was trained on are left out" in message
    page = (container.output("comparison") / "report.html").read_text()
    assert "the champion on 100. Left out are 100." in page
    assert "Not known: whether the candidate was trained" in page


def test_what_the_candidate_was_trained_on_does_not_count_either(container: Container) -> None:
    compare(container, {"champion-baseline": [1, 2], "baseline": [2, 3]})
    container.succeed("compare.py")
    told = container.read("comparison/comparison.json")
    assert (told["left_out"], told["trained_on"]) == (3, {"candidate": 2, "champion": 2})


def test_a_champion_of_before_is_compared_on_all_rows(container: Container) -> None:
    compare(container, {})
    container.succeed("compare.py")
    told = container.read("comparison/comparison.json")
    assert (told["rows"], told["left_out"]) == (200, None)


@pytest.mark.parametrize(("hidden", "left_out"), [("id", None), ("good", 0)])
def test_where_tokens_name_the_candidates_rows_alone_nobody_knows_what_both_saw(
    container: Container, hidden: str, left_out: int | None
) -> None:
    compare(container, {"champion-baseline": [999]}, hidden=[hidden])
    container.succeed("compare.py")
    assert container.read("comparison/comparison.json")["left_out"] == left_out


def test_where_no_row_is_left_it_is_told_what_to_do(container: Container) -> None:
    compare(container, {"champion-baseline": [*range(200)]})
    said = container.fail("compare.py")
    assert said.startswith("each of the 200 rows of the holdout, by [data].key 'id', was trained")
    assert "by a hash of its key ([data.split] does it)" in said
    assert json.dumps(said)
