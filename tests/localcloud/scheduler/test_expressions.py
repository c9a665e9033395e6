"""Schedule expressions: when they run next."""

from datetime import UTC, datetime, timedelta

import pytest

from everloop_localcloud.delivery.schedules import InvalidExpression, parse

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)  # a Friday


def _runs(text: str, zone: str = "UTC", count: int = 2, after: datetime = NOON) -> list[str]:
    expression = parse(text, zone)
    runs = []
    for _ in range(count):
        found = expression.after(after, NOON)
        if found is None:
            break
        runs.append(found.strftime("%Y-%m-%dT%H:%M"))
        after = found
    return runs


@pytest.mark.parametrize(
    ("text", "zone", "runs"),
    [
        ("rate(5 minutes)", "UTC", ["2026-11-20T12:05", "2026-11-20T12:10"]),
        ("rate(1 day)", "UTC", ["2026-11-21T12:00", "2026-11-22T12:00"]),
        ("at(2026-11-20T13:00:00)", "UTC", ["2026-11-20T13:00"]),
        ("at(2026-11-20T13:00:00)", "America/New_York", ["2026-11-20T18:00"]),
        ("at(2026-11-20T11:00:00)", "UTC", []),
        ("cron(0/15 * * * ? *)", "UTC", ["2026-11-20T12:15", "2026-11-20T12:30"]),
        ("cron(0 8 1 * ? *)", "UTC", ["2026-12-01T08:00", "2027-01-01T08:00"]),
        ("cron(0 8 ? * MON-FRI *)", "UTC", ["2026-11-23T08:00", "2026-11-24T08:00"]),
        ("cron(0 8 ? * 6L *)", "UTC", ["2026-11-27T08:00", "2026-12-25T08:00"]),
        ("cron(0 8 ? * 2#1 *)", "UTC", ["2026-12-07T08:00", "2027-01-04T08:00"]),
        ("cron(0 8 L * ? *)", "UTC", ["2026-11-30T08:00", "2026-12-31T08:00"]),
        ("cron(0 8 15W * ? *)", "UTC", ["2026-12-15T08:00", "2027-01-15T08:00"]),
        ("cron(0 8 1W JAN,AUG ? 2027)", "UTC", ["2027-01-01T08:00", "2027-08-02T08:00"]),
        ("cron(0 12 ? * SAT-SUN 2026)", "UTC", ["2026-11-21T12:00", "2026-11-22T12:00"]),
        ("cron(30 9 * * ? *)", "Europe/Berlin", ["2026-11-21T08:30", "2026-11-22T08:30"]),
        ("cron(0 0 29 2 ? *)", "UTC", ["2028-02-29T00:00", "2032-02-29T00:00"]),
    ],
)
def test_the_next_runs(text: str, zone: str, runs: list[str]) -> None:
    assert _runs(text, zone) == runs


def test_a_wall_time_that_the_clocks_skip_does_not_run() -> None:
    before = datetime(2026, 3, 7, 12, 0, tzinfo=UTC)  # New York skips 02:00-03:00 on March 8
    found = _runs("cron(30 2 * * ? *)", "America/New_York", count=1, after=before)
    assert found == ["2026-03-09T06:30"]


def test_a_wall_time_that_comes_twice_runs_once() -> None:
    before = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)  # New York repeats 01:00-02:00 on Nov 1
    found = _runs("cron(30 1 * * ? *)", "America/New_York", after=before)
    assert found == ["2026-11-01T05:30", "2026-11-02T06:30"]


@pytest.mark.parametrize(
    "text",
    [
        "every day",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "at(2026-11-20)",
        "cron(0 8 * * *)",
        "cron(0 8 * * * *)",
        "cron(0 8 ? * ? *)",
        "cron(60 8 * * ? *)",
        "cron(0 8 ? * FUN *)",
        "cron(0/0 8 * * ? *)",
    ],
)
def test_a_bad_expression_is_refused(text: str) -> None:
    with pytest.raises(InvalidExpression):
        parse(text)


@pytest.mark.parametrize("text", ["rate(1 minutes)", "rate(5 minute)"])
def test_rules_want_the_right_number_of_the_unit(text: str) -> None:
    assert parse(text).after(NOON, NOON) is not None
    with pytest.raises(InvalidExpression):
        parse(text, strict_units=True)


def test_a_rate_runs_first_at_its_anchor() -> None:
    anchor = NOON + timedelta(hours=3)
    assert parse("rate(1 hour)").after(NOON, anchor) == anchor
