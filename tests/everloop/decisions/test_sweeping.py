"""The sweep takes less than a day for ten million keys, and looks at what is new."""

from datetime import timedelta

import pytest

from everloop.decisions.sweeping import advanced, is_new, overlaps, pages_due, started
from everloop.moments import moment
from everloop.records.sweep import Sweep

T = moment("2026-11-20T10:00:00Z")


def ago(age):
    return T - age


@pytest.mark.parametrize("minutes", [2, 5, 30])
def test_ten_million_keys_take_less_than_a_day_whatever_the_tick(minutes):
    sweep, now, pages, passes = Sweep(), T, 10_000, 0
    while now < T + timedelta(days=1):
        due = pages_due(sweep, now)
        sweep = started(sweep, now)
        for _ in range(due):
            pages -= 1
            sweep = advanced(sweep, "" if pages == 0 else "data/m/x")
            if sweep.began_at is None:
                passes += 1
                break
        now += timedelta(minutes=minutes)
        if passes:
            break
    assert passes == 1


def test_a_tick_after_an_outage_looks_at_no_more_than_it_has_time_for():
    sweep = started(Sweep(), T)
    assert pages_due(sweep, T + timedelta(days=9)) == 300
    assert pages_due(sweep, T) == 1


def test_a_bucket_of_one_page_is_looked_at_whole_at_each_tick():
    sweep = advanced(started(Sweep(), T), "")
    assert (sweep.began_at, sweep.last_began) == (None, T)
    following = started(sweep, T + timedelta(minutes=5))
    assert (following.began_at, following.thorough) == (T + timedelta(minutes=5), False)
    assert started(sweep, T + timedelta(hours=12)).thorough


def test_what_an_earlier_pass_saw_is_not_looked_at_again():
    first = started(Sweep(), T)
    assert is_new(first, ago(timedelta(days=900)))
    light = started(advanced(first, ""), T + timedelta(minutes=5))
    assert is_new(light, ago(timedelta(minutes=50)))
    assert not is_new(light, ago(timedelta(hours=2)))
    thorough = started(advanced(first, ""), T + timedelta(hours=12))
    assert is_new(thorough, ago(timedelta(days=6)))  # a large upload bears its beginning's time


@pytest.mark.parametrize(
    ("after", "upto", "may"),
    [
        ("", "", True),
        ("data/m/5", "", True),
        ("data/l/9", "data/m/1", True),
        ("data/m2/1", "", False),
        ("", "data/l/9", False),
    ],
)
def test_which_models_keys_may_lie_in_a_page(after, upto, may):
    assert overlaps("data/m/", after, upto) is may
