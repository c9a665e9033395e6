"""Parts of a prediction sum to it, are what theory says, and cost no more rows than allowed."""

from itertools import permutations
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop_cli.shapley import TooMany, parts

NAMES = "abcdefghij"


def model(weights, pairs=()):
    """Return what answers coalitions by a sum of columns and of pairs of them, and its calls."""
    calls = []

    def answer(coalition):
        alone = sum(weights[name] for name in coalition)
        return 1.0 + alone + sum(w for pair, w in pairs if set(pair) <= coalition)

    def ask(coalitions):
        calls.append(len(coalitions))
        return [answer(coalition) for coalition in coalitions]

    return ask, calls


weights = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=10)
twos = st.lists(
    st.tuples(st.lists(st.sampled_from(NAMES), min_size=2, max_size=2), st.floats(-100, 100)),
    max_size=5,
)


@given(weights, twos, st.integers(40, 300))
def test_the_parts_sum_to_the_answer_minus_the_base(values, pairs, most):
    own = dict(zip(NAMES, values, strict=False))
    ask, calls = model(own, pairs)
    found = parts(list(own), ask, most)
    assert sum(found.values.values()) == pytest.approx(found.answer - found.base, abs=1e-6)
    assert sum(calls) == found.rows <= most


@pytest.mark.parametrize("most", [4096, 100], ids=["all", "drawn"])
def test_of_a_sum_each_column_adds_its_own_term(most):
    own = {name: float(at) for at, name in enumerate(NAMES)}
    found = parts(list(NAMES), model(own)[0], most)
    assert found.exact is (most == 4096)
    assert found.values == pytest.approx(own)
    assert all(error == pytest.approx(0) for error in found.errors.values())


def test_all_combinations_give_the_mean_over_all_orders():
    own, pairs = {"a": 1.0, "b": -2.0, "c": 0.5, "d": 3.0}, [("ab", 4.0), ("bcd"[:2], -1.0)]
    ask, _ = model(own, pairs)
    found = parts(list(own), ask, 16)
    assert found.exact

    def gain(order, name):
        before = frozenset(order[: order.index(name)])
        return ask([before | {name}])[0] - ask([before])[0]

    by_hand = {name: fmean(gain(order, name) for order in permutations(own)) for name in own}
    assert found.values == pytest.approx(by_hand)


def test_what_is_drawn_says_how_sure_it_is():
    pairs = [(("a", "b"), 8.0), (("c", "j"), -4.0)]
    found = parts(list(NAMES), model(dict.fromkeys(NAMES, 0.0), pairs)[0], 200)
    true = {**dict.fromkeys(NAMES, 0.0), "a": 4.0, "b": 4.0, "c": -2.0, "j": -2.0}
    for name in NAMES:
        error = found.errors[name]
        assert error is not None
        assert abs(found.values[name] - true[name]) <= 4 * error + 1e-9


def test_columns_that_so_few_rows_cannot_tell_apart_are_refused():
    names = [f"c{n}" for n in range(100)]
    ask, calls = model(dict.fromkeys(names, 1.0))
    with pytest.raises(TooMany, match="100 columns take 200 rows"):
        parts(names, ask, 199)
    assert not calls
    assert parts(names, ask, 200).errors["c1"] is None, "two orders say nothing of their spread"


def test_a_row_that_is_the_base_has_no_parts():
    found = parts([], lambda asked: [2.0] * len(asked), 10)
    assert (found.base, found.answer, found.rows) == (2.0, 2.0, 1)
