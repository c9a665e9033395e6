"""Statistics that are read piece by piece are those of the whole table, as pandas reads it."""

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jobs.conftest import job_module

KINDS = {
    "whole": lambda chance: str(chance.randint(-5, 9)),
    "fraction": lambda chance: f"{chance.gauss(0, 1):.3f}",
    "text": lambda chance: chance.choice(["a", "b,c", "ü"]),
    "boolean": lambda chance: chance.choice(["True", "true", "FALSE"]),
    "mixed": lambda chance: chance.choice(["1", "2.0", "x"]),
    "empty": lambda chance: "",
    "infinite": lambda chance: chance.choice(["inf", "1"]),
    "padded": lambda chance: chance.choice([" 1", "2 "]),
    "zeros": lambda chance: chance.choice(["007", "08"]),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance, path = random.Random(3), tmp_path_factory.mktemp("table") / "data.csv"
    rows = {
        name: [of(chance) if chance.random() > 0.1 else "NA" for _ in range(5000)]
        for name, of in KINDS.items()
    }
    rows["late text"] = [*(str(n % 7) for n in range(4990)), *["x"] * 10]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def by_value(statistics: Any) -> Any:
    """Two values that come equally often have no order."""
    if isinstance(statistics, dict):
        return {name: by_value(each) for name, each in statistics.items()}
    if isinstance(statistics, list) and statistics and "value" in statistics[0]:
        return {each["value"]: each["count"] for each in statistics}
    if isinstance(statistics, list) and statistics and isinstance(statistics[0], dict):
        return [by_value(each) for each in statistics]
    return statistics


def flat(statistics: Any, path: str = "") -> dict[str, Any]:
    if isinstance(statistics, dict):
        each = [flat(inner, f"{path}.{name}") for name, inner in statistics.items()]
    elif isinstance(statistics, list):
        each = [flat(inner, f"{path}.{place}") for place, inner in enumerate(statistics)]
    else:
        return {path: statistics}
    return {name: value for one in each for name, value in one.items()}


@pytest.mark.parametrize("at_once", [9000, 1000], ids=["in one piece", "in five"])
def test_statistics_in_pieces_are_those_of_the_whole(table: Path, at_once: int) -> None:
    streamed, baseline = job_module("streamed"), job_module("baseline")
    names = [*KINDS, "late text"]
    whole = baseline.statistics_of(pd.read_csv(table, low_memory=False)[names])
    pieces = streamed.statistics_of(table, names, at_once=at_once)
    wanted, found = flat(by_value(whole)), flat(by_value(pieces))
    assert wanted.keys() == found.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, nan_ok=True), name


def test_of_many_rows_quantiles_are_those_of_a_sample(tmp_path: Path) -> None:
    streamed = job_module("streamed")
    path = tmp_path / "data.csv"
    pd.DataFrame({"n": range(60_000)}).to_csv(path, index=False)
    (feature,) = streamed.statistics_of(path, ["n"], at_once=7000, kept=5000)["features"]
    told = feature["numerical_statistics"]
    assert (told["min"], told["max"], told["mean"]) == (0.0, 59_999.0, 29_999.5)
    kll = told["distribution"]["kll"]
    assert sum(bucket["count"] for bucket in kll["buckets"]) == 60_000
    assert all(abs(bucket["count"] - 6000) < 600 for bucket in kll["buckets"])
    (points,) = kll["sketch"]["data"]
    off = [abs(point / 60_000 - place / len(points)) for place, point in enumerate(points)]
    assert max(off) < 0.03
