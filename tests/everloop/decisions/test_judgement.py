"""A candidate meets its bars, beats the champion, loses no slice; NaN never wins."""

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everloop.decisions.judgement import APPROVED, ASK, REJECTED, Bar, Freeze, Rules, judge
from everloop.errors import BadInput
from everloop.moments import moment

NOW = moment("2026-11-20T10:00:00Z")
RULES = Rules((Bar("auc", 0.7),), "auc", 0.005, ("carrier",), 0.05, 200, "policy", "policy")


def evaluation(auc=0.8):
    return {"metrics": {"auc": {"value": auc}}}


def comparison(gain=0.03, low=0.02, slices=(), metric="auc"):
    return {
        "metric": metric,
        "rows": 1000,
        "candidate": {"value": 0.74},
        "champion": {"value": 0.71},
        "gain": {"value": gain, "low": low, "high": 0.04, "confidence": 0.95},
        "slices": [
            {"column": "carrier", "value": name, "rows": rows, "gain": {"value": lost}}
            for name, rows, lost in slices
        ],
    }


@pytest.mark.parametrize(
    ("report", "against", "verdict", "said"),
    [
        pytest.param(evaluation(), None, APPROVED, "no champion to beat", id="first"),
        pytest.param(evaluation(0.7), None, APPROVED, "0.7000", id="just at the bar"),
        pytest.param(evaluation(0.69), None, REJECTED, "misses its bar", id="below the bar"),
        pytest.param(evaluation(nan), None, REJECTED, "nan", id="nan misses the bar"),
        pytest.param(evaluation(None), None, REJECTED, "nan", id="null misses the bar"),
        pytest.param(evaluation(), comparison(), APPROVED, "+0.0300", id="better"),
        pytest.param(evaluation(), comparison(low=0.005), REJECTED, "is needed", id="not surely"),
        pytest.param(evaluation(), comparison(low=nan), REJECTED, "nan", id="nan gain"),
        pytest.param(
            evaluation(),
            comparison(slices=[("UA", 999, -0.06)]),
            REJECTED,
            "carrier=UA",
            id="slice",
        ),
        pytest.param(
            evaluation(), comparison(slices=[("UA", 999, nan)]), REJECTED, "nan", id="nan slice"
        ),
        pytest.param(
            evaluation(), comparison(slices=[("OO", 9, -0.6)]), APPROVED, "", id="too small a slice"
        ),
    ],
)
def test_a_candidate_is_judged_by_its_numbers(report, against, verdict, said):
    found = judge(report, against, RULES, NOW)
    assert found.verdict == verdict
    assert said in found.reason


@pytest.mark.parametrize(
    ("rules", "against", "verdict"),
    [
        pytest.param(replace(RULES, by="person"), comparison(), ASK, id="a person decides"),
        pytest.param(replace(RULES, by="two-persons"), comparison(), ASK, id="two persons decide"),
        pytest.param(replace(RULES, first="person"), None, ASK, id="a person on the first"),
        pytest.param(replace(RULES, first="person"), comparison(), APPROVED, id="policy later"),
        pytest.param(
            replace(RULES, by="person"), comparison(low=0), REJECTED, id="nobody is asked"
        ),
        pytest.param(
            replace(RULES, freezes=(Freeze(NOW, NOW.replace(hour=11), "holidays"),)),
            comparison(),
            ASK,
            id="frozen",
        ),
        pytest.param(
            replace(RULES, freezes=(Freeze(NOW.replace(hour=9), NOW),)),
            comparison(),
            APPROVED,
            id="the freeze is over",
        ),
    ],
)
def test_who_decides_is_the_specs_choice(rules, against, verdict):
    assert judge(evaluation(), against, rules, NOW).verdict == verdict


def test_lower_is_better_where_the_bar_says_so():
    rules = replace(RULES, bars=(Bar("rmse", 10.0, higher_is_better=False),))
    assert judge({"metrics": {"rmse": {"value": 9.0}}}, None, rules, NOW).verdict == APPROVED
    assert judge({"metrics": {"rmse": {"value": 11.0}}}, None, rules, NOW).verdict == REJECTED
    assert judge({"metrics": {"rmse": {"value": nan}}}, None, rules, NOW).verdict == REJECTED


@pytest.mark.parametrize(
    ("report", "against", "said"),
    [
        pytest.param({"metrics": {}}, None, "no 'auc' among", id="no such metric"),
        pytest.param({}, None, "evaluation.metrics: None", id="no metrics"),
        pytest.param(evaluation(), comparison(metric="f1"), "comparison.metric", id="other metric"),
        pytest.param(evaluation(), {"metric": "auc"}, "comparison.gain", id="no gain"),
    ],
)
def test_a_report_that_lacks_what_the_spec_asks_for_is_bad_input(report, against, said):
    with pytest.raises(BadInput, match=said):
        judge(report, against, RULES, NOW)


@given(low=st.floats(allow_nan=True, allow_infinity=True), bar=st.floats(0, 1))
def test_nothing_is_approved_whose_gain_is_not_surely_above_the_least(low, bar):
    found = judge(evaluation(), comparison(low=low), replace(RULES, least_gain=bar), NOW)
    assert (found.verdict == APPROVED) == (low > bar)


def test_what_looks_like_a_leak_is_a_warning_and_no_verdict():
    report = {
        **evaluation(),
        "explanations": {"suspects": [{"column": "id", "why": "it names rows"}]},
    }
    verdict = judge(report, None, RULES, NOW)
    assert verdict.verdict == APPROVED
    assert "suspect: id: it names rows" in verdict.reason
    assert verdict.facts["suspects"] == ["suspect: id: it names rows"]
