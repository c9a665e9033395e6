"""A version is judged by groups that it was never given: prepare, evaluate and compare."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import PICK, Container, Drops, bundle_with, spec_of

SPLIT = """
import argparse, pathlib, shutil
parser = argparse.ArgumentParser()
parser.add_argument("--input"); parser.add_argument("--output")
told = parser.parse_args()
for part in ("train", "validation", "holdout"):
    folder = pathlib.Path(told.output) / part
    folder.mkdir(parents=True)
    for path in pathlib.Path(told.input).glob("*.csv"):
        shutil.copy(path, folder / "data.csv")
"""
BUNDLE = bundle_with({"preprocess.py": SPLIT, "inference.py": PICK})


def spec(**rules: Any) -> dict[str, Any]:
    """Return the spec of a model that says who is paid back."""
    made = spec_of(
        data={"target": "paid", "key": "id", "timestamp": None, "columns": {}},
        evaluate={
            "metrics": {},
            "compare": {"metric": "auc", "least_gain": 0.0, "confidence": 0.9},
        },
    )
    fairness = {"groups": ["sex"], "bars": {"disparate_impact": 0.8}, "keep_out": ["sex"], **rules}
    defaults = {
        **{"reference": {}, "bands": {}, "favourable": [], "least_rows": 30},
        **{"confidence": 0.95, "max_worsening": 0.05},
    }
    return {**made, "problem": "binary_classification", "fairness": {**defaults, **fairness}}


def people(count: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(1)
    sex = random.choice(["f", "m"], count, p=[0.4, 0.6])
    paid = random.integers(0, 2, count)
    fair = np.clip(0.2 + 0.6 * paid + random.normal(0, 0.1, count), 0, 1)
    biased = np.clip(fair - 0.45 * (sex == "f"), 0, 1)
    return pd.DataFrame(
        {"id": range(count), "sex": sex, "fair": fair, "biased": biased, "paid": paid}
    )


def manifest(container: Container, drops: Drops, rows: pd.DataFrame) -> None:
    entry = drops.put("data/loans/a.csv", rows.to_csv(index=False))
    listed = {"version": 1, "model": "loans", "digest": "0" * 64, "objects": [entry]}
    (container.input("dataset") / "manifest.json").write_text(json.dumps(listed))


def prepared(container: Container, drops: Drops, rows: pd.DataFrame, rules: dict[str, Any]) -> None:
    manifest(container, drops, rows)
    container.code(BUNDLE, rules)
    container.succeed("prepare.py")


def hand_on(container: Container) -> None:
    """Give what the preparation wrote to the next job."""
    for name in ("holdout", "baseline"):
        for path in container.output(name).iterdir():
            (container.input(name) / path.name).write_bytes(path.read_bytes())


def test_the_model_is_not_given_the_group_and_is_judged_by_it(
    container: Container, drops: Drops
) -> None:
    rows = people()
    prepared(container, drops, rows, spec())
    for part in ("train", "validation", "holdout"):
        text = (container.output(part) / "data.csv").read_text()
        assert text == rows.drop(columns="sex").to_csv(index=False), "the very characters"
    groups = (container.output("holdout") / "groups.csv").read_text().splitlines()
    assert groups == ["sex", *rows["sex"]]
    statistics = container.read("baseline/statistics.json")
    assert "sex" not in statistics["columns"]
    (before,) = container.read("baseline/fairness.json")["columns"]
    shares = rows.groupby("sex")["paid"].mean()
    (women,) = before["groups"]
    assert women["measures"]["label_difference"]["value"] == pytest.approx(shares.m - shares.f)

    hand_on(container)
    container.model({"column": "biased"})
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")["fairness"]
    (column,) = told["columns"]
    assert column["reference"] == {"value": "m", "rows": int((rows["sex"] == "m").sum())}
    (women,) = column["groups"]
    selected = rows.assign(said=rows["biased"] >= 0.5).groupby("sex")["said"].mean()
    impact = women["measures"]["disparate_impact"]
    assert impact["value"] == pytest.approx(selected.f / selected.m)
    assert impact["high"] < 0.8
    assert told["before"]["columns"] == [before]
    page = (container.output("evaluation") / "report.html").read_text()
    assert "sex: against m" in page and "disparate impact" in page and "at least 0.8" in page


def test_both_versions_are_measured_on_the_same_rows(container: Container, drops: Drops) -> None:
    prepared(container, drops, people(), spec())
    hand_on(container)
    container.code(BUNDLE, spec(), "champion-code")
    container.model({"column": "biased"}, "candidate")
    container.model({"column": "fair"}, "champion")
    container.succeed("compare.py")
    both = container.read("comparison/comparison.json")["fairness"]
    impact = {
        side: found["columns"][0]["groups"][0]["measures"]["disparate_impact"]["value"]
        for side, found in both.items()
    }
    assert impact["candidate"] < 0.6 < 0.8 < impact["champion"]


def test_a_group_that_the_holdout_lacks_is_named_before_anything_is_trained(
    container: Container, drops: Drops
) -> None:
    manifest(container, drops, people().drop(columns="sex"))
    container.code(BUNDLE, spec())
    assert "holdout/data.csv has no column 'sex'" in container.fail("prepare.py")


@pytest.mark.parametrize(
    ("changed", "rules", "said"),
    [
        ({}, {"reference": {"sex": "male"}}, "sex = 'male', and the groups there are f, m"),
        ({"sex": ""}, {}, "no row has a value of 'sex'"),
        ({"sex": range(400)}, {}, "'sex' has 400 values; at most 50 are groups"),
    ],
)
def test_groups_that_no_version_could_be_judged_by_are_refused_before_anything_is_trained(
    container: Container, drops: Drops, changed: dict[str, Any], rules: Any, said: str
) -> None:
    manifest(container, drops, people().assign(**changed))
    container.code(BUNDLE, spec(**rules))
    assert said in container.fail("prepare.py")


def test_groups_that_train_does_not_name_are_said_and_judged_all_the_same(
    container: Container, drops: Drops
) -> None:
    split = (
        SPLIT
        + """
import csv, pathlib
path = pathlib.Path(told.output) / "train" / "data.csv"
rows = list(csv.DictReader(path.open()))
with path.open("w", newline="") as file:
    writer = csv.DictWriter(file, rows[0]); writer.writeheader()
    writer.writerows({**row, "sex": ""} for row in rows)
"""
    )
    manifest(container, drops, people())
    container.code(bundle_with({"preprocess.py": split, "inference.py": PICK}), spec())
    container.succeed("prepare.py")
    hand_on(container)
    container.model({"column": "fair"})
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")["fairness"]
    assert told["columns"][0]["groups"][0]["value"] == "f"
    (before,) = told["before"]["columns"]
    assert "no row has a value of 'sex'" in before["not_measured"]
    page = (container.output("evaluation") / "report.html").read_text()
    assert "sex was not measured" in page
