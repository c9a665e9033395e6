"""Fairness: each measure against fairlearn and AWS's formulas, and what groups may be."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fair
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs.conftest import job_module
from sklearn import metrics

from tools import problem_table

SPEC: dict[str, Any] = {
    "problem": "binary_classification",
    "data": {"target": "y", "positive": None},
    "evaluate": {},
    "fairness": {
        "groups": ["sex"],
        "reference": {},
        "bands": {},
        "favourable": [],
        "bars": {"disparate_impact": 0.8},
        "least_rows": 30,
        "confidence": 0.95,
        "max_worsening": 0.05,
        "keep_out": [],
    },
}


def problem(name: str = "binary_classification", **rules: Any) -> Any:
    spec = {**SPEC, "problem": name, "fairness": {**SPEC["fairness"], **rules}}
    return job_module("problems").of(spec, {"classes": ["a", "b", "c"]})


def measured(of: Any, target: Any, score: Any, groups: list[Any]) -> dict[str, Any]:
    columns = pd.DataFrame({"sex": groups})
    found: dict[str, Any] = job_module("fairness").measured(of, target, score, columns)
    return found


def one(found: dict[str, Any], at: int = 0) -> dict[str, float]:
    return {
        name: value["value"]
        for name, value in found["columns"][0]["groups"][at]["measures"].items()
    }


def rows(seed: int, count: int = 400) -> tuple[Any, Any, list[str]]:
    random = np.random.default_rng(seed)
    sex = random.choice(["f", "m"], count, p=[0.4, 0.6])
    truth = (random.random(count) < np.where(sex == "m", 0.6, 0.4)).astype(float)
    score = np.clip(0.3 * truth + 0.2 * (sex == "m") + random.random(count) * 0.6, 0, 1)
    return truth, score[:, None], list(sex)


def test_the_layer_has_the_jobs_own_table_of_measures() -> None:
    assert problem_table.FAIRNESS.read_text() == problem_table.fairness(), "run `make problems`"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_choices_are_measured_as_fairlearn_measures_them(seed: int) -> None:
    truth, score, sex = rows(seed)
    said = (score[:, 0] >= 0.5).astype(int)
    found = one(measured(problem(reference={"sex": "m"}), truth, score, sex))
    frame = fair.MetricFrame(
        metrics={
            "selected": fair.selection_rate,
            "recall": metrics.recall_score,
            "specificity": fair.true_negative_rate,
            "precision": metrics.precision_score,
            "accuracy": metrics.accuracy_score,
        },
        y_true=truth,
        y_pred=said,
        sensitive_features=sex,
    ).by_group
    a, d = frame.loc["m"], frame.loc["f"]
    assert found["demographic_parity_difference"] == pytest.approx(a.selected - d.selected)
    assert abs(found["demographic_parity_difference"]) == pytest.approx(
        fair.demographic_parity_difference(truth, said, sensitive_features=sex)
    )
    ratio = found["disparate_impact"]
    assert min(ratio, 1 / ratio) == pytest.approx(
        fair.demographic_parity_ratio(truth, said, sensitive_features=sex)
    )
    assert abs(found["equal_opportunity_difference"]) == pytest.approx(
        fair.equal_opportunity_difference(truth, said, sensitive_features=sex)
    )
    assert found["equalized_odds_difference"] == pytest.approx(
        fair.equalized_odds_difference(truth, said, sensitive_features=sex)
    )
    assert found["specificity_difference"] == pytest.approx(d.specificity - a.specificity)
    assert found["predictive_parity_difference"] == pytest.approx(a.precision - d.precision)
    assert found["accuracy_difference"] == pytest.approx(a.accuracy - d.accuracy)


def test_aws_formulas_hold_by_hand() -> None:
    """The counts are those of a table that is reckoned here, of group d 40 rows and of a 60."""
    tables = {"a": (20, 10, 5, 25), "d": (18, 6, 8, 8)}  # tn, fp, fn, tp
    truth, score, sex = [], [], []
    for name, cells in tables.items():
        for (actual, said), count in zip(((0, 0), (0, 1), (1, 0), (1, 1)), cells, strict=True):
            truth += [float(actual)] * count
            score += [0.9 if said else 0.1] * count
            sex += [name] * count
    found = one(measured(problem(), np.array(truth), np.array(score)[:, None], sex))
    assert found["demographic_parity_difference"] == pytest.approx(35 / 60 - 14 / 40)  # DPPL
    assert found["disparate_impact"] == pytest.approx((14 / 40) / (35 / 60))  # DI
    assert found["conditional_acceptance_difference"] == pytest.approx(30 / 35 - 16 / 14)  # DCAcc
    assert found["conditional_rejection_difference"] == pytest.approx(24 / 26 - 30 / 25)  # DCR
    assert found["rejection_rate_difference"] == pytest.approx(18 / 26 - 20 / 25)  # DRR
    assert found["treatment_equality"] == pytest.approx(8 / 6 - 5 / 10)  # TE
    means = {n: np.array(score)[np.array(sex) == n].mean() for n in tables}
    assert found["calibration_difference"] == pytest.approx(
        (means["d"] - 16 / 40) - (means["a"] - 30 / 60)
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_amounts_are_measured_as_fairlearn_measures_them(seed: int) -> None:
    truth, score, sex = rows(seed)
    truth, score = 10 * truth + score[:, 0], 9 * score + 1
    found = one(measured(problem("regression", bars={}, reference={"sex": "m"}), truth, score, sex))
    frame = fair.MetricFrame(
        metrics={
            "mean": fair.mean_prediction,
            "mae": metrics.mean_absolute_error,
            "rmse": metrics.root_mean_squared_error,
        },
        y_true=truth,
        y_pred=score[:, 0],
        sensitive_features=sex,
    ).by_group
    a, d = frame.loc["m"], frame.loc["f"]
    assert found["mean_prediction_difference"] == pytest.approx(a["mean"] - d["mean"])
    assert found["mae_difference"] == pytest.approx(d.mae - a.mae)
    assert found["rmse_difference"] == pytest.approx(d.rmse - a.rmse)


def test_of_several_classes_the_favourable_ones_are_what_somebody_gets() -> None:
    sex = ["m"] * 40 + ["f"] * 40
    codes = [0.0, 1.0] * 20 + [2.0, 1.0] * 20  # a or b; c or b
    score = np.column_stack([codes, np.eye(3)[np.array(codes, int)]])
    of = problem("multiclass_classification", favourable=["a"])
    found = one(measured(of, np.array(codes), score, sex))
    # Of equal groups the first by name is the reference.
    assert found["demographic_parity_difference"] == pytest.approx(0 - 0.5)
    of = problem("multiclass_classification", favourable=["a", "c"])
    assert one(measured(of, np.array(codes), score, sex))["disparate_impact"] == pytest.approx(1)


@pytest.mark.parametrize("favourable", [[], [1], [0], ["0"]])
def test_the_favourable_outcome_is_the_positive_one_or_the_one_that_is_named(
    favourable: list[Any],
) -> None:
    truth, score, sex = rows(1)
    found = one(measured(problem(favourable=favourable), truth, score, sex))
    share = {n: (score[np.array(sex) == n, 0] >= 0.5).mean() for n in "fm"}
    if favourable and str(favourable[0]) == "0":
        share = {name: 1 - value for name, value in share.items()}
    assert found["disparate_impact"] == pytest.approx(share["f"] / share["m"])


def test_a_group_of_few_rows_is_said_and_not_judged() -> None:
    truth, score, sex = rows(2)
    sex[:7] = ["x"] * 7
    (column,) = measured(problem(), truth, score, sex)["columns"]
    assert column["too_small"] == [{"value": "x", "rows": 7}]
    assert [group["value"] for group in column["groups"]] == ["f"]


def test_more_to_judge_makes_every_interval_wider() -> None:
    truth, score, sex = rows(3)

    def width(bars: dict[str, float]) -> float:
        found = measured(problem(bars=bars), truth, score, sex)
        value = found["columns"][0]["groups"][0]["measures"]["disparate_impact"]
        return float(value["high"] - value["low"])

    many = ("disparate_impact", "accuracy_difference", "treatment_equality")
    assert width(dict.fromkeys(many, 0.5)) > width({"disparate_impact": 0.8})


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    held, trials = dict.fromkeys(("disparate_impact", "calibration_difference"), 0), 150
    for seed in range(trials):
        random = np.random.default_rng(seed)
        sex = np.repeat(["a", "d"], [400, 300])
        chance = np.where(sex == "a", 0.5, 0.4)
        said = (random.random(700) < chance).astype(float)
        truth = (random.random(700) < said).astype(float)
        found = measured(problem(), truth, said[:, None], list(sex))
        values = found["columns"][0]["groups"][0]["measures"]
        for name, true in (("disparate_impact", 0.8), ("calibration_difference", 0.0)):
            held[name] += values[name]["low"] <= true <= values[name]["high"]
    assert 0.92 <= held["disparate_impact"] / trials <= 0.98
    assert held["calibration_difference"] == trials  # such answers are right, and never sure


def test_numbers_become_groups_by_bands() -> None:
    groups = job_module("fairness.groups")
    cells = pd.Series(["24", "25", "44.9", "", "65", "old"])
    assert list(groups.named(cells, [25, 45, 65])) == [
        *("below 25", "25 to 45", "25 to 45", "", "65 and more", "")
    ]


@pytest.mark.parametrize(
    ("values", "rules", "error"),
    [
        (range(60), {}, "'sex' has 60 values; at most 50 are groups. Of numbers make bands"),
        (["f", "m"] * 30, {"reference": {"sex": "w"}}, "sex = 'w', and the groups there are f, m"),
        ([""] * 60, {}, "no row has a value of 'sex'"),
    ],
)
def test_columns_that_are_no_groups_are_refused(values: Any, rules: Any, error: str) -> None:
    truth, score, _ = rows(1, 60)
    with pytest.raises(job_module("container").JobError, match=error):
        measured(problem(**rules), truth, score, list(values))


def test_labels_are_measured_as_aws_publishes_it() -> None:
    labels = job_module("fairness.labels")
    found = labels.measured(
        {"1": 60, "0": 40}, {"1": 20, "0": 30}, frozenset("1"), 0.95, np.random.default_rng(1)
    )
    values = {name: value["value"] for name, value in found.items()}
    p, q = np.array([0.4, 0.6]), np.array([0.6, 0.4])
    middle = (p + q) / 2
    assert values == pytest.approx(
        {
            "class_imbalance": 50 / 150,
            "label_difference": 0.2,
            "kl_divergence": (p * np.log(p / q)).sum(),
            "js_divergence": ((p * np.log(p / middle)).sum() + (q * np.log(q / middle)).sum()) / 2,
            "lp_norm": np.sqrt(0.08),
            "total_variation": 0.2,
            "ks_distance": 0.2,
        }
    )
    assert all(value["low"] <= value["value"] <= value["high"] for value in found.values())


@pytest.mark.parametrize(
    ("share", "far", "violated"), [(0.0, 1.0, True), (0.5, 0.0, False), (1.0, 0.5, True)]
)
def test_live_answers_are_as_far_from_fair_as_they_are_either_way(
    share: float, far: float, violated: bool
) -> None:
    """Half of the men are favoured, and so many of the women; `away` names too many groups."""
    said = [1.0, 0.0] * 300 + [1.0] * int(300 * share) + [0.0] * (300 - int(300 * share))
    rows = pd.DataFrame({"sex": ["m"] * 600 + ["f"] * 300, "score": said, "away": range(900)})
    of = problem(groups=["sex", "away"])
    checks, not_judged = job_module("fairness.live").judge(of, rows, "score")
    (check,) = checks
    assert check["value"] == pytest.approx(far)
    assert (check["violated"], check["value"] > check["threshold"]) == (violated, violated)
    (left,) = not_judged
    assert left["feature"] == "away" and "900 values" in left["description"]
