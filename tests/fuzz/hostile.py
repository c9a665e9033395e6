"""What an enemy, or a bug, may put where something else belongs."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

TEXTS = st.one_of(
    st.sampled_from(
        [
            *("", " ", "x", "null", "-1", "0", "true", "NaN", "../../etc/passwd", "/etc/passwd"),
            *("a" * 300, "a" * 3000, "%00", "\u0000", "ü€\U0001f600", "e\u0301", "\u202e", "\r\n"),
            *("${AWS::AccountId}", "{% $x %}", "{{x}}", "'; DROP TABLE x; --", "<script>", "$(id)"),
            *("arn:aws:iam::999999999999:role/r", "arn:::::", "s3://", "s3://b", "s3://b/k"),
            *("2026-13-45T99:99:99Z", "2026-11-20", "1e999", "9" * 400, "0001-01-01T00:00:00Z"),
            *("data/flight-delays/a.csv", "data//a", "data/../x", "models/../../x/bundle.tar.gz"),
        ]
    ),
    st.text(max_size=60),
)
NUMBERS = st.one_of(
    st.integers(-3, 20),
    st.sampled_from([2**31, 2**53 + 1, 2**63, -(2**63), 10**30, 10**400]),
    st.floats(),
)
WRONG: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    TEXTS,
    st.sampled_from([[], {}, [None], {"": None}, [[[]]], {"x": {"y": [1]}}, [1, "a", None]]),
    st.recursive(
        st.one_of(st.none(), TEXTS, NUMBERS),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=5,
    ),
)
EXTRA = st.dictionaries(
    st.text(min_size=1, max_size=10).map(lambda name: f"x-{name}"), WRONG, min_size=1, max_size=3
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every member of a JSON value."""
    found = []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += [(*path, key), *places(inner, (*path, key))]
    return found


@st.composite
def mutated(draw: Any, bases: st.SearchStrategy[Any]) -> Any:
    """Return a JSON value with one to three members removed, replaced, nested, or added."""
    value = deepcopy(draw(bases))
    for _ in range(draw(st.integers(1, 3))):
        there = places(value)
        if not there:
            return value
        *parents, last = draw(st.sampled_from(there))
        holder = value
        for key in parents:
            holder = holder[key]
        how = draw(st.sampled_from(["remove", "replace", "replace", "replace", "nest", "rename"]))
        if how == "remove":
            del holder[last]
        elif how == "nest":
            holder[last] = draw(st.sampled_from([[holder[last]], {"x": holder[last]}]))
        elif how == "rename" and isinstance(holder, dict):
            holder[draw(TEXTS)] = holder.pop(last)
        else:
            holder[last] = deepcopy(draw(WRONG))
    return value


@st.composite
def extended(draw: Any, bases: st.SearchStrategy[Any]) -> Any:
    """Return a JSON value with members that nobody knows, at its top and in its detail."""
    value = deepcopy(draw(bases))
    value.update(draw(EXTRA))
    if isinstance(value.get("detail"), dict):
        value["detail"].update(draw(EXTRA))
    return value


def as_delivered(value: Any) -> Any:
    """Return what Lambda's runtime makes of a value: JSON, there and back."""
    return json.loads(json.dumps(value))
