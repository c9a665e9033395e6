"""A version that broke a bar of fairness counts as approved only where somebody waives that."""

import pytest

from everloop.decisions.judgement import REJECTED, judge
from everloop.decisions.waivers import barred, may_waive, reason_in
from everloop.moments import moment
from everloop.records.approval import Approval
from everloop.records.verdict import Verdict

from .test_fairness import NOW, RULES, evaluation, measured

AT = moment("2026-11-20T10:00:00Z")
ROLE = "arn:aws:sts::123456789012:assumed-role/FairnessBoard/ana"


def word(words, status="Approved", by=ROLE):
    return Approval(3, status, AT, by, words, words)


def unfair(*waive_by):
    return Verdict(3, "Rejected", "sex=f", "disparate_impact of sex=f 0.40", waive_by)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("waive: the law asks for it", "the law asks for it"),
        ("  Waive :two\nlines ", "two\nlines"),
        ("waive:", ""),
        ("waive:   ", ""),
        ("I waive: nothing", ""),
        ("waived: no", ""),
        ("", ""),
    ],
)
def test_a_waiver_says_why_after_the_word(words, why):
    assert reason_in(words) == why


@pytest.mark.parametrize(
    ("approval", "verdict", "said"),
    [
        (word("better"), None, ""),
        (word("better"), Verdict(3, "Rejected", "auc 0.5"), ""),
        (word("waive: agreed"), unfair(), ""),
        (word("waive: agreed"), unfair("FairnessBoard"), ""),
        (word("better"), unfair(), "does not waive them"),
        (word(""), unfair(), "--waive 'why'"),
        (None, unfair(), "does not waive them"),
        (word("waive: agreed", "Rejected"), unfair(), "does not waive them"),
        (word("waive: agreed", by="unknown"), unfair("FairnessBoard"), "unknown may not waive"),
        (word("waive: agreed"), unfair("Board", "ana"), "names Board, ana"),
    ],
)
def test_an_approval_of_what_is_unfair_counts_only_with_a_waiver(approval, verdict, said):
    found = barred("loans", approval, verdict)
    assert said in found if said else found == ""


@pytest.mark.parametrize(
    ("who", "names", "may"),
    [
        (ROLE, (), True),
        (ROLE, ("FairnessBoard",), True),
        (ROLE, ("Fairness*",), True),
        (ROLE, ("arn:aws:sts::123456789012:assumed-role/FairnessBoard/*",), True),
        (ROLE, ("arn:aws:sts::999999999999:assumed-role/FairnessBoard/*",), False),
        ("arn:aws:sts::123456789012:assumed-role/Dev/FairnessBoard", ("FairnessBoard",), False),
        ("arn:aws:sts::123456789012:assumed-role/Dev/FairnessBoard", ("Fairness*",), False),
        ("arn:aws:iam::123456789012:user/board/ana", ("ana",), True),
        ("arn:aws:iam::123456789012:user/board/ana", ("board",), False),
        ("ana-maria", ("ana-maria",), True),  # a user profile of Studio
        ("ana-maria", ("ana",), False),
        ("unknown", ("FairnessBoard",), False),
    ],
)
def test_who_may_waive_is_named_by_what_an_administrator_gave(who, names, may):
    assert may_waive(who, names) is may


def test_what_is_unfair_is_said_whatever_else_a_version_is_refused_for():
    report = evaluation(("f", 0.4, 0.3, 0.5))
    lost = {"metric": "auc", "rows": 9, "gain": {"value": -0.1, "low": -0.2, "high": 0.0}}
    found = judge(report, lost, RULES, NOW)
    assert found.verdict == REJECTED
    assert "is needed" in judge(evaluation(("f", 1, 0.9, 1.1)), lost, RULES, NOW).reason
    assert found.unfair.startswith("disparate_impact of sex=f against m 0.40")


def test_a_group_that_loses_against_the_champion_is_said_beside_a_lost_comparison():
    lost = {
        "metric": "auc",
        "rows": 9,
        "gain": {"value": -0.1, "low": -0.2, "high": 0.0},
        "fairness": {
            "candidate": measured(("f", 0.7, 0.5, 0.9)),
            "champion": measured(("f", 0.9, 0.8, 1.0)),
        },
    }
    found = judge(evaluation(("f", 0.7, 0.5, 0.9)), lost, RULES, NOW)
    assert "is needed" in found.reason
    assert "went from the champion's 0.90 to 0.70" in found.unfair
    assert found.unfair in found.reason
    assert found.facts["fairness_compared"]["champion"] == 0.9
