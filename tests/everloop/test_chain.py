"""The chain of decisions shows what was changed, left out or put in another order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.chain import GENESIS, Entry, linked, settled, verify

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def chain(facts):
    made, previous = [], GENESIS
    for seq, fact in enumerate(facts, 1):
        entry = Entry(f"judge:{seq}", "m", "2026-11-20T10:00:00.000Z", "judge", True, "r", fact)
        made.append(linked(entry, seq, previous))
        previous = made[-1]["hash"]
    return made


@given(st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=4))
def test_a_chain_holds_after_any_store(facts):
    assert verify(json.loads(json.dumps(chain(facts)))) == []


def test_a_changed_decision_is_found():
    decisions = chain([{}, {}, {}])
    decisions[1] = {**decisions[1], "reason": "another"}
    assert verify(decisions) == ["decision 2 was changed after it was written"]


def test_a_missing_decision_is_found():
    first, _, third = chain([{}, {}, {}])
    assert "decision 2 is missing" in verify([first, third])[0]


def test_a_decision_that_was_written_anew_breaks_the_next():
    decisions = chain([{}, {"a": 1}, {}])
    decisions[1] = chain([{}, {"a": 2}])[1]
    assert verify(decisions) == ["decision 3 does not follow the one before it"]


def test_numbers_are_one_number_and_nan_is_none():
    assert settled({"a": 1.0, "b": [float("nan"), 0.5], "c": float("inf")}) == {
        "a": 1,
        "b": [None, 0.5],
        "c": None,
    }


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'gues' is no kind"):
        Entry("x", "m", "t", "gues", True, "r")
