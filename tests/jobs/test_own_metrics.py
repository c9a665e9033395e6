"""Metrics of a folder's own metrics.py: measured, compared, watched; and what they may do."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import Container, bundle_with, spec_of

ECHO = """
import csv, io
def model_fn(model_dir): return open(model_dir + "/column").read()
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, column): return [row[column] for row in rows]
def output_fn(scores, accept): return "\\n".join(scores) + "\\n"
"""
COST = """
import numpy as np
from sklearn.metrics import mean_absolute_error
def cost(target, score, weight):
    print("what it prints is no answer")
    times = np.where(score < target, 5.0, 1.0)
    return float(np.average(times * abs(score - target), weights=weight))
def mae(target, score, weight):
    return mean_absolute_error(target, score, sample_weight=weight)
"""


def rows(count: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(3)
    truth = random.normal(20, 5, count).round(2)
    return pd.DataFrame(
        {
            "id": range(count),
            "a": (truth + random.normal(0, 1, count)).round(3),
            "b": (truth + random.normal(0, 2, count)).round(3),
            "colour": np.where(np.arange(count) % 2, "red", "blue"),
            "price": truth,
        }
    )


def spec(*names: str, metric: str = "", slices: tuple[str, ...] = ()) -> dict[str, Any]:
    return spec_of(
        data={"columns": {}},
        evaluate={
            "metrics": {},
            "own": {name: {"better": "lower"} for name in names},
            "compare": {"metric": metric or names[0], "confidence": 0.9},
            "slices": list(slices),
            "least_slice_rows": 10,
        },
    )


def ready(container: Container, asked: dict[str, Any], metrics: str | None = COST) -> None:
    rows().to_csv(container.input("holdout") / "data.csv", index=False)
    files = {"inference.py": ECHO, **({} if metrics is None else {"metrics.py": metrics})}
    container.code(bundle_with(files), asked)
    container.model({"column": "a"})


def test_it_is_measured_beside_the_standard_ones_and_by_slices(container: Container) -> None:
    ready(container, spec("cost", "mae", metric="cost", slices=("colour",)))

    container.succeed("evaluate.py")

    told = container.read("evaluation/evaluation.json")
    table = rows()
    off = np.where(table["a"] < table["price"], 5, 1) * (table["a"] - table["price"]).abs()
    assert told["metrics"]["cost"]["value"] == pytest.approx(off.mean())
    assert told["metrics"]["cost"]["low"] < off.mean() < told["metrics"]["cost"]["high"]
    assert told["metrics"]["mae"]["value"] == pytest.approx(
        (table["a"] - table["price"]).abs().mean()
    )
    blue = told["slices"][0]
    assert (blue["column"], blue["value"]) == ("colour", "blue")
    assert blue["metrics"]["cost"]["value"] == pytest.approx(off[table["colour"] == "blue"].mean())


def test_it_decides_a_comparison_in_its_own_direction(container: Container) -> None:
    ready(container, spec("cost"))
    container.model({"column": "a"}, "candidate")
    container.code(bundle_with({"inference.py": ECHO}), spec("cost"), "champion-code")
    container.model({"column": "b"}, "champion")
    container.succeed("compare.py")
    told = container.read("comparison/comparison.json")
    assert told["metric"] == "cost"
    assert told["gain"]["low"] > 0  # a is closer, and lower is better
    assert told["candidate"]["value"] < told["champion"]["value"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param("raise ValueError('no')", "cost() raised ValueError: no", id="raises"),
        pytest.param("return float('nan')", "cost() answered nan on the holdout", id="nan"),
        pytest.param("return 'much'", "cost() raised ValueError: could not convert", id="a word"),
        pytest.param("return None", "cost() raised TypeError", id="nothing"),
        pytest.param("raise SystemExit(3)", "cost() raised SystemExit: 3", id="ends itself"),
        pytest.param(
            "import os; os._exit(3)", "its process ended with exit code 3", id="ends its process"
        ),
        pytest.param(
            "import socket; socket.create_connection(('127.0.0.1', 1))",
            "cost() raised PermissionError: metrics.py may reach no network",
            id="opens a connection",
        ),
        pytest.param(
            "import urllib.request as u; u.urlopen('http://127.0.0.1:1/')",
            "may reach no network",
            id="opens an address",
        ),
        pytest.param(
            "import subprocess; subprocess.run(['true'])",
            "and start no program",
            id="starts a program",
        ),
        pytest.param(
            "import os; return float(any(name.startswith('AWS') for name in os.environ)) or 1 / 0",
            "cost() raised ZeroDivisionError",
            id="looks for credentials",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_by_its_name(
    container: Container, body: str, said: str
) -> None:
    ready(container, spec("cost"), f"def cost(target, score, weight):\n    {body}\n")
    message = container.fail("evaluate.py")
    assert "metrics.py of the model: " in message
    assert said in message


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (None, "the model's folder has no metrics.py, and [evaluate.own] names cost"),
        (
            "def price(): pass\n",
            "metrics.py of the model cannot be used: it has no function 'cost'",
        ),
        ("import nothing_like_it\n", "cannot be used: ModuleNotFoundError: No module named"),
        ("def cost(:\n", "cannot be used: SyntaxError"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    container: Container, metrics: str | None, said: str
) -> None:
    ready(container, spec("cost"), metrics)
    assert said in container.fail("evaluate.py")


@pytest.mark.parametrize(
    ("metrics", "violated"),
    [
        pytest.param(COST, True, id="judged"),
        pytest.param(
            "def cost(target, score, weight): raise ValueError('no')\n", False, id="fails"
        ),
    ],
)
def test_a_look_watches_it_and_survives_it(
    container: Container, metrics: str, violated: bool
) -> None:
    ready(container, spec("cost"), metrics)
    (container.input("baseline") / "statistics.json").write_text('{"features": []}')
    table = rows(300)
    kept = {"row": range(300), "key": "", "target": table["price"], "score": table["a"]}
    pd.DataFrame(kept).to_csv(container.input("reference") / "predictions.csv", index=False)
    told = {"metrics": {"cost": {"value": 1.0}}}
    (container.input("reference") / "evaluation.json").write_text(json.dumps(told))
    lines = "".join(f"{score}\n" for score in table["a"] - 5)
    record = {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "data": table[["id"]].to_csv(index=False),
            },
            "endpointOutput": {"observedContentType": "text/csv", "data": lines},
        },
        "eventMetadata": {"eventId": "e", "inferenceTime": "2026-11-20T12:05:00Z"},
    }
    (container.input("capture") / "x.jsonl").write_text(json.dumps(record))
    table[["id", "price"]].to_csv(container.input("labels") / "may.csv", index=False)
    names = {"MODEL": "m", "ENDPOINT": "m", "VERSION": "3"}
    times = {"FROM": "2026-11-20T12:00:00Z", "TO": "2026-11-20T13:00:00Z"}
    container.succeed("monitor.py", {f"EVERLOOP_{k}": v for k, v in {**names, **times}.items()})
    found = container.read("findings/findings.json")
    checks = [each for each in found["checks"] if each["monitor"] == "quality"]
    assert [each["violated"] for each in checks] == [True] * violated
    if not violated:
        said = [each["description"] for each in found["not_judged"] if each["monitor"] == "quality"]
        assert "cost() raised ValueError: no" in said[0]
