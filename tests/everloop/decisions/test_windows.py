"""When a drop is complete, and what a dataset is made of."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.objects import ListedVersion
from everloop.decisions.windows import (
    GIVEN_UP,
    chosen,
    completeness,
    dataset_digest,
    kept_windows,
    left_over,
    manifest,
)
from everloop.moments import moment
from everloop.records.arrival import Arrival
from everloop.records.window import Window

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


def listed(found):
    """Return what S3 lists of these arrivals: the last one of each key is its latest version."""
    versions = {}
    for a in reversed(found):
        of_key = versions.setdefault(a.key, [])
        of_key.append(ListedVersion(a.key, a.version_id, not of_key, T, False, a.etag, a.size))
    return versions


def frozen(found, by_s3=None):
    numbers = sorted(found)
    everything = by_s3 or listed([a for number in numbers for a in found[number]])
    return manifest("m", "b", numbers, chosen(found, everything, {}), T)


@given(found=arrivals, order=st.randoms())
def test_a_dataset_does_not_depend_on_the_order_of_arrivals(found, order):
    shuffled = list(found)
    order.shuffle(shuffled)
    assert frozen({1: found}, listed(found)) == frozen({1: shuffled}, listed(found))


@given(found=arrivals)
def test_the_same_bytes_uploaded_again_are_the_same_dataset(found):
    first = frozen({1: found})
    kept = {(entry["key"], entry["version_id"]) for entry in first["objects"]}
    again = [
        arrival(a.key, a.version_id + "x", "FFFFF", a.arrived_at, a.etag, a.size)
        for a in found
        if (a.key, a.version_id) in kept
    ]
    assert frozen({1: found, 2: again})["digest"] == first["digest"]
    assert len({entry["key"] for entry in first["objects"]}) == len(first["objects"])


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
