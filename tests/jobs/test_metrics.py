"""What jobs and the core must agree on, though jobs cannot import the core."""

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from job_container import JOBS
from jobs.conftest import job_module

from everloop.spec import metric_table
from everloop.spec.metrics import METRICS


@pytest.fixture(scope="module")
def metrics() -> ModuleType:
    return job_module("metrics")


def test_layer_and_jobs_have_the_same_table_of_metrics() -> None:
    ours, theirs = Path(metric_table.__file__), JOBS / "metric_table.py"
    assert ours.read_bytes() == theirs.read_bytes(), f"copy {theirs} to {ours}, or the other way"


@pytest.mark.parametrize("problem", sorted(METRICS))
def test_jobs_measure_what_a_spec_can_ask_for(metrics: ModuleType, problem: str) -> None:
    target, score = np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.4, 0.9])
    measured = metrics.metrics_of(problem, target, score)
    assert list(measured) == list(METRICS[problem])


def test_a_weight_counts_a_row_that_often(metrics: ModuleType) -> None:
    random = np.random.default_rng(1)
    target = random.integers(0, 2, 40).astype(float)
    score = random.random(40).round(1)
    weight = random.integers(0, 4, 40).astype(float)
    often = weight.astype(int)
    for problem in METRICS:
        weighted = metrics.metrics_of(problem, target, score)
        repeated = metrics.metrics_of(problem, target.repeat(often), score.repeat(often))
        for name, metric in weighted.items():
            assert metric(weight) == pytest.approx(repeated[name](np.ones(often.sum()))), name


def test_a_95_percent_interval_covers_the_truth_about_as_often(metrics: ModuleType) -> None:
    random = np.random.default_rng(4)
    covered = 0
    for _ in range(60):
        error = random.normal(0, 2, 120)
        of = metrics.metrics_of("regression", np.zeros(120), error)
        spread = metrics.intervals({"rmse": of["rmse"]}, 120, confidence=0.95, count=200)
        low, high = spread["rmse"]
        covered += low <= 2 <= high
    assert covered >= 50
