"""Rankings: queries stay whole, are drawn whole, and labels find their row by query and item."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import Container, Drops, archive
from jobs.conftest import job_module

from everloop.errors import BadInput
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

QUERIES, EACH = 60, 8
TOML = """
problem = "ranking"
[data]
target = "relevance"
key = "doc"
split = { by = "group", group = "query" }
[rank]
query = "query"
[evaluate]
slices = ["market"]
least_slice_rows = 20
[monitor]
watch = ["prediction", "quality"]
min_rows = 20
quality = { min_labelled_rows = 20, max_drop = 0.1 }
"""
PICK = """
import csv, io, pathlib
def model_fn(model_dir): return (pathlib.Path(model_dir) / "column").read_text()
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, column): return [row[column] for row in rows]
def output_fn(scores, accept): return "".join(score + "\\n" for score in scores)
"""


def searches(seed: int = 3) -> pd.DataFrame:
    """Documents have the same names in every query; `good` tells them apart better than `poor`."""
    random = np.random.default_rng(seed)
    rows = QUERIES * EACH
    frame = pd.DataFrame({"query": np.repeat([f"q{n:02}" for n in range(QUERIES)], EACH)})
    frame["doc"] = np.tile([f"d{n}" for n in range(EACH)], QUERIES)
    frame["market"] = np.repeat(["us", "br"], rows // 2)
    frame["relevance"] = random.choice([0, 0, 0, 1, 2], rows)
    for column, noise in (("good", 0.5), ("poor", 2.0)):
        frame[column] = (frame["relevance"] + random.normal(0, noise, rows)).round(4)
    return frame


def spec() -> dict[str, Any]:
    return policy.document(load_spec(TOML, name="search"))


def test_a_ranking_is_prepared_judged_compared_and_watched(
    container: Container, drops: Drops
) -> None:
    rows = searches()
    entry = drops.put("data/search/a.csv", rows.to_csv(index=False))
    manifest = {"version": 1, "model": "search", "digest": "0" * 64, "objects": [entry]}
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))
    bundle = archive({"model.toml": TOML, "train.py": "", "inference.py": PICK})
    container.code(bundle, spec())
    container.succeed("prepare.py")
    parts = {p: pd.read_csv(container.output(p) / "data.csv") for p in ("train", "holdout")}
    assert not set(parts["train"]["query"]) & set(parts["holdout"]["query"])
    assert set(parts["holdout"].groupby("query").size()) == {EACH}
    assert (container.output("baseline") / "trained-keys.bin").stat().st_size > 8 * EACH * 20

    held = rows[rows["query"] >= "q10"]
    held.to_csv(container.input("holdout") / "data.csv", index=False)
    for side, column in (("model", "good"), ("candidate", "good"), ("champion", "poor")):
        container.model({"column": column}, side)
    container.code(bundle, spec(), "champion-code")
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")
    found = told["metrics"]["ndcg_at_10"]
    assert 0.8 < found["low"] < found["value"] < found["high"] < 1
    assert [part["value"] for part in told["slices"]] == ["br", "us"]
    page = (container.output("evaluation") / "report.html").read_text()
    assert "NDCG of queries" in page and "50 queries of 8.0 rows each" in page

    container.succeed("compare.py")
    gain = container.read("comparison/comparison.json")["gain"]
    assert 0 < gain["low"] < gain["value"]
    page = (container.output("comparison") / "report.html").read_text()
    assert "NDCG of queries" in page

    shared = container.output("evaluation")
    for name in ("evaluation.json", "predictions.csv"):
        (container.input("reference") / name).write_bytes((shared / name).read_bytes())
    made = container.output("baseline") / "statistics.json"
    (container.input("baseline") / "statistics.json").write_bytes(made.read_bytes())
    new = searches(seed=9)
    findings = container.look(
        new.drop(columns="relevance").to_csv(index=False),
        new["poor"].to_csv(index=False, header=False),
        new[["doc", "relevance", "query"]].to_csv(index=False),
    )
    assert findings["labelled_rows"] == QUERIES * EACH
    [quality] = [check for check in findings["checks"] if check["monitor"] == "quality"]
    assert quality["feature"] == "ndcg_at_10" and quality["violated"]


def test_relevance_is_no_less_than_nothing() -> None:
    problem = job_module("problems").of(spec())
    values = problem.target_of(pd.Series(["0", "2", "-1", "many", ""]))
    assert values[:2].tolist() == [0, 2] and np.isnan(values[2:]).all()
    assert problem.loss(np.array([1.0, 0]), np.array([[0.0], [1]]))[0] > 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'by = "group", group = "query"',
            'by = "key"',
            "data.split.by is 'key', which pulls apart",
        ),
        ('group = "query"', 'group = "market"', "data.split.group is 'market' and rank.query"),
        ('[rank]\nquery = "query"', "", "rank is missing, which ranking needs; add [rank]"),
        ('key = "doc"\n', "", "data.key is not given, and names a row of ranking"),
        ('key = "doc"', 'key = "query"', "'query' is named twice by rank.query, data.key"),
        ('target = "relevance"', 'target = "query"', "what is to be predicted is not known then"),
        ('key = "doc"', 'key = "doc"\nlearn_from_traffic = true', "learn_from_traffic is true"),
        ('by = "group", group = "query"', 'by = "series"', "is 'series', which pulls apart"),
    ],
)
def test_what_does_not_fit_a_ranking_is_said(old: str, new: str, said: str) -> None:
    assert old in TOML
    with pytest.raises(BadInput) as error:
        load_spec(TOML.replace(old, new), name="search")
    assert said in str(error.value)
