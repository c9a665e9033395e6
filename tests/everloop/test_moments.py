"""Every form in which AWS writes a time is read; what the ledger keeps comes back the same."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.errors import BadInput
from everloop.moments import epoch, moment, text


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        (1795169730000, "2026-11-20T10:15:30.000Z"),
        (1795169730000.0, "2026-11-20T10:15:30.000Z"),
        ("1795169730000", "2026-11-20T10:15:30.000Z"),
        ("2026-11-20T10:15:30Z", "2026-11-20T10:15:30.000Z"),
        ("2026-11-20T10:15:30.893854735Z", "2026-11-20T10:15:30.893Z"),
        ("2026-11-20T10:15:30.989+0000", "2026-11-20T10:15:30.989Z"),
        ("2026-11-20T12:15:30+02:00", "2026-11-20T10:15:30.000Z"),
        (datetime(2026, 11, 20, 10, 15, 30), "2026-11-20T10:15:30.000Z"),
    ],
)
def test_aws_writes_times_in_many_forms(given_, read):
    assert text(moment(given_)) == read


@pytest.mark.parametrize("bad", ["yesterday", "", None, True, [], {"a": 1}, 1e300])
def test_what_is_no_time_is_bad_input_by_the_fields_name(bad):
    with pytest.raises(BadInput, match=r"scheduled_at: .* is no time"):
        moment(bad, field="scheduled_at")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_a_moment_survives_the_ledger(when):
    # Else a version that failed would count as approved again since, and be released for ever.
    assert moment(text(moment(when))) == moment(when)
    assert epoch(moment(when)) == int(when.timestamp())
