"""What jobs and the core must agree on, though jobs cannot import the core; and the intervals."""

import re
from typing import Any

import numpy as np
import pytest
from job_container import JOBS, ROOT
from jobs.conftest import job_module

from everloop.spec.metrics import METRICS
from proofs.bench import coverage
from tools import problem_table

QUANTILES: dict[str, list[float]] = {name: [] for name in METRICS}
QUANTILES["regression"] = QUANTILES["forecasting"] = [0.1, 0.5, 0.9]


def problem(name: str) -> Any:
    asked = {"quantiles": QUANTILES[name]}
    spec = {"problem": name, "data": {"target": "y"}, "train": {}, "evaluate": asked}
    return job_module("problems").of(spec, {"classes": ["0", "1"]})


def answers(name: str, share: Any) -> Any:
    """Return scores of a problem from numbers between 0 and 1."""
    if name == "multiclass_classification":
        return np.column_stack([share > 0.5, 1 - share, share])
    if QUANTILES[name]:
        return np.column_stack([share - 0.2, share, share + 0.2])
    return share[:, None]


def test_the_layer_has_the_jobs_own_table_of_problems() -> None:
    assert problem_table.TABLE.read_text() == problem_table.written(), "run `make problems`"


def test_nothing_but_its_own_file_knows_a_problem_by_its_name() -> None:
    named = re.compile("|".join(rf"\b{name}\b" for name in METRICS))
    folders = ("jobs", "layers/core", "functions", "cli", "localcloud/everloop_localcloud")
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            # The others write a beginner's scripts, which differ by what is to be predicted, and
            # say which objective of an algorithm each problem is; AWS's chat has the word, too.
            if path.parent == JOBS / "problems" or path.parent.name == "starter":
                continue
            if path.name in ("init.py", "algorithms.py", "chat.py"):
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                code = line.partition("#")[0]
                quoted = re.findall(r"""["']([a-z_]+)["']""", code)
                assert not [word for word in quoted if named.fullmatch(word)], f"{path}:{number}"


@pytest.mark.parametrize("name", sorted(METRICS))
def test_jobs_measure_what_a_spec_can_ask_for(name: str) -> None:
    target, score = np.array([0.0, 1.0, 1.0]), answers(name, np.array([0.2, 0.4, 0.9]))
    assert list(problem(name).measured(target, score)) == list(METRICS[name])


def test_a_weight_counts_a_row_that_often() -> None:
    random = np.random.default_rng(1)
    target = random.integers(0, 2, 40).astype(float)
    share = random.random(40).round(1)
    weight = random.integers(0, 4, 40).astype(float)
    often = weight.astype(int)
    for name in sorted(METRICS.keys() - {"ranking"}):  # whose queries have a weight, not its rows
        score = answers(name, share)
        weighted = problem(name).measured(target, score)
        repeated = problem(name).measured(target.repeat(often), score.repeat(often, axis=0))
        for metric, value in weighted.items():
            found = repeated[metric](np.ones(often.sum()))
            assert value(weight) == pytest.approx(found, nan_ok=True), metric


@pytest.mark.parametrize(
    "case", [coverage.CASES[0], coverage.CASES[3]], ids=lambda case: case.metric
)
def test_a_95_percent_interval_holds_the_truth_about_as_often(case: coverage.Case) -> None:
    """`make coverage` measures it, for more metrics and more often."""
    found = coverage.coverage(case, 60, resamples=200, world=100_000)
    assert found["value"] >= 0.85
    assert found["gain"] >= 0.85
