"""The pages that the jobs write: what they draw; each complete in its one file, and small."""

import re

import numpy as np
import pandas as pd
import pytest
from job_container import PICK, Container, bundle_with, spec_of
from sklearn import metrics


def evaluated(
    container: Container,
    rows: pd.DataFrame,
    problem: str,
    metric: str,
    told: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
) -> str:
    """Evaluate a model that answers with the column `near`; return the page."""
    rows.to_csv(container.input("holdout") / "data.csv", index=False)
    compare = {"metric": metric, "least_gain": 0.0, "confidence": 0.9}
    spec = spec_of(
        evaluate={
            "metrics": {},
            "compare": compare,
            "slices": ["side"],
            "least_slice_rows": 100,
        }
    )
    container.code(bundle_with({"inference.py": PICK}), {**spec, "problem": problem})
    container.model({"column": "near", **(files or {})})
    container.succeed("evaluate.py", told)
    page = container.page("evaluation")
    complete_and_small(page)
    return page


def complete_and_small(page: str) -> None:
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", page)
    assert "default-src 'none'" in page
    assert len(page) < 150_000


def test_a_page_says_of_which_model_data_code_and_run_it_is(
    container: Container,
) -> None:
    run = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/prices/execution/abc123def456"
    told = {
        "EVERLOOP_RUN": run,
        "EVERLOOP_STARTED": "2026-11-20T12:03:04.567Z",
        "EVERLOOP_DATASET_DIGEST": "d" * 64,
        "EVERLOOP_BUNDLE_DIGEST": "c" * 64,
    }
    page = evaluated(container, outcomes(300), "binary_classification", "auc", told)
    facts = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert facts == {
        "Model": "mean-price, binary classification, compared by auc",
        "Data": "d" * 12,
        "Code": "c" * 12,
        "Run": "abc123def456",
        "Time": "2026-11-20 12:03 UTC",
        "Threshold": "0.5",
        "Beside it": "everloop open mean-price data · everloop open mean-price comparison · "
        "everloop open mean-price look",
    }


def outcomes(count: int) -> pd.DataFrame:
    random = np.random.default_rng(5)
    truth = random.integers(0, 2, count)
    near = np.clip(truth * 0.3 + 0.3 + random.normal(0, 0.2, count), 0, 1)
    side = np.where(np.arange(count) < 30, "few", np.where(np.arange(count) % 2, "l", "r"))
    return pd.DataFrame({"id": range(count), "near": near, "side": side, "price": truth})


def test_the_curves_of_two_classes_are_those_of_scikit_learn(container: Container) -> None:
    rows = outcomes(20_000)
    page = evaluated(container, rows, "binary_classification", "auc")
    told = container.read("evaluation/evaluation.json")
    found, auc = told["detail"], told["metrics"]["auc"]["value"]
    curve, positives = found["curve"], found["positives"]
    others = found["rows"] - positives
    alarms = np.array(curve["false_positives"]) / others
    recall = np.array(curve["true_positives"]) / positives

    assert 100 < len(alarms) <= 200
    assert metrics.auc([0, *alarms], [0, *recall]) == pytest.approx(auc, abs=1e-3)
    said = rows["near"] >= curve["threshold"][50]
    assert curve["true_positives"][50] == (said & (rows["price"] == 1)).sum()
    assert (alarms[-1], recall[-1]) == (1, 1)
    assert f"ROC, area {auc:.4f}" in page

    truth = metrics.confusion_matrix(rows["price"], rows["near"] >= 0.5)
    cells = found["confusion"]
    assert truth.tolist() == [
        [cells["true_negatives"], cells["false_positives"]],
        [cells["false_negatives"], cells["true_positives"]],
    ]
    assert all(f"{count:,}" in page for count in truth.ravel())
    assert sum(each["rows"] for each in found["calibration"]) == 20_000
    assert f"{rows['price'].mean():.1%} of all rows" in page


def test_a_slice_has_an_interval_or_is_named_as_too_small(container: Container) -> None:
    page = evaluated(container, outcomes(600), "binary_classification", "auc")
    told = container.read("evaluation/evaluation.json")
    assert [each["value"] for each in told["slices"]] == ["l", "r"]
    for each in told["slices"]:
        auc = each["metrics"]["auc"]
        assert auc["low"] < auc["value"] < auc["high"]
        assert f"side {each['value']} ({each['rows']})" in page
    assert told["small_slices"] == [{"column": "side", "value": "few", "rows": 30}]
    assert "too few rows (100 are needed): side few (30)" in page


HISTORY = "epoch,auc,val_auc,loss\n" + "".join(
    f"{n},{0.8 + n / 1e4},{0.7 + n / 2e4},{1 / n}\n" for n in range(1, 1001)
)


def test_what_the_training_wrote_of_its_epochs_is_drawn_beside_the_holdout(
    container: Container,
) -> None:
    files = {"history.csv": HISTORY}
    page = evaluated(container, outcomes(300), "binary_classification", "auc", files=files)
    told = container.read("evaluation/evaluation.json")["training"]
    assert told["by"] == "epoch"
    assert (told["rounds"][0], told["rounds"][-1], len(told["rounds"])) == (1, 1000, 200)
    assert told["series"]["val_auc"][-1] == pytest.approx(0.75)
    assert [*told["series"]] == ["auc", "val_auc", "loss"]
    assert "loss by epoch" in page
    assert "Train against holdout" in page
    for drawn in ("train, last round", "validation, last round", "0.9000", "0.7500"):
        assert drawn in page


@pytest.mark.parametrize("history", ["", "epoch\n1\n", "\x00\x00", "a,b\nx,y\n"])
def test_a_history_that_says_nothing_fails_no_evaluation(
    container: Container, history: str
) -> None:
    files = {"history.csv": history}
    page = evaluated(container, outcomes(300), "binary_classification", "auc", files=files)
    assert "Train against holdout" not in page


def test_a_comparison_draws_both_scores_and_how_sure_each_slice_is(container: Container) -> None:
    rows = outcomes(20_000).assign(far=lambda each: each["near"].round(1))
    rows.to_csv(container.input("holdout") / "data.csv", index=False)
    asked = {
        "metrics": {},
        "compare": {"metric": "auc", "least_gain": 0.0, "confidence": 0.9},
        "slices": ["side"],
        "least_slice_rows": 100,
    }
    spec = {**spec_of(evaluate=asked), "problem": "binary_classification"}
    for side, job, column in (("candidate", "code", "near"), ("champion", "champion-code", "far")):
        container.code(bundle_with({"inference.py": PICK}), spec, job)
        container.model({"column": column}, side)
    told_of = {"EVERLOOP_VERSION": "4", "EVERLOOP_CHAMPION": "3"}

    container.succeed("compare.py", told_of)

    told = container.read("comparison/comparison.json")
    page = container.page("comparison")
    for each in told["slices"]:
        gain = each["gain"]
        assert gain["low"] <= gain["value"] <= gain["high"]
        assert f"{gain['value']:+.4f}" in page
    assert told["small_slices"] == [{"column": "side", "value": "few", "rows": 30}]
    assert "candidate: version 4; champion: version 3" in page
    assert "Score against score" in page and "ROC of both" in page
    assert "Leakage" in page
    complete_and_small(page)


def test_rows_of_one_class_have_no_curves(container: Container) -> None:
    rows = outcomes(300).assign(price=1)
    page = evaluated(container, rows, "binary_classification", "accuracy")
    assert "At the threshold 0.5" in page
    assert "ROC" not in page


def test_a_regression_of_many_rows_has_its_residuals_in_a_small_page(container: Container) -> None:
    random = np.random.default_rng(1)
    rows = outcomes(20_000).assign(price=lambda each: each["near"] * 7 + random.normal(0, 1))
    page = evaluated(container, rows, "regression", "rmse")
    assert "Errors by prediction" in page
    assert "Predicted and true values" in page
