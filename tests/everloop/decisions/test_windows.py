"""When a drop is complete, and what a dataset is made of."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.windows import (
    GIVEN_UP,
    Arrival,
    Window,
    completeness,
    dataset_digest,
    kept_windows,
    left_over,
    manifest,
    newest,
)
from everloop.moments import moment

T = moment("2026-11-20T10:00:00Z")
QUIET = timedelta(minutes=5)


def arrival(key="a", version="1", sequencer="00", at=T, etag="e", size=1):
    return Arrival(key, version, etag, size, sequencer, at)


def window(first=T, last=T, objects=3, marker=None):
    return Window(4, objects, first, last, marker)


@pytest.mark.parametrize(
    ("open_window", "now", "complete", "wait"),
    [
        pytest.param(window(), T + QUIET, True, 0, id="quiet for long enough"),
        pytest.param(window(), T, False, 300, id="just arrived"),
        pytest.param(window(), T + timedelta(seconds=299.5), False, 1, id="part of a second left"),
        pytest.param(window(marker="done"), T, True, 0, id="marker"),
        pytest.param(
            window(last=T + timedelta(hours=4)), T + timedelta(hours=4), True, 0, id="never pauses"
        ),
        pytest.param(Window(), T, True, 0, id="nothing arrived"),
        pytest.param(window(), T - timedelta(seconds=30), False, 300, id="another clock is ahead"),
        pytest.param(window(), T - timedelta(days=9), False, 300, id="redriven long after"),
    ],
)
def test_a_drop_is_complete_when_it_is_quiet_or_says_so(open_window, now, complete, wait):
    found = completeness(open_window, QUIET, now)
    assert (found.complete, found.wait_seconds) == (complete, wait)


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        pytest.param("00691EF0C2", "00691EF0C3", "second", id="same length"),
        pytest.param("0A", "0A1", "second", id="shorter is padded on the right"),
        pytest.param("0B", "0A1", "first", id="padding does not make it larger"),
        pytest.param("0a", "0B", "second", id="case does not matter"),
    ],
)
def test_the_sequencer_says_which_version_of_a_key_is_newest(first, second, kept):
    versions = [
        arrival(version="first", sequencer=first),
        arrival(version="second", sequencer=second),
    ]
    for order in (versions, versions[::-1]):
        assert [a.version_id for a in newest(order)] == [kept]


def test_without_sequencers_the_time_says_it():
    late = arrival(version="late", sequencer="", at=T + QUIET)
    assert newest([late, arrival(sequencer="FF")]) == [late]


arrivals = st.lists(
    st.builds(
        Arrival,
        key=st.sampled_from(["a", "b", "ü+ %", "c/d"]),
        version_id=st.text("0123456789", min_size=1, max_size=3),
        etag=st.text("abc", min_size=1, max_size=2),
        size=st.integers(0, 9),
        sequencer=st.text("0123456789ABCDEF", min_size=1, max_size=4),
        arrived_at=st.just(T),
    ),
    unique_by=lambda a: (a.key, a.version_id),
    min_size=1,
)


@given(found=arrivals, order=st.randoms())
def test_a_dataset_does_not_depend_on_the_order_of_arrivals(found, order):
    shuffled = list(found)
    order.shuffle(shuffled)
    assert manifest("m", "b", {1: found}, T) == manifest("m", "b", {1: shuffled}, T)


@given(found=arrivals)
def test_the_same_bytes_uploaded_again_are_the_same_dataset(found):
    frozen = manifest("m", "b", {1: found}, T)
    again = [
        arrival(a.key, a.version_id + "x", "FFFFF", a.arrived_at, a.etag, a.size)
        for a in newest(found)
    ]
    assert manifest("m", "b", {1: found, 2: again}, T)["digest"] == frozen["digest"]
    assert len({entry["key"] for entry in frozen["objects"]}) == len(frozen["objects"])


def test_other_bytes_are_another_dataset():
    one = {"key": "a", "etag": "1", "size": 1}
    assert dataset_digest([one]) != dataset_digest([{**one, "etag": "2"}])


def test_keep_says_how_many_windows_a_dataset_has():
    assert kept_windows(5, 3) == [3, 4, 5]
    assert kept_windows(2, 3) == [1, 2]
    assert kept_windows(3, None) == [1, 2, 3]


@pytest.mark.parametrize(
    ("windows", "keep", "left"),
    [
        pytest.param([], None, None, id="none"),
        pytest.param([(2, None), (1, "registered")], None, 2, id="the last"),
        pytest.param([(2, "registered"), (1, None)], None, None, id="contained in the last"),
        pytest.param([(2, "registered"), (1, None)], 1, 1, id="not kept by the last"),
        pytest.param([(2, "refused"), (1, None)], None, 1, id="nobody trained on the last"),
        pytest.param([(3, None), (2, None), (1, "failed")], 2, 3, id="the newest of two"),
        pytest.param([(3, GIVEN_UP), (2, None), (1, None)], 2, 1, id="not in what was given up"),
        pytest.param([(2, GIVEN_UP), (1, None)], None, None, id="in what was given up"),
    ],
)
def test_what_is_left_over(windows, keep, left):
    assert left_over(windows, keep) == left


def test_a_marker_that_is_older_than_an_object_spoke_of_another_drop():
    late = T + timedelta(minutes=1)
    marked = Window(4, 3, T, late, "done", T)
    assert not completeness(marked, QUIET, late).complete
    assert completeness(Window(4, 3, T, late, "done", late), QUIET, late).complete
