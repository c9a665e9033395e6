"""compare.py: candidate and champion on the same rows, and how sure the gain is."""

import json

import numpy as np
import pandas as pd
import pytest
from job_container import PICK, Container, bundle_with, spec_of

ROWS = 400


def set_up(container: Container, problem: str, metric: str, truth: np.ndarray) -> None:
    """Two models that answer with a column of the request: the candidate `a`, the champion `b`."""
    random = np.random.default_rng(11)
    spread = 0.15 if problem == "binary_classification" else 1.0
    near, far = (truth + random.normal(0, spread * size, ROWS) for size in (1, 3))
    if problem == "binary_classification":
        near, far = (np.clip(each, 0, 1) for each in (near, far))
    rows = pd.DataFrame({"id": range(ROWS), "near": near, "far": far, "side": ["l", "r"] * 200})
    rows.assign(price=truth).to_csv(container.input("holdout") / "data.csv", index=False)
    spec = spec_of(
        evaluate={
            "metrics": {},
            "slices": ["side"],
            "least_slice_rows": 100,
            "compare": {"metric": metric, "least_gain": 0.0, "confidence": 0.9},
        }
    )
    spec["problem"] = problem
    container.code(bundle_with({"inference.py": PICK}), spec)
    container.code(bundle_with({"inference.py": PICK}), spec, "champion-code")


@pytest.mark.parametrize(
    ("problem", "metric"), [("regression", "rmse"), ("binary_classification", "auc")]
)
@pytest.mark.parametrize("better", ["candidate", "champion"])
def test_a_gain_is_positive_where_the_candidate_is_better(
    container: Container, problem: str, metric: str, better: str
) -> None:
    random = np.random.default_rng(2)
    truth = random.integers(0, 2, ROWS) if metric == "auc" else random.normal(10, 4, ROWS)
    set_up(container, problem, metric, truth)
    worse = "champion" if better == "candidate" else "candidate"
    container.model({"column": "near"}, better)
    container.model({"column": "far"}, worse)

    message = container.succeed("compare.py")

    told = container.read("comparison/comparison.json")
    gain = told["gain"]
    sign = 1 if better == "candidate" else -1
    assert (told["version"], told["metric"], told["rows"]) == (1, metric, ROWS)
    assert (gain["confidence"], gain["resamples"]) == (0.9, 1000)
    assert sign * gain["value"] > 0
    assert sign * gain["low"] > 0
    assert sign * gain["high"] > 0  # these rows leave no doubt
    assert gain["low"] < gain["value"] < gain["high"]
    assert gain["value"] == pytest.approx(
        (1 if metric == "auc" else -1) * (told["candidate"]["value"] - told["champion"]["value"])
    )
    assert [(part["value"], part["rows"]) for part in told["slices"]] == [("l", 200), ("r", 200)]
    assert all(sign * part["gain"]["value"] > 0 for part in told["slices"])
    assert f"gain {gain['value']:+.4f}" in message
    page = (container.output("comparison") / "report.html").read_text()
    assert f"The candidate is {'better' if sign > 0 else 'worse'}" in page


def test_the_same_model_gains_nothing_at_all(container: Container) -> None:
    """Both are resampled alike, so that what they share cancels out."""
    set_up(container, "regression", "rmse", np.random.default_rng(2).normal(10, 4, ROWS))
    container.model({"column": "far"}, "candidate")
    container.model({"column": "far"}, "champion")
    container.succeed("compare.py")
    gain = container.read("comparison/comparison.json")["gain"]
    assert (gain["value"], gain["low"], gain["high"]) == (0, 0, 0)
    page = (container.output("comparison") / "report.html").read_text()
    assert "No difference that these rows can show" in page


def test_what_is_not_defined_is_null_and_no_gain(container: Container) -> None:
    set_up(container, "binary_classification", "auc", np.ones(ROWS))
    container.model({"column": "near"}, "candidate")
    container.model({"column": "far"}, "champion")
    container.succeed("compare.py")
    told = container.read("comparison/comparison.json")
    assert told["gain"]["value"] is None
    assert told["gain"]["low"] is None
    assert told["candidate"]["value"] is None


def test_the_side_that_fails_is_named(container: Container) -> None:
    set_up(container, "regression", "rmse", np.ones(ROWS))
    container.model({"column": "near"}, "candidate")
    container.model({"column": "lost"}, "champion")
    assert container.fail("compare.py") == (
        "inference.py of the champion failed on the holdout: KeyError: 'lost'"
    )


def test_a_model_that_was_not_handed_over_is_named(container: Container) -> None:
    set_up(container, "regression", "rmse", np.ones(ROWS))
    container.model({"column": "near"}, "candidate")
    container.input("champion")
    assert container.fail("compare.py") == (
        "champion/model.tar.gz is missing among the job's inputs"
    )


def test_a_broken_artefact_is_named(container: Container) -> None:
    set_up(container, "regression", "rmse", np.ones(ROWS))
    (container.input("candidate") / "model.tar.gz").write_bytes(json.dumps("no tar").encode())
    message = container.fail("compare.py")
    assert message.startswith("candidate/model.tar.gz cannot be unpacked: ")
