from datetime import UTC, datetime, timedelta

import pytest

from everloop.decisions.monitoring import longest_pause, overdue

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "pause"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(6 hours)", timedelta(hours=6)),
        ("rate(2 days)", timedelta(days=2)),
        ("cron(15 * * * ? *)", timedelta(hours=1)),
        ("cron(0 6 * * ? *)", timedelta(days=1)),
        ("cron(0 6 ? * MON *)", timedelta(days=7)),
        ("cron(0 6 31 * ? *)", timedelta(days=62)),
        ("cron(0 6 1 1 ? *)", timedelta(days=366)),
        ("cron(0 6 1 1 ? 2030)", None),
    ],
)
def test_how_long_a_schedule_may_pause(schedule, pause):
    assert longest_pause(schedule) == pause


@pytest.mark.parametrize(
    ("schedule", "ago", "go"),
    [
        pytest.param("rate(1 hour)", timedelta(hours=2), False, id="late, and no more"),
        pytest.param("rate(1 hour)", timedelta(hours=2, minutes=6), True, id="stopped"),
        pytest.param("rate(1 minute)", timedelta(minutes=6), False, id="ticks may come late"),
        pytest.param("cron(0 6 1 1 ? 2030)", timedelta(days=900), False, id="need not go on"),
    ],
)
def test_a_monitor_is_overdue_after_two_of_its_pauses(schedule, ago, go):
    decision = overdue(schedule, NOW - ago, NOW)
    assert decision.go is go
    if go:
        assert (
            decision.reason == "nothing asked it to look since 2026-03-02 09:54, for rate(1 hour)"
        )
