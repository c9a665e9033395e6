"""What live answers follow is compared with the holdout, by the order of columns (NDCG)."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from job_container import Container, spec_of
from jobs.conftest import job_module
from jobs.test_explanations import SUM, rows
from jobs.test_monitor import ASKED, capture, usual, watched
from sklearn.metrics import ndcg_score

__all__ = ["watched"]
follows = job_module("explanations.follows")
problems = job_module("problems")

NAMES = ["near", "far", "size", "colour"]


def problem(**monitor: Any) -> Any:
    return problems.of(spec_of(data={"key": "id"}, monitor={"min_rows": 200, **monitor}))


def answers(table: pd.DataFrame, near: float, far: float, noise: float = 0.3) -> Any:
    random = np.random.default_rng(5)
    return near * table["near"] + far * table["far"] + random.normal(0, noise, len(table))


def live(count: int, near: float, far: float, seed: int = 9) -> tuple[pd.DataFrame, pd.Series]:
    random = np.random.default_rng(seed)
    sent = pd.DataFrame(random.normal(0, 1, (count, 3)), columns=["near", "far", "size"])
    sent["colour"] = random.choice(["red", "blue"], count)
    return sent.astype(str), answers(sent, near, far)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=20))
def test_the_ndcg_is_that_of_scikit_learn(shares: list[tuple[float, float]]) -> None:
    old = {f"c{n}": before for n, (before, _) in enumerate(shares)}
    new = {f"c{n}": after for n, (_, after) in enumerate(shares)}
    if sum(old.values()) < 1e-6 or len(set(new.values())) < len(new):
        return  # of ties scikit-learn takes the mean
    theirs = ndcg_score([list(old.values())], [list(new.values())])
    assert follows.ndcg(old, new) == pytest.approx(theirs)


def test_a_column_explains_what_it_explains() -> None:
    table = rows(4000)[NAMES]
    found = follows.record(problem(), table.astype(str), answers(table, 2, 1).to_numpy()[:, None])
    shares = {each["column"]: each["share"] for each in found["columns"]}
    # Of the variance 4 + 1 + 0.09; tenths of a normal number keep 0.95 of it and more.
    assert shares["near"] == pytest.approx(4 / 5.09, abs=0.04)
    assert shares["far"] == pytest.approx(1 / 5.09, abs=0.04)
    assert shares["size"] < 0.005 and shares["colour"] < 0.005
    assert [each["column"] for each in found["columns"]][:2] == ["near", "far"]


@pytest.mark.parametrize(
    ("near", "far", "violated"), [(2.0, 1.0, False), (0.2, 2.0, True)], ids=["same", "other"]
)
def test_answers_that_follow_another_column_are_found(
    near: float, far: float, violated: bool
) -> None:
    table = rows(2000)[NAMES]
    score = answers(table, 2, 0.2).to_numpy()[:, None]
    evaluation = {"follows": follows.record(problem(), table.astype(str), score)}
    sent, cells = live(400, near, far)
    (check,), unknown = follows.judge(problem(), evaluation, sent, cells)
    assert (check["violated"], unknown) == (violated, [])
    assert check["statistic"] == "feature_attribution_drift_check"
    if violated:
        assert "near explained 9" in check["description"]


def test_traffic_that_did_not_change_is_not_called_changed() -> None:
    table = rows(2000)[NAMES]
    score = answers(table, 1.0, 0.9).to_numpy()[:, None]  # two that are nearly as strong
    evaluation = {"follows": follows.record(problem(), table.astype(str), score)}
    for seed in range(20):
        (check,), _ = follows.judge(problem(), evaluation, *live(200, 1.0, 0.9, seed))
        assert not check["violated"]


@pytest.mark.parametrize(
    ("evaluation", "count", "reason"),
    [
        ({}, 400, "no-baseline"),
        ({"follows": {"columns": [{"column": "near", "share": 0.5}]}}, 100, "few-rows"),
        ({"follows": {"columns": [{"column": "near", "share": 0.0}]}}, 400, "undefined"),
        ({"follows": {"columns": [{"column": "gone", "share": 0.5}]}}, 400, "undefined"),
    ],
)
def test_what_cannot_be_compared_is_said(evaluation: Any, count: int, reason: str) -> None:
    checks, unknown = follows.judge(problem(), evaluation, *live(count, 1, 1))
    assert (checks, [each["reason"] for each in unknown]) == ([], [reason])


def test_classes_are_followed_by_their_probabilities_or_by_the_label_alone() -> None:
    spec = {**spec_of(data={"key": "id"}), "problem": "multiclass_classification"}
    spec["data"]["classes"] = ["a", "b"]
    kind = problems.of(spec)
    random = np.random.default_rng(2)
    table = pd.DataFrame({"x": random.choice(["l", "r"], 600), "y": random.choice(["l", "r"], 600)})
    code = (table["x"] == "r").to_numpy(dtype=float)
    labels = np.column_stack([code, np.full((600, 2), np.nan)])
    for score in (labels, np.column_stack([code, 1 - code, code])):
        found = follows.record(kind, table, score)
        assert [(each["column"], round(each["share"], 2)) for each in found["columns"]] == [
            ("x", 1.0),
            ("y", 0.0),
        ]


def test_an_evaluation_says_what_its_answers_follow_and_what_slices_rely_on(
    container: Container,
) -> None:
    from job_container import bundle_with

    table = rows(1200)
    # Where it is blue, the truth has nothing of near, on which the model relies.
    blue = table["colour"] == "blue"
    table.loc[blue, "price"] = table.loc[blue, "far"]
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    spec = spec_of(
        data={"target": "price", "key": "id"},
        evaluate={"slices": ["colour"], "least_slice_rows": 100},
    )
    container.code(bundle_with({"inference.py": SUM}), {**spec, "explain": {"seconds": 60}})
    container.model({"weights.json": '{"near": 3, "far": 1}'})
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")
    assert told["follows"]["columns"][0]["column"] == "near"
    assert "id" not in {each["column"] for each in told["follows"]["columns"]}
    by_slice = {each["value"]: each["importance"] for each in told["explanations"]["slices"]}
    assert by_slice["red"][0]["column"] == "near"
    blues = {each["column"]: each["loss"] for each in by_slice["blue"]}
    assert blues["near"] < by_slice["red"][0]["loss"] / 2
    page = (container.output("evaluation") / "report.html").read_text()
    assert "In each slice" in page and "colour = red" in page


def test_a_look_that_watches_it_checks_the_order(watched: Container, bundle: bytes) -> None:
    asked = ["data", "prediction", "attribution"]
    watched.code(bundle, spec_of(monitor={"min_rows": 100, "watch": asked}))
    path = watched.input("reference") / "evaluation.json"
    shares = [{"column": "colour", "share": 0.6}, {"column": "loud", "share": 0.1}]
    path.write_text(json.dumps({**json.loads(path.read_text()), "follows": {"columns": shares}}))
    capture(watched, usual(300))
    watched.succeed("monitor.py", ASKED)
    checks = watched.read("findings/findings.json")["checks"]
    (check,) = (each for each in checks if each["monitor"] == "attribution")
    assert check["threshold"] == 0.9
