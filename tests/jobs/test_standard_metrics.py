"""Metrics held to scikit-learn's on random data, with ties and with weights."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobs.conftest import job_module
from sklearn import metrics as theirs

SEEDS = st.integers(0, 2**32 - 1)


def of(kind: str, kept: dict[str, Any] | None = None, **sections: Any) -> Any:
    spec = {"problem": kind, "data": {"target": "y"}, "evaluate": {}, **sections}
    return job_module("problems").of(spec, kept or {})


def weights(random: Any, rows: int) -> Any:
    """Return what a bootstrap draws, now and then all ones."""
    if random.random() < 0.3:
        return np.ones(rows)
    return np.bincount(random.integers(0, rows, rows), minlength=rows).astype(float)


def close(ours: float, expected: float) -> None:
    assert ours == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_metrics_of_classes_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    count, rows = int(random.integers(2, 6)), int(random.integers(6, 60))
    truth = random.integers(0, count, rows)
    shares = random.random((rows, count)).round(1) + 0.1  # rounded, so that there are ties
    shares /= shares.sum(axis=1, keepdims=True)
    label = random.integers(0, count, rows)
    score = np.column_stack([label, shares])
    weight = weights(random, rows)
    kept = np.repeat(np.arange(rows), weight.astype(int))  # as often as they weigh
    problem = of("multiclass_classification", {"classes": [str(each) for each in range(count)]})
    ours = {
        name: value(weight) for name, value in problem.measured(truth.astype(float), score).items()
    }
    t, p, s = truth[kept], label[kept], shares[kept]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that are not there
        close(ours["accuracy"], theirs.accuracy_score(t, p))
        close(ours["balanced_accuracy"], theirs.balanced_accuracy_score(t, p))
        close(ours["macro_f1"], theirs.f1_score(t, p, average="macro"))
        close(ours["weighted_f1"], theirs.f1_score(t, p, average="weighted"))
        close(ours["mcc"], theirs.matthews_corrcoef(t, p))
        close(ours["log_loss"], theirs.log_loss(t, s, labels=range(count)))
        for most in (2, 3, 5):
            if count > 2 and most < count:
                close(
                    ours[f"top_{most}_accuracy"],
                    theirs.top_k_accuracy_score(t, s, k=most, labels=range(count)),
                )
        if len(set(t)) == count > 2:
            expected = theirs.roc_auc_score(t, s, multi_class="ovr", average="macro")
            close(ours["auc"], expected)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_metrics_of_two_classes_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = int(random.integers(4, 60))
    truth = random.integers(0, 2, rows)
    share = random.random(rows).round(1)
    weight = weights(random, rows)
    kept = np.repeat(np.arange(rows), weight.astype(int))
    threshold = float(random.choice([0.25, 0.5, 0.7]))
    problem = of("binary_classification", evaluate={"threshold": threshold})
    measured = problem.measured(truth.astype(float), share[:, None])
    ours = {name: value(weight) for name, value in measured.items()}
    t, s = truth[kept], share[kept]
    said = s >= threshold
    if len(set(t)) < 2:
        assert np.isnan(ours["auc"])
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nothing that was said to be positive
        close(ours["auc"], theirs.roc_auc_score(t, s))
        close(ours["accuracy"], theirs.accuracy_score(t, said))
        close(ours["balanced_accuracy"], theirs.balanced_accuracy_score(t, said))
        close(ours["mcc"], theirs.matthews_corrcoef(t, said))
        close(ours["f1"], theirs.f1_score(t, said))
        close(ours["recall"], theirs.recall_score(t, said))
        if said.any():
            close(ours["precision"], theirs.precision_score(t, said))
        close(ours["average_precision"], theirs.average_precision_score(t, s))
        close(ours["brier"], theirs.brier_score_loss(t, s))
        precision, recall, _ = theirs.precision_recall_curve(t, s)
        for percent in (80, 90, 95, 99):
            best = recall[precision >= percent / 100].max()
            close(ours[f"recall_at_precision_{percent}"], best)
    bins = np.minimum((s * 10).astype(int), 9)
    off = sum(abs(t[bins == b].sum() - s[bins == b].sum()) for b in range(10)) / len(t)
    close(ours["calibration_error"], off)


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_metrics_of_numbers_are_scikit_learns(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows, quantiles = int(random.integers(3, 50)), [0.1, 0.5, 0.9]
    truth = random.normal(0, 5, rows).round(1)
    score = np.sort(truth[:, None] + random.normal(0, 2, (rows, 3)), axis=1)
    weight = weights(random, rows)
    problem = of("regression", evaluate={"quantiles": quantiles})
    ours = {name: value(weight) for name, value in problem.measured(truth, score).items()}
    given_weight, middle = {"sample_weight": weight}, score[:, 1]
    close(ours["rmse"], theirs.root_mean_squared_error(truth, middle, **given_weight))
    close(ours["mae"], theirs.mean_absolute_error(truth, middle, **given_weight))
    assert ours["mape"] == pytest.approx(
        theirs.mean_absolute_percentage_error(truth, middle, **given_weight)
    )
    expected = [
        theirs.mean_pinball_loss(truth, score[:, at], alpha=alpha, **given_weight)
        for at, alpha in enumerate(quantiles)
    ]
    close(ours["pinball"], float(np.mean(expected)))
    both = np.abs(middle) + np.abs(truth)
    each = 2 * np.abs(middle - truth) / np.where(both == 0, 1, both)
    close(ours["smape"], float(np.average(each, weights=weight)))
    inside = (score[:, 0] <= truth) & (truth <= score[:, 2])
    close(ours["coverage_error"], abs(float(np.average(inside, weights=weight)) - 0.8))


@given(seed=SEEDS, by=st.sampled_from(["f1", "youden", "accuracy", "balanced_accuracy", "mcc"]))
@settings(max_examples=60, deadline=None)
def test_no_threshold_is_better_than_the_chosen_one(seed: int, by: str) -> None:
    random = np.random.default_rng(seed)
    rows = int(random.integers(4, 40))
    truth = np.r_[0, 1, random.integers(0, 2, rows)].astype(float)
    share = np.clip(truth * 0.3 + random.random(rows + 2) * 0.7, 0, 1).round(1)
    measure = {
        "f1": theirs.f1_score,
        "youden": theirs.balanced_accuracy_score,
        "accuracy": theirs.accuracy_score,
        "balanced_accuracy": theirs.balanced_accuracy_score,
        "mcc": theirs.matthews_corrcoef,
    }[by]
    chosen = job_module("curves").best_threshold(share, truth, by)
    reached = measure(truth, share >= chosen)
    assert all(measure(truth, share >= other) <= reached + 1e-9 for other in np.unique(share))
