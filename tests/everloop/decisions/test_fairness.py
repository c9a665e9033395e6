"""What is surely beyond a bar is refused; where it may be chance, a person decides."""

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.fairness import FairBar, keeps_treatment, treats_alike
from everloop.decisions.judgement import APPROVED, ASK, REJECTED, Rules, judge
from everloop.moments import moment

NOW = moment("2026-11-20T10:00:00Z")
IMPACT = FairBar("disparate_impact", 0.8, ratio=True)
GAP = FairBar("equal_opportunity_difference", 0.1, ratio=False)
RULES = Rules((), "auc", 0.0, (), 0.05, 200, "policy", "policy", fairness=(IMPACT,))


def measured(*values, measure="disparate_impact", small=()):
    """Return what evaluation.json says; values are (group, value, low, high)."""
    groups = [
        {
            "value": name,
            "rows": 100,
            "measures": {measure: {"value": value, "low": low, "high": high}},
        }
        for name, value, low, high in values
    ]
    column = {
        "column": "sex",
        "reference": {"value": "m", "rows": 200},
        "groups": groups,
        "too_small": [{"value": name, "rows": rows} for name, rows in small],
    }
    return {"columns": [column]}


def evaluation(*values, **more):
    return {"metrics": {"auc": {"value": 0.8}}, "fairness": measured(*values, **more)}


@pytest.mark.parametrize(
    ("report", "verdict", "said"),
    [
        (evaluation(("f", 0.95, 0.85, 1.1)), APPROVED, "1 values of fairness within their bars"),
        (
            evaluation(("f", 0.4, 0.3, 0.5)),
            REJECTED,
            "sex=f against m 0.40 (0.30 to 0.50, at least",
        ),
        (evaluation(("f", 2.5, 2.0, 3.1)), REJECTED, "2.50 (2.00 to 3.10"),  # the other way
        (evaluation(("f", 0.7, 0.5, 0.9)), ASK, "it may be chance"),
        (evaluation(("f", None, None, None)), ASK, "not defined on 100 rows"),
        (evaluation(("f", nan, nan, nan)), ASK, "not defined"),
        (evaluation(small=[("f", 3)]), ASK, "too few rows to judge sex=f (3 rows)"),
        (
            evaluation(("f", 1.0, 0.9, 1.1), small=[("x", 3)]),
            APPROVED,
            "too few rows to judge sex=x (3 rows)",
        ),
        ({"metrics": {"auc": {"value": 0.8}}}, ASK, "the evaluation says nothing of fairness"),
        (evaluation(("f", 0.7, 0.5, 0.9), ("x", 0.3, 0.1, 0.5)), REJECTED, "sex=x against m 0.30"),
    ],
)
def test_the_first_version_is_judged_by_its_treatment(report, verdict, said):
    found = judge(report, None, RULES, NOW)
    assert found.verdict == verdict
    assert said in found.reason


def test_a_model_without_bars_is_judged_as_before():
    found = judge(evaluation(("f", 0.1, 0.1, 0.1)), None, replace(RULES, fairness=()), NOW)
    assert (found.verdict, "fairness" in found.facts) == (APPROVED, False)


@given(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_difference_counts_either_way(value, below, above):
    def verdict(value, low, high):
        found = measured(("f", value, low, high), measure=GAP.measure)
        return treats_alike({"fairness": found}, [GAP]).verdict

    there = verdict(value, value - below, value + above)
    assert there == verdict(-value, -value - above, -value + below)
    assert (there == "fair") == (abs(value) <= 0.1)


@pytest.mark.parametrize(
    ("champion", "candidate", "unfair"),
    [
        pytest.param(0.05, 0.3, True, id="much worse, and beyond the bar"),
        pytest.param(0.0, 0.09, False, id="worse within the bar"),
        pytest.param(0.14, 0.16, False, id="hardly worse"),
        pytest.param(0.3, 0.12, False, id="better"),
        pytest.param(-0.3, 0.2, False, id="better the other way"),
    ],
)
def test_no_group_may_be_treated_much_worse_than_by_the_champion(champion, candidate, unfair):
    both = {
        side: measured(("f", value, value - 0.2, value + 0.2), measure=GAP.measure)
        for side, value in (("candidate", candidate), ("champion", champion))
    }
    found = keeps_treatment({"fairness": both}, [GAP], 0.05)
    assert (found.verdict == "unfair") is unfair
    if unfair:
        assert "sex=f went from the champion's 0.05 to 0.30" in found.reason
