"""Every model has its turn, however many there are, and what failed is tried a few times."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.repairs import MOST_ATTEMPTS, is_abandoned, next_attempt, turn
from everloop.records.lease import Lease

NAMES = st.lists(st.text("abc", min_size=1), unique=True).map(sorted)


def test_few_models_are_looked_at_from_the_first():
    assert turn(["a", "b", "c"], "b", most=3) == ["a", "b", "c"]


def test_many_are_looked_at_from_where_the_last_turn_ended():
    assert turn(["a", "b", "c", "d"], "c", most=2) == ["d", "a"]
    assert turn(["a", "c", "d"], "b", most=2) == ["c", "d"]
    assert turn(["a", "b", "c"], "", most=2) == ["a", "b"]


@given(NAMES, st.text("abc"), st.integers(1, 5))
def test_all_are_looked_at_within_as_many_turns_as_it_takes(models, after, most):
    seen: set[str] = set()
    for _ in range(-(-len(models) // most)):
        now = turn(models, after, most)
        assert len(now) == len(set(now)) == min(most, len(models))
        seen.update(now)
        after = now[-1]
    assert seen == set(models)


def test_what_failed_so_often_is_given_up():
    now = datetime(2026, 11, 20, tzinfo=UTC)
    waits = now - timedelta(hours=1)
    assert next_attempt(MOST_ATTEMPTS - 1, "FAILED", waits, now).attempt == MOST_ATTEMPTS
    given_up = next_attempt(MOST_ATTEMPTS, "FAILED", waits, now)
    assert (given_up.go, given_up.given_up) == (False, True)


def test_what_others_were_before_has_not_failed():
    now = datetime(2026, 11, 20, tzinfo=UTC)
    decision = next_attempt(MOST_ATTEMPTS, "SUCCEEDED", now - timedelta(hours=1), now)
    assert (decision.go, decision.attempt) == (True, MOST_ATTEMPTS + 1)


@pytest.mark.parametrize(
    ("status", "minutes", "abandoned"),
    [
        ("RUNNING", 600, False),
        ("ABORTED", 0, True),
        ("SUCCEEDED", 0, True),
        (None, 0, False),  # DescribeExecution is eventually consistent
        (None, 1, False),
        (None, 2, True),
    ],
)
def test_who_is_not_seen_yet_keeps_its_lease(status, minutes, abandoned):
    now = datetime(2026, 11, 20, tzinfo=UTC)
    lease = Lease("arn:…:execution:…", 1, since=now - timedelta(minutes=minutes))
    assert is_abandoned(lease, status, now) is abandoned
    assert not is_abandoned(Lease(), status, now)
