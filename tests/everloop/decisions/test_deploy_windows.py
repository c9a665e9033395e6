"""When something new may be released, by clocks on walls that are put forward and back."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.deploy_windows import DAYS, Calendar, closed, parsed
from everloop.decisions.judgement import Freeze
from everloop.moments import moment

OFFICE = "Mon-Thu 09:00-16:00 Europe/Lisbon"


def calendar(*windows, freezes=()):
    return Calendar(tuple(map(parsed, windows)), tuple(freezes))


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        # 2026-06-01 is a Monday; Lisbon is an hour ahead of UTC in summer.
        (OFFICE, "2026-06-01T07:59:59Z", False),
        (OFFICE, "2026-06-01T08:00:00Z", True),
        (OFFICE, "2026-06-01T14:59:59Z", True),
        (OFFICE, "2026-06-01T15:00:00Z", False),
        (OFFICE, "2026-06-05T10:00:00Z", False),
        (OFFICE, "2026-12-07T08:30:00Z", False),
        (OFFICE, "2026-12-07T09:00:00Z", True),
        ("Fri 22:00-02:00 UTC", "2026-06-06T01:59:00Z", True),
        ("Fri 22:00-02:00 UTC", "2026-06-05T01:59:00Z", False),
        ("Sun 22:00-02:00 UTC", "2026-06-08T01:00:00Z", True),
        ("Sat-Mon 00:00-24:00 UTC", "2026-06-07T23:59:00Z", True),
        ("Sat-Mon 00:00-24:00 UTC", "2026-06-09T00:00:00Z", False),
        ("Mon,Wed 10:00-11:00 UTC", "2026-06-03T10:30:00Z", True),
        ("Mon,Wed 10:00-11:00 UTC", "2026-06-02T10:30:00Z", False),
        ("daily 23:00-24:00 Asia/Kathmandu", "2026-06-02T17:20:00Z", True),
    ],
)
def test_a_window_is_open_where_the_clock_on_the_wall_says_so(window, now, is_open):
    assert (closed(calendar(window), moment(now)) is None) is is_open


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        (OFFICE, "2026-06-04T15:00:00Z", "2026-06-08T08:00:00Z"),
        # The clocks of Lisbon go back on 25 October 2026, and forward on 28 March 2027 at 01:00.
        (OFFICE, "2026-10-23T12:00:00Z", "2026-10-26T09:00:00Z"),
        ("Sun 01:30-03:00 Europe/Lisbon", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z"),
        ("Sun 01:10-01:50 Europe/Lisbon", "2027-03-27T12:00:00Z", "2027-04-04T00:10:00Z"),
        ("Sun 01:30-02:00 Europe/Lisbon", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"),
    ],
)
def test_it_is_said_when_the_next_one_opens(window, now, opens):
    found = closed(calendar(window), moment(now))
    assert found is not None
    assert found.opens == moment(opens)


def test_the_sentence_names_the_windows_and_the_next_opening_in_their_zone():
    found = closed(calendar(OFFICE, "Sat 10:00-12:00 UTC"), moment("2026-06-04T15:00:00Z"))
    assert found is not None
    assert found.reason == (
        "outside of its deploy windows (Mon-Thu 09:00-16:00 Europe/Lisbon; Sat 10:00-12:00 UTC); "
        "the next opens Sat 2026-06-06 11:00 Europe/Lisbon"
    )


def test_without_windows_only_a_freeze_holds():
    freeze = Freeze(moment("2026-12-20T00:00:00Z"), moment("2027-01-04T00:00:00Z"), "holidays")
    assert closed(calendar(), moment("2026-12-19T23:59:59Z")) is None
    found = closed(calendar(freezes=[freeze]), moment("2026-12-20T00:00:00Z"))
    assert found is not None
    assert found.reason == "frozen until Mon 2027-01-04 00:00 UTC (holidays)"
    assert found.opens == freeze.end
    assert closed(calendar(freezes=[freeze]), freeze.end) is None


def test_after_a_freeze_the_next_window_is_waited_for():
    freeze = Freeze(moment("2026-12-18T00:00:00Z"), moment("2027-01-02T00:00:00Z"))
    found = closed(calendar(OFFICE, freezes=[freeze]), moment("2026-12-21T10:00:00Z"))
    assert found is not None
    assert found.opens == moment("2027-01-04T09:00:00Z")
    assert found.reason.endswith("; the next window opens Mon 2027-01-04 09:00 Europe/Lisbon")


@given(
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(0, 47),
    st.integers(1, 47),
    st.sampled_from(["Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),
)
def test_it_is_open_when_it_was_said_to_open_and_a_minute_before_it_is_not(
    days, half_hour, length, zone, now
):
    start, end = half_hour * 30, (half_hour + length) % 48 * 30
    times = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    window = calendar(f"{','.join(sorted(days))} {times} {zone}")
    found = closed(window, now)
    if found is None:
        return
    assert found.opens is not None
    assert found.opens > now
    assert closed(window, found.opens) is None
    before = found.opens - timedelta(minutes=1)
    assert before < now or closed(window, before) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("weekdays", "write days, times and a zone: 'Mon-Thu 09:00-16:00 Europe/Lisbon'"),
        ("Mon-Thu 9:00-16:00 UTC", "write days, times and a zone"),
        ("Mon-Thu 09:00-16:00", "write days, times and a zone"),
        ("Mon-Do 09:00-16:00 UTC", "'Mon-Do' is no day: write Mon, Tue"),
        ("mon 09:00-16:00 UTC", "'mon' is no day"),
        ("Mon 09:00-25:00 UTC", "25:00 is no time of day"),
        ("Mon 09:60-10:00 UTC", "09:60 is no time of day"),
        ("Mon 09:00-09:00 UTC", "a whole day is 00:00-24:00"),
        ("Mon 24:00-02:00 UTC", "a whole day is 00:00-24:00"),
        ("Mon 09:00-16:00 Europe/Lisboa", "there is no time zone 'Europe/Lisboa'"),
        ("Mon 09:00-16:00 ../etc/passwd", "there is no time zone"),
        ("Mon 09:00-16:00 Europe", "there is no time zone"),
    ],
)
def test_what_is_no_window_is_answered_with_what_is(text, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        parsed(text)
