"""Whose turn it is to look, when silence is too long, and how many looks in a row saw what."""

from datetime import UTC, datetime, timedelta

import pytest

from everloop.decisions.looks import after_look, silent, under_way, with_arrivals
from everloop.records.lease import Lease
from everloop.records.monitor import Rhythm, Streaks

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGAN = Lease(since=NOW - HOUR, waits_for="its job")


@pytest.mark.parametrize(
    ("status", "turn", "alive"),
    [
        pytest.param("RUNNING", Lease(since=NOW - 3 * DAY), True, id="however long its job runs"),
        pytest.param("PENDING_REDRIVE", Lease(since=NOW - HOUR), True, id="it will be redriven"),
        pytest.param("SUCCEEDED", Lease(since=NOW - HOUR), False, id="it ended and kept its turn"),
        pytest.param("TIMED_OUT", Lease(since=NOW - HOUR), False, id="it died"),
        pytest.param(None, Lease(since=NOW - HOUR), False, id="its machine never started"),
        pytest.param(None, Lease(since=NOW - HOUR / 60), True, id="its machine is about to start"),
        pytest.param(None, BEGAN, True, id="it has begun, and reads lag"),
        pytest.param("FAILED", BEGAN, False, id="it had begun, and died"),
        pytest.param(None, Lease(), False, id="nothing is known of it"),
    ],
)
def test_a_look_goes_on_while_its_machine_does(status, turn, alive):
    assert under_way(status, turn, NOW) is alive


def rhythm(*ago, watched=10 * DAY):
    """Return the rhythm of files that arrived so long ago."""
    return with_arrivals(Rhythm(watched_since=NOW - watched), [NOW - each for each in ago], NOW)


def decided(found, now=NOW, **changes):
    asked = {"served_since": None, "schedule": "rate(1 hour)", "silent_hours": None, **changes}
    return silent(found, now, **asked)


def test_the_longest_pause_of_each_day_is_remembered_for_two_weeks():
    found = rhythm(20 * DAY, 15 * DAY, 13 * DAY, 12 * DAY, 30 * HOUR, HOUR)
    assert found.pauses == {
        "2026-02-17": 2 * 86400,
        "2026-02-18": 86400,
        "2026-03-01": round((12 * DAY - 30 * HOUR).total_seconds()),
        "2026-03-02": 29 * 3600,
    }
    assert found.last == NOW - HOUR
    assert (
        with_arrivals(found, [NOW - 2 * DAY], NOW) == found
    )  # it came late, and tells of no pause


def test_silence_is_too_long_after_twice_the_longest_pause():
    found = rhythm(9 * DAY, 8 * DAY, 8 * DAY - 4 * HOUR, 6 * HOUR)
    found = Rhythm(found.watched_since, found.last, {"2026-03-01": 4 * 3600})
    assert decided(found, NOW + 2 * HOUR).go is False
    told = decided(found, NOW + 3 * HOUR)
    assert told.go is True
    assert told.reason == (
        "could not judge: no traffic was captured for 9 hours, since 2026-03-02T06:00:00.000Z; "
        "8 hours are allowed (its longest pause within 14 days was 4 hours)"
    )


def test_silence_is_no_shorter_than_two_of_the_schedules_pauses():
    found = Rhythm(NOW - 10 * DAY, NOW - HOUR, {"2026-03-01": 60})
    assert decided(found, NOW + 40 * HOUR, schedule="rate(1 day)").go is False
    assert decided(found, NOW + 48 * HOUR, schedule="rate(1 day)").go is True


def test_a_weekend_is_no_silence_before_a_week_is_known():
    found = Rhythm(NOW - 5 * DAY, NOW - 66 * HOUR, {"2026-02-27": 3600})
    assert decided(found).go is False
    assert decided(found, NOW + 7 * HOUR).go is True


def test_an_endpoint_that_never_had_traffic_is_told_after_three_days():
    assert decided(Rhythm(watched_since=NOW - 3 * DAY)).go is False
    assert decided(Rhythm(watched_since=NOW - 3 * DAY - HOUR)).go is True
    assert decided(Rhythm()).go is False


def test_a_release_begins_the_silence_anew():
    found = Rhythm(NOW - 30 * DAY, NOW - 20 * DAY, {})
    assert decided(found).go is True
    assert decided(found, served_since=NOW - HOUR).go is False


def test_its_owner_knows_better():
    found = Rhythm(NOW - DAY, NOW - 3 * HOUR, {"2026-03-01": 90_000})
    assert decided(found, silent_hours=2.5).go is True
    assert decided(found, silent_hours=3.0).go is False


def streak(*looks):
    """Return the streaks after looks of these kinds."""
    found = Streaks()
    for number, kind in enumerate(looks):
        found = after_look(
            found,
            f"look-{number}",
            NOW + number * HOUR,
            blind="blind" in kind,
            judged="judged" in kind,
            violated="violated" in kind,
        )
    return found


@pytest.mark.parametrize(
    ("looks", "blind", "violated"),
    [
        pytest.param(["blind", "blind"], 2, 0, id="blind twice"),
        pytest.param(["blind", "judged", "blind"], 1, 0, id="not in a row"),
        pytest.param(["judged violated", "judged violated"], 0, 2, id="violated twice"),
        pytest.param(["judged violated", "judged"], 0, 0, id="violated, and no more"),
        pytest.param(["judged violated", "blind", "judged violated"], 0, 2, id="blind between"),
        pytest.param(["judged blind violated"], 1, 1, id="one monitor blind, one violated"),
        pytest.param(["blind", "nothing"], 1, 0, id="labels alone, not yet enough"),
    ],
)
def test_looks_in_a_row(looks, blind, violated):
    found = streak(*looks)
    assert (found.blind, found.violated) == (blind, violated)
    assert (found.blind_since != "") == (blind > 0)


def test_the_same_look_counts_once():
    found = streak("blind")
    assert after_look(found, "look-0", NOW, blind=True, judged=False, violated=False) == found
