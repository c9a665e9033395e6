"""The chain of decisions shows what was changed, left out or put in another order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.chain import GENESIS, Anchor, Entry, anchor_of, linked, settled, verify

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


# Against the head, and against what was anchored elsewhere


def chained(count=4):
    decisions, previous = [], GENESIS
    for seq in range(1, count + 1):
        entry = Entry(f"id{seq}", "m", "2026-11-20T10:00:00Z", "train", True, f"reason {seq}")
        decisions.append(linked(entry, seq, previous))
        previous = decisions[-1]["hash"]
    return decisions


def head_of(decisions):
    return {"seq": decisions[-1]["seq"], "hash": decisions[-1]["hash"]}


def test_a_whole_chain_is_what_its_head_and_its_anchors_say():
    found = chained()
    anchors = [Anchor("m", each["seq"], each["hash"], "2026-11-20T10:00:00Z") for each in found]
    assert verify(found, head_of(found), anchors) == []


@pytest.mark.parametrize(("left", "gone"), [(3, "decision 4"), (1, "decisions 2 to 4")])
def test_the_newest_decisions_deleted_are_missed_by_the_head(left, gone):
    found = chained()
    assert verify(found[:left], head_of(found)) == [
        f"{gone} at the end are missing: the chain's head names decision 4"
    ]


def test_all_of_them_deleted_are_missed_too():
    assert "decisions 1 to 4 at the end are missing" in verify([], head_of(chained()))[0]


def test_a_head_that_was_set_back_is_found_by_an_anchor():
    found = chained()
    anchor = Anchor("m", 4, found[3]["hash"], "2026-11-20T10:00:00Z")
    (told,) = verify(found[:3], head_of(found[:3]), [anchor])
    assert told.endswith("the anchor of 2026-11-20T10:00:00Z names decision 4")


def test_a_chain_that_was_written_anew_is_not_the_one_that_was_anchored():
    found = chained()
    anchor = Anchor("m", 2, "f" * 64)
    (told,) = verify(found, head_of(found), [anchor])
    assert told.startswith("decision 2 is not the one that the anchor of before names")


def test_what_was_decided_since_the_head_was_read_is_no_fault():
    found = chained()
    assert verify(found, head_of(found[:3])) == []


def test_an_anchors_key_says_all_of_it():
    anchor = Anchor("m", 12, "a" * 64, "2026-11-20T10:00:00Z")
    assert anchor_of(anchor.key, anchor.time) == anchor
    assert anchor_of("chains/m/12.json", "") is None
