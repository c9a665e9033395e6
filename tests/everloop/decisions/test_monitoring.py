from datetime import UTC, datetime, timedelta

import pytest

from everloop.decisions.monitoring import MOST_FILES, arrived, longest_pause, overdue

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


def traffic(*places):
    """Return files of traffic, by their folders and when they arrived in minutes before NOW."""
    return [
        (f"capture/m/m/AllTraffic/{folder}/x-{n}.jsonl", NOW - timedelta(minutes=ago))
        for n, (folder, ago) in enumerate(places)
    ]


def test_a_look_takes_what_arrived_in_its_span_and_leaves_the_rest():
    files = traffic(
        ("2026/03/02/10", 61),
        ("2026/03/02/10", 60),
        ("2026/03/02/11", 5),
        ("2026/03/02/11", 0),
    )
    strange = ("capture/m/m/AllTraffic/notes.jsonl", NOW - timedelta(minutes=30))
    found, until = arrived([*files, strange], NOW - timedelta(hours=1), NOW)
    assert found == [files[1][0], files[2][0]]
    assert until == NOW


def test_looks_that_are_given_too_much_share_it_by_the_hour_and_lose_nothing():
    hours = [NOW - timedelta(hours=back) for back in range(30, 0, -1)]
    many = MOST_FILES // 10 + 1
    files = [
        (
            f"capture/m/m/AllTraffic/{hour:%Y/%m/%d/%H}/{n:06d}.jsonl",
            hour + timedelta(hours=1, minutes=3) * n / many,
        )
        for hour in hours
        for n in range(many)
    ]
    since, looks = NOW - timedelta(days=31), []
    while since < NOW:
        found, until = arrived(files, since, NOW)
        assert until > since
        looks.append(found)
        since = until
    taken = [key for found in looks for key in found]
    assert len(looks) == 3
    assert sorted(taken) == sorted(key for key, when in files if when < NOW)
