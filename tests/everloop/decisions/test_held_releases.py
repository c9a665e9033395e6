"""What is new waits for its window; what must leave, and what served before, never does."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.deploy_windows import Closed
from everloop.decisions.emergency import reason_in
from everloop.decisions.releases import overtaking, release_wanted
from everloop.decisions.waivers import reason_in as waived_in
from everloop.records.release import RELEASED

from .test_releases import T, failed, package, serving, staged

CLOSED = Closed("outside of its deploy windows", T + timedelta(days=2))


def released(*versions):
    return [failed(version, RELEASED, at=T) for version in versions]


def emergency(version):
    return replace(package(version), emergency="prices are wrong", approved_at=T)


@pytest.mark.parametrize(
    ("packages", "history", "now", "goes", "waits"),
    [
        pytest.param([package(1)], [], None, None, 1, id="the first"),
        pytest.param([package(2), package(1)], [1], serving(1), None, 2, id="a newer"),
        pytest.param([package(1)], [1], serving(1), None, None, id="nothing is new"),
        pytest.param([package(2, "Rejected"), package(1)], [2, 1], serving(2), 1, None, id="back"),
        pytest.param(
            [package(3), package(2, "Rejected"), package(1)],
            [2, 1],
            serving(2),
            1,
            3,
            id="back, and what is new waits on",
        ),
        pytest.param(
            [package(2), package(1, "Rejected")], [1], serving(1), 2, None, id="nothing else is"
        ),
        pytest.param([package(2), package(1)], [1], None, 1, 2, id="the endpoint was deleted"),
        pytest.param(
            [package(2), package(1)], [1], serving(1, "Failed"), 1, 2, id="the endpoint failed"
        ),
        pytest.param([package(2), package(1)], [1], staged(1), 1, 2, id="staged by hand"),
        pytest.param([package(2), package(1)], [1], serving(1, "Updating"), None, 2, id="it moves"),
        pytest.param([package(1), package(2)], [2], serving(1), None, 2, id="forward again"),
        pytest.param([emergency(2), package(1)], [1], serving(1), 2, None, id="an emergency"),
    ],
)
def test_only_what_is_new_waits_while_it_is_closed(packages, history, now, goes, waits):
    decision = release_wanted(packages, released(*history), now, closed=CLOSED)
    assert (decision.package.version if decision.package else None) == goes
    assert decision.go is (goes is not None)
    assert (decision.waits.package.version if decision.waits else None) == waits
    if decision.waits:
        assert decision.waits.opens == CLOSED.opens
        assert f"version {waits} is approved and waits: outside of its" in decision.reason


def test_an_older_version_that_is_pinned_returns_at_once():
    pinned = replace(package(1), pinned="2026-11-20T10:00:00Z")
    decision = release_wanted([package(2), pinned], released(1, 2), serving(2), closed=CLOSED)
    assert decision.package == pinned
    never_served = release_wanted([package(2), pinned], released(2), serving(2), closed=CLOSED)
    assert never_served.package is None


def test_an_emergency_says_in_spite_of_what_it_is_released():
    decision = release_wanted([emergency(2)], [], None, closed=CLOSED)
    assert decision.spite == CLOSED.reason
    assert decision.reason.endswith("; an emergency: prices are wrong")
    assert decision.facts["in_spite_of"] == CLOSED.reason
    assert release_wanted([emergency(2)], [], None).spite == "", "it need not be one"


def test_an_emergency_is_over_once_it_was_released():
    decision = release_wanted([emergency(2), package(1)], released(2, 1), serving(1), closed=CLOSED)
    assert decision.package is None
    assert decision.waits is not None


def test_a_pause_holds_back_an_emergency_as_well():
    decision = release_wanted([emergency(2)], [], None, paused="paused by ana", closed=CLOSED)
    assert decision.go is False
    assert "paused by ana" in decision.reason


def test_what_returns_goes_on_while_something_new_waits():
    packages, history = [package(3), package(1)], released(1)
    assert overtaking(1, packages, history, CLOSED) is None
    assert overtaking(1, packages, history, None) == packages[0], "the window has opened"
    assert overtaking(3, packages, history, CLOSED) is None, "what has begun goes to its end"
    assert overtaking(1, [emergency(3), package(1)], history, CLOSED) is not None


versions = st.lists(
    st.tuples(st.sampled_from(["Approved", "Rejected"]), st.booleans()), min_size=1, max_size=6
)


@given(versions, st.integers(0, 6))
def test_nothing_new_replaces_what_is_approved_while_it_is_closed(states, live):
    packages = [package(n, state) for n, (state, _) in enumerate(states, 1)]
    history = released(*(n for n, (_, served) in enumerate(states, 1) if served))
    now = serving(live) if 0 < live <= len(states) else None
    decision = release_wanted(packages, history, now, closed=CLOSED)
    if decision.package is None:
        return
    new = decision.package.version not in {release.version for release in history}
    withdrawn = now is not None and packages[live - 1].approval != "Approved"
    assert not new or withdrawn


@pytest.mark.parametrize(
    ("words", "emergency", "waiver"),
    [
        ("emergency: prices are wrong", "prices are wrong", ""),
        (" Emergency :now\nplease", "now\nplease", ""),
        ("emergency: waive: FAIR-12", "FAIR-12", "FAIR-12"),
        ("waive: emergency: FAIR-12", "FAIR-12", "FAIR-12"),
        ("emergency:", "", ""),
        ("no emergency: all is well", "", ""),
        ("", "", ""),
    ],
)
def test_an_emergency_says_why_after_the_word(words, emergency, waiver):
    assert (reason_in(words), waived_in(words)) == (emergency, waiver)
