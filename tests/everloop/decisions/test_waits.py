"""What AWS lacks is tried for hours, at growing times, and told once it matters."""

from datetime import UTC, datetime, timedelta

from everloop.decisions.infrastructure import INTERNAL, QUOTA
from everloop.decisions.waits import HELD, WAITS, again
from everloop.records.shortage import Trouble

_START = datetime(2026, 11, 1, tzinfo=UTC)


def test_it_is_tried_for_hours_at_growing_and_different_times() -> None:
    busy = Trouble(QUOTA, "ResourceLimitExceeded", "q", 4, 5)
    waits = []
    now, tries = _START, 1
    while (decided := again(busy, since=_START, tries=tries, now=now, name="m")).wait_seconds:
        waits.append(decided.wait_seconds)
        now, tries = now + timedelta(seconds=decided.wait_seconds), tries + 1
    assert timedelta(hours=24) <= now - _START < timedelta(hours=25)
    assert max(waits) <= 45 * 60
    assert 60 <= waits[0] <= 180
    others = {
        again(busy, since=_START, tries=3, now=_START, name=f"m{i}").wait_seconds for i in range(8)
    }
    assert len(others) == 8


def test_it_is_told_once_it_matters_and_not_before() -> None:
    busy = Trouble(QUOTA, "ResourceLimitExceeded", "q", 4, 5)
    soon, late = _START + timedelta(minutes=5), _START + timedelta(minutes=40)
    assert not again(busy, since=_START, tries=2, now=soon, name="m").notice
    assert again(busy, since=_START, tries=6, now=late, name="m").notice == WAITS


def test_a_quota_of_0_is_told_at_once_and_held() -> None:
    none = Trouble(QUOTA, "ResourceLimitExceeded", "q", 0, 1, retry=False)
    decided = again(none, since=_START, tries=1, now=_START, name="m")
    assert decided.held
    assert decided.notice == HELD


def test_what_begins_anew_each_time_is_tried_a_few_times_only() -> None:
    internal = Trouble(INTERNAL, "InternalServerError")
    assert not again(internal, since=_START, tries=4, now=_START, name="m").held
    assert again(internal, since=_START, tries=5, now=_START, name="m").held
