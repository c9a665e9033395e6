"""Who may train, when, and how often."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.governor import Limits, may_train, useless_in_a_row, worth_retraining
from everloop.moments import moment
from everloop.records.run import BELOW_BARS, DATA, FAILED, REGISTERED, RUNNING, VIOLATION, Run

NOW = moment("2026-11-20T10:00:00Z")
LIMITS = Limits((DATA, VIOLATION), timedelta(hours=24), 4, 40, 100, 3)


def run(hours=48.0, outcome=REGISTERED, data="d0", code="c0", name="w1-a1", **more):
    at = NOW - timedelta(hours=hours)
    return Run(name, data, code, DATA, at, outcome, at + timedelta(minutes=30), **more)


@pytest.mark.parametrize(
    ("cause", "runs", "fingerprint", "go", "said"),
    [
        pytest.param(DATA, [], ("d", "c"), True, "0 runs before", id="first"),
        pytest.param(DATA, [run()], ("d0", "c0"), False, "same data and code", id="same"),
        pytest.param(DATA, [run(outcome=RUNNING)], ("d0", "c0"), False, "running", id="same runs"),
        pytest.param(DATA, [run()], ("d0", "c1"), True, "", id="same data, other code"),
        pytest.param(DATA, [run(outcome=FAILED)], ("d0", "c0"), True, "", id="it failed before"),
        pytest.param(DATA, [run(h) for h in (1, 2, 3, 4)], None, False, "budget", id="day spent"),
        pytest.param(DATA, [run(h) for h in (1, 2, 3, 25)], None, True, "", id="day not spent"),
        pytest.param(DATA, [run(30 + h) for h in range(40)], None, False, "30 days", id="month"),
        pytest.param(VIOLATION, [run(2)], None, False, "cooling down", id="too soon"),
        pytest.param(DATA, [run(2)], None, True, "", id="data needs no cooling"),
        pytest.param(VIOLATION, [run(30)], None, True, "", id="cooled down"),
        pytest.param(VIOLATION, [run(30, RUNNING)], None, False, "under way", id="no end known"),
        pytest.param(
            VIOLATION,
            [run(30 + h, BELOW_BARS) for h in range(3)],
            None,
            False,
            "person",
            id="breaker",
        ),
        pytest.param(
            DATA,
            [run(30 + h, BELOW_BARS) for h in range(3)],
            ("d", "c"),
            True,
            "",
            id="data goes on",
        ),
    ],
)
def test_a_training_starts_only_within_its_limits(cause, runs, fingerprint, go, said):
    decision = may_train(cause, runs, LIMITS, NOW, fingerprint=fingerprint)
    assert decision.go is go
    assert said in decision.reason


def test_asking_again_for_a_run_that_is_running_is_no_second_run():
    mine = run(0, RUNNING, name="w2-a1")
    again = may_train(DATA, [mine], LIMITS, NOW, fingerprint=("d0", "c0"), name="w2-a1")
    assert again.go


@pytest.mark.parametrize(
    ("runs", "objects", "size", "go", "said"),
    [
        pytest.param([], 0, 0, False, "no data has arrived", id="nothing new"),
        pytest.param([], 1, 10, True, "", id="rows are unknown before the first run"),
        pytest.param(
            [run(rows=100, dataset_bytes=1000)], 1, 990, False, "99 new rows", id="too few"
        ),
        pytest.param([run(rows=100, dataset_bytes=1000)], 1, 1000, True, "", id="just enough"),
    ],
)
def test_a_violation_retrains_only_on_enough_new_data(runs, objects, size, go, said):
    decision = worth_retraining(runs, LIMITS, NOW, new_objects=objects, new_bytes=size)
    assert decision.go is go
    assert said in decision.reason


def test_a_model_that_lets_no_violation_train_says_so():
    limits = replace(LIMITS, causes=(DATA,))
    decision = worth_retraining([], limits, NOW, new_objects=5, new_bytes=5)
    assert not decision.go
    assert "only data" in decision.reason


def test_runs_in_a_row_count_from_the_newest_and_a_running_one_does_not_count():
    runs = [run(1, RUNNING), run(2, FAILED), run(3, BELOW_BARS), run(4), run(5, FAILED)]
    assert useless_in_a_row(runs) == 2


@given(storm=st.lists(st.floats(0, 72), min_size=1, max_size=200))
def test_a_storm_of_violations_trains_once_per_cooldown(storm):
    runs: list[Run] = []
    for hours in sorted(storm):
        now = NOW + timedelta(hours=hours)
        if may_train(VIOLATION, runs, LIMITS, now).go:
            runs.append(Run(str(hours), str(hours), "c", VIOLATION, now, REGISTERED, now))
    assert 1 <= len(runs) <= 4
    gaps = [b.started_at - a.started_at for a, b in itertools.pairwise(runs)]
    assert all(gap >= LIMITS.cooldown for gap in gaps)
