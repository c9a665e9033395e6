"""What a version relies on, by its own answers to changed rows; what time did not allow is told."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import PICK, Container, bundle_with, spec_of
from jobs.conftest import job_module
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import make_scorer, root_mean_squared_error

# Answers with the weighted sum of two columns, after as many seconds as the artefact says.
SUM = """
import csv, io, json, pathlib, time
def model_fn(model_dir): return json.loads((pathlib.Path(model_dir) / "weights.json").read_text())
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, model):
    time.sleep(model.get("seconds", 0))
    if any(row["size"] == "" for row in rows): raise ValueError("size is empty")
    return [model["near"] * float(row["near"]) + model["far"] * float(row["far"]) for row in rows]
def output_fn(scores, accept): return "".join(f"{score!r}\\n" for score in scores)
"""


def rows(count: int = 600) -> pd.DataFrame:
    random = np.random.default_rng(4)
    made = pd.DataFrame(random.normal(0, 1, (count, 3)), columns=["near", "far", "size"])
    made["price"] = 3 * made["near"] + made["far"] + random.normal(0, 0.3, count)
    made["colour"] = random.choice(["red", "blue"], count)
    made.insert(0, "id", [f"a{n}" for n in range(count)])
    return made


def explained(container: Container, table: pd.DataFrame, model: dict[str, Any], **keys: Any) -> Any:
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    spec = spec_of(data={"target": "price", "key": "id"})
    container.code(bundle_with({"inference.py": SUM}), {**spec, "explain": {"rows": 600, **keys}})
    container.model({"weights.json": json.dumps(model)})
    container.succeed("evaluate.py")
    return container.read("evaluation/evaluation.json").get("explanations")


def test_a_column_matters_as_much_as_scikit_learn_says(container: Container) -> None:
    table = rows()
    told = explained(container, table, {"near": 3, "far": 1}, seconds=60)
    loss = {each["column"]: each["loss"] for each in told["importance"]}
    features = table[["near", "far", "size"]]
    model = LinearRegression(fit_intercept=False).fit(features, features @ [3, 1, 0])
    lost = permutation_importance(
        model,
        features,
        table["price"],
        scoring=make_scorer(root_mean_squared_error, greater_is_better=False),
        n_repeats=30,
        random_state=0,
    )
    assert [loss[name] for name in features] == pytest.approx(lost.importances_mean, rel=0.1)
    assert loss["size"] == loss["colour"] == loss["id"] == 0
    assert [each["column"] for each in told["importance"]][:2] == ["near", "far"]
    first = told["importance"][0]
    assert first["low"] < first["loss"] < first["high"]
    assert (told["metric"], told["rows"], told["not_reached"]) == ("rmse", 600, [])
    near = next(each for each in told["dependence"] if each["column"] == "near")
    # The answer follows near by 3: the rows' other columns move all points alike.
    grid = np.array(near["values"], dtype=float)
    assert np.diff(near["mean"]) == pytest.approx(3 * np.diff(grid))
    page = (container.output("evaluation") / "report.html").read_text()
    assert "What it relies on" in page and "loss in rmse where the column is shuffled" in page


def test_what_time_did_not_allow_is_told(container: Container) -> None:
    told = explained(container, rows(), {"near": 3, "far": 1, "seconds": 0.2}, seconds=0.3)
    reached = len(told["importance"])
    assert 0 < reached < 5
    assert len(told["not_reached"]) == 5 - reached
    assert "were not reached" in (container.output("evaluation") / "report.html").read_text()


def test_nobody_is_asked_where_the_model_says_so(container: Container) -> None:
    assert explained(container, rows(), {"near": 3, "far": 1}, seconds=0) is None


def test_a_holdout_of_few_rows_explains_nothing(container: Container) -> None:
    told = explained(container, rows(40), {"near": 3, "far": 1}, seconds=60)
    assert told == {"not_explained": "the holdout has too few rows"}


def test_a_model_that_cannot_answer_is_evaluated_all_the_same(container: Container) -> None:
    table = rows()
    bundle = bundle_with({"inference.py": SUM.replace('row["size"] == ""', "len(rows) > 600")})
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    container.code(bundle, spec_of(data={"target": "price", "key": "id"}))
    container.model({"weights.json": json.dumps({"near": 3, "far": 1})})
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")
    assert told["metrics"]["rmse"]["value"] < 0.4
    assert told["explanations"]["failed"] == "ValueError: size is empty"


@pytest.mark.parametrize(
    ("column", "why"), [("near", "of what the model knows is lost"), ("id", "it names rows")]
)
def test_a_column_that_explains_too_much_is_suspect(
    container: Container, column: str, why: str
) -> None:
    table = rows()
    if column == "id":
        table["id"] = table["price"] = np.arange(len(table))
    else:
        table["near"] = table["price"]
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    spec = spec_of(data={"target": "price", "key": "id"})
    container.code(bundle_with({"inference.py": PICK}), spec)
    container.model({"column": column})
    container.succeed("evaluate.py")
    (suspect,) = container.read("evaluation/evaluation.json")["explanations"]["suspects"]
    assert suspect["column"] == column and why in suspect["why"]


def test_a_ranking_is_explained_by_whole_queries(tmp_path: Path) -> None:
    table = rows(600)
    queries = np.repeat(np.arange(60), 10)
    questions = job_module("explanations.questions")
    made = questions.asked(table.astype(str), 100, tmp_path / "asked", queries)
    assert len(made.sample) == 100
    assert sorted(np.bincount(queries[made.sample])[np.unique(queries[made.sample])]) == [10] * 10
    one = np.zeros(600, dtype=int)  # a unit that is the whole table is no sample
    assert len(questions.asked(table.astype(str), 100, tmp_path / "other", one).sample) == 100
