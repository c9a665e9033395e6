"""What S3 shows of a key, and what the ledger makes of it."""

from datetime import timedelta

import pytest

from everloop.decisions.objects import REPLACED, Deletion, ListedVersion, newest_first, settled
from everloop.decisions.windows import chosen
from everloop.moments import moment
from everloop.records.arrival import Arrival
from everloop.records.object_state import PRESENT, SET_ASIDE, WITHDRAWN, ObjectState

T = moment("2026-11-20T10:00:00Z")
KEY = "data/m/a.csv"


def version(name, age=0, latest=False):
    return ListedVersion(KEY, name, latest, T - timedelta(minutes=age), False, f"etag of {name}", 9)


def marker(name, age=0, latest=False):
    return ListedVersion(KEY, name, latest, T - timedelta(minutes=age), marker=True)


def came(*names, window=1):
    return {window: [Arrival(KEY, name, f"etag of {name}", 9, "", T) for name in names]}


def state(name, what, by="", marker=""):
    return ObjectState(KEY, name, what, "said so", T, by, marker)


def pick(arrivals, listed, *states):
    found = chosen(arrivals, {KEY: listed} if listed else {}, {each.id: each for each in states})
    kept = [arrival.version_id for arrival, _ in found.kept]
    return kept, {each.arrival.version_id: each.state for each in found.left_out}


@pytest.mark.parametrize(
    ("arrivals", "listed", "states", "kept", "left_out"),
    [
        pytest.param(came("v1"), [version("v1", latest=True)], [], ["v1"], {}, id="there"),
        pytest.param(
            came("v1"),
            [version("v1", 5), marker("d", latest=True)],
            [],
            [],
            {"v1": WITHDRAWN},
            id="deleted",
        ),
        pytest.param(
            came("v1"),
            [version("v1", 9), marker("d", 5), version("v2", latest=True)],
            [],
            [],
            {"v1": WITHDRAWN},
            id="deleted, and something else came since that the window has not",
        ),
        pytest.param(
            came("v1", "v2"),
            [version("v1", 9), marker("d", 5), version("v2", latest=True)],
            [],
            ["v2"],
            {"v1": WITHDRAWN},
            id="deleted, and dropped again",
        ),
        pytest.param(
            came("v1"),
            [version("v1"), marker("d")],
            [],
            [],
            {"v1": WITHDRAWN},
            id="in the same second: what may have been deleted is not trained on",
        ),
        pytest.param(came("v1"), [], [], [], {"v1": WITHDRAWN}, id="gone for good, with its key"),
        pytest.param(
            came("v1"),
            [version("v2", latest=True)],
            [],
            [],
            {"v1": REPLACED},
            id="an old version that a lifecycle rule took",
        ),
        pytest.param(
            came("v1", "v2"),
            [version("v1", 5, latest=True)],
            [],
            ["v1"],
            {"v2": WITHDRAWN},
            id="the newest version deleted for good: S3 shows the one before",
        ),
        pytest.param(
            came("v1", "v2"),
            [version("v1", 9), version("v2", latest=True)],
            [state("v2", SET_ASIDE)],
            [],
            {"v2": SET_ASIDE},
            id="set aside: what it replaced does not come back",
        ),
        pytest.param(
            came("v1"),
            [version("v1", latest=True)],
            [state("v1", WITHDRAWN)],
            [],
            {"v1": WITHDRAWN},
            id="withdrawn by the ledger's memory, though S3 has it",
        ),
        pytest.param(
            came("v1"),
            [version("v1", latest=True)],
            [state("v1", PRESENT)],
            ["v1"],
            {},
            id="brought back",
        ),
    ],
)
def test_a_dataset_has_what_is_still_there(arrivals, listed, states, kept, left_out):
    assert pick(arrivals, listed, *states) == (kept, left_out)


def test_versions_and_markers_that_s3_lists_apart_are_sorted_as_it_orders_them():
    found = [version("v2", 1), version("v1", 9), marker("d2", 0, latest=True), marker("d1", 5)]
    assert [each.version_id for each in newest_first(found)] == ["d2", "v2", "d1", "v1"]


def told(name, *, by="123456789012", marker=False, expired=False, words=""):
    return Deletion(name, marker, expired, by, T, words)


def changes(listed, *states, **more):
    known = {each.id: each for each in states}
    found = settled(KEY, listed, known, T, **more)
    return {each.version_id: (each.state, each.by) for each in found}


DELETED = [version("v1", 5), marker("d", latest=True)]


def test_who_deleted_it_is_who_s3_says_it_was():
    found = changes(DELETED, deletion=told("d", marker=True))
    assert found == {"v1": (WITHDRAWN, "123456789012")}


def test_a_deletion_that_nobody_told_of_is_nobodys():
    assert changes(DELETED) == {"v1": (WITHDRAWN, "")}


def test_the_event_that_comes_late_says_who_it_was_and_comes_but_once():
    unnamed = state("v1", WITHDRAWN, marker="d")
    assert changes(DELETED, unnamed, deletion=told("d", marker=True)) == {
        "v1": (WITHDRAWN, "123456789012")
    }
    named = settled(KEY, DELETED, {}, T, deletion=told("d", marker=True))
    assert changes(DELETED, *named, deletion=told("d", marker=True)) == {}
    assert changes(DELETED, *named) == {}


def test_a_persons_name_is_taken_from_our_command_only_and_an_event_does_not_take_it_back():
    named = settled(KEY, DELETED, {}, T, deletion=told("d", marker=True))
    ours = told("d", by="arn:aws:iam::1:user/ana", marker=True, words="asked to be forgotten")
    (person,) = settled(KEY, DELETED, {each.id: each for each in named}, T, deletion=ours)
    assert (person.by, "asked to be forgotten" in person.reason) == (
        "arn:aws:iam::1:user/ana",
        True,
    )
    assert changes(DELETED, person, deletion=told("d", marker=True)) == {}
    assert settled(KEY, DELETED, {person.id: person}, T, deletion=ours) == []


def test_the_expiry_of_an_old_version_is_no_withdrawal():
    listed = [version("v2", latest=True)]
    expired = told("v1", by="s3.amazonaws.com", expired=True)
    assert changes(listed, deletion=expired, seen=True) == {}


def test_a_version_that_somebody_deleted_for_good_is_withdrawn():
    listed = [version("v2", latest=True)]
    assert changes(listed, deletion=told("v1"), seen=True) == {"v1": (WITHDRAWN, "123456789012")}
    assert changes(listed, deletion=told("v1"), seen=False) == {}  # a marker's own, or a stranger's


def test_a_delete_marker_that_is_taken_away_brings_back_what_it_hid():
    listed = [version("v1", latest=True)]
    assert changes(listed, state("v1", WITHDRAWN), deletion=told("d")) == {
        "v1": (PRESENT, "123456789012")
    }


def test_what_was_set_aside_and_is_deleted_is_withdrawn():
    assert changes(DELETED, state("v1", SET_ASIDE)) == {"v1": (WITHDRAWN, "")}
