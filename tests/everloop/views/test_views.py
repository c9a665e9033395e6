"""What people are shown: each decision with what it means, versions, runs, what needs attention."""

from datetime import timedelta

import pytest

from everloop.decisions.releases import Package, Serving
from everloop.moments import moment
from everloop.notices import UNANSWERED
from everloop.records.approval import Approval
from everloop.records.incident import Incident
from everloop.records.release import Release
from everloop.records.run import Run
from everloop.records.seal import Seal
from everloop.records.shortage import Shortage, Trouble
from everloop.views import attention, look, model, release, run, timeline, version
from everloop.views.version import RegisteredVersion

M, T = "m", moment("2026-11-20T10:00:00Z")
ARN = "arn:aws:sagemaker:eu-west-1:1:model-package/m/2"


def decision(kind, go, facts=None, seq=1, reason="why", subject=ARN):
    return {
        "seq": seq,
        "time": "2026-11-20T10:00:00.000Z",
        "kind": kind,
        "go": go,
        "reason": reason,
        "facts": facts or {},
        "subject": subject,
        "actor": "me",
    }


@pytest.mark.parametrize(
    ("kind", "go", "facts", "outcome"),
    [
        ("install", False, {}, "bad"),
        ("freeze", True, {}, "good"),
        ("train", True, {}, "info"),
        ("train", False, {"later": True}, "waiting"),
        ("train", False, {"trained_with": 2}, "info"),
        ("train-end", True, {"outcome": "registered"}, "good"),
        ("train-end", False, {"outcome": "below-bars"}, "bad"),
        ("train-end", False, {"outcome": "waiting"}, "waiting"),
        ("train-end", False, {"outcome": "stopped"}, "info"),
        ("judge", True, {"verdict": "approved"}, "good"),
        ("judge", False, {"verdict": "ask"}, "waiting"),
        ("judge", False, {"verdict": "rejected"}, "bad"),
        ("judge", False, {"verdict": "unjudged"}, "bad"),
        ("approve", True, {"approval": "Approved"}, "good"),
        ("approve", False, {"approval": "Rejected"}, "bad"),
        ("approve", False, {"approval": "PendingManualApproval"}, "waiting"),
        ("rollback", False, {"outcome": "rolled-back"}, "bad"),
        ("rollback", False, {"outcome": "withdrawn"}, "info"),
        ("monitor", True, {"judged": 3, "violations": 1}, "bad"),
        ("monitor", False, {"judged": 3, "blind": []}, "good"),
        ("monitor", False, {"judged": 3, "blind": ["data"]}, "bad"),
        ("monitor", False, {"judged": 0, "blind": []}, "info"),
        ("monitor", False, {"silent_since": "2026-11-19T10:00:00Z"}, "bad"),
        ("reconcile", True, {}, "info"),
        ("reconcile", False, {}, "bad"),
        ("what is unknown yet", True, {}, "info"),
    ],
)
def test_a_decision_says_whether_it_is_good_news(kind, go, facts, outcome):
    assert timeline.outcome_of(decision(kind, go, facts)) == outcome


def test_a_decision_of_before_without_facts_is_shown_too():
    bare = {**decision("judge", False), "facts": None, "actor": None}
    (shown,) = timeline.timeline([bare])
    assert (shown.version, shown.facts, shown.actor) == (2, {}, "")


def test_a_version_is_told_by_the_registry_and_by_its_seal_where_that_is_gone():
    decided = timeline.timeline(
        [
            decision(
                "train-end",
                True,
                {"package_arn": ARN, "instances": {"train": "ml.m5.large (spot)"}},
            ),
            decision("judge", True, {"verdict": "approved"}),
            decision("test", True, {"version": 2, "tests": [{"test": "latency", "passed": True}]}),
            decision(
                "serve",
                True,
                {
                    "version": 2,
                    "from_version": 1,
                    "outcome": "released",
                    "instances": ["ml.m5.large", "ml.t2.medium"],
                },
            ),
            decision("serve", True, {"version": 3, "from_version": 2}, subject=""),
        ]
    )
    package = RegisteredVersion(ARN, "Approved", {"cause": "data", "everloop-pin": "p"})
    shown = version.version(2, package, None, None, decided)
    assert (shown.made_of, shown.pinned) == ({"cause": "data"}, "p")
    assert shown.decided_by.by == "policy"
    assert shown.instances == {
        "train": "ml.m5.large (spot)",
        "production": "ml.m5.large, ml.t2.medium",
    }
    assert [(s.outcome, s.replaced, s.by) for s in shown.service] == [
        ("released", 1, None),
        ("replaced", None, 3),
    ]
    assert [(test.test, test.passed) for test in shown.tests] == [("latency", True)]
    seal = Seal(2, ARN, "c", "s3://a", "s3://b", "d", "s3://c", "e", metadata={"cause": "data"})
    word = Approval(2, "Approved", T, "arn:me", "", "")
    kept = version.version(2, None, seal, word, [])
    assert (kept.registered, kept.approval, kept.made_of) == (False, "deleted", {"cause": "data"})
    assert (kept.decided_by.by, kept.decided_by.words) == ("arn:me", "no words given")
    assert version.version(9, None, None, None, decided) is None


def test_runs_and_releases_come_the_newest_first_with_what_they_mean():
    later = T + timedelta(hours=1)
    shown = run.runs(
        [
            Run("m-w1-00000001", "d", "b", "data", T, "registered", later),
            Run("m-w2-00000002", "d", "b", "data", later, "waiting"),
        ]
    )
    assert [(r.window, r.outcome, r.took) for r in shown] == [
        (2, "waiting", None),
        (1, "good", timedelta(hours=1)),
    ]
    failed = Release(2, 2, "rolled-back", "5xx", T, later, 1)
    released = Release(1, 1, "released", "it serves", T, T)
    shown = release.releases([released, failed])
    assert [(r.version, r.outcome, r.given_up) for r in shown] == [
        (2, "bad", True),
        (1, "good", False),
    ]


def test_a_look_names_its_page():
    facts = {"monitors": ["data"], "rows": 40, "findings_uri": "s3://b/l/findings.json"}
    decided = timeline.timeline([decision("monitor", True, facts), decision("train", True)])
    (shown,) = look.looks(decided)
    assert (shown.outcome, shown.monitors, shown.rows) == ("bad", ("data",), 40)
    assert shown.report == "s3://b/l/report.html"


def test_a_model_at_a_glance():
    serving = Serving("m", "InService", "m-v1-00000000", 1)
    newest = Package(M, 2, ARN, "Completed", "PendingManualApproval", T)
    going = Run("m-w2-00000002", "d", "b", "data", T, "running")
    (last,) = timeline.timeline([decision("train", True)])
    steps = [("Prepare", "Succeeded"), ("Train", "Executing")]
    shown = model.model(M, [newest], serving, going, last, steps=steps)
    assert (shown.serves, shown.newest, shown.approval) == (1, 2, "PendingManualApproval")
    assert (shown.approval_outcome, shown.run.window, shown.last.kind) == ("waiting", 2, "train")
    assert [step.status for step in shown.steps] == ["Succeeded", "Executing"]
    bare = model.model(M, [], None, None, None)
    assert (bare.endpoint, bare.run, bare.approval_outcome) == ("none", None, "info")


def test_the_run_that_is_under_way_is_shown_before_a_newer_one_that_has_ended():
    old = Run("m-w1-00000001", "d", "b", "data", T, "waiting")
    new = Run("m-w2-00000002", "d", "b", "data", T + timedelta(hours=1), "registered")
    assert model.under_way([old, new]) == old
    assert model.under_way([new]) == new
    assert model.under_way([]) is None


def test_what_nothing_answers_needs_attention_and_what_mends_itself_does_not():
    found = Incident("violation/data", "violation", "f", T, "a violation", "psi", ("see:", "  do"))
    (answered,) = attention.incidents(M, [found])
    assert (answered.wrong, answered.fix) == (False, "do")
    none = Incident(UNANSWERED, "violation", "f", T, "", "")
    (alone,) = attention.incidents(M, [found, none])
    assert alone.wrong
    lacked = Trouble("quota", "ResourceLimitExceeded", "q", 0, 1)
    waits = Shortage(M, "judgement#2", ARN, lacked, T, T, 1, T)
    held = Shortage(M, "training", "1", lacked, T, T, 1, None)
    first, second = attention.waits(M, [waits, held])
    assert first.outcome == "waiting"
    assert first.fix.startswith("aws service-quotas list-service-quotas")
    assert "judgement of version 2" in first.found
    assert (second.outcome, second.fix) == ("bad", "everloop resume m")


def test_a_release_that_is_given_up_needs_attention_until_it_is_approved_again():
    failed = Release(1, 2, "rolled-back", "5xx", T, T)
    found = attention.given_up(M, [(2, "Approved")], [failed], {})
    assert "version 2 is approved, and its release was given up: 5xx" in found.found
    again = Approval(2, "Approved", T + timedelta(hours=1), "me", "", "")
    assert attention.given_up(M, [(2, "Approved")], [failed], {2: again}) is None
    assert attention.given_up(M, [(2, "Rejected")], [failed], {}) is None


def test_data_that_nothing_is_trained_on_says_why():
    trained = timeline.timeline([decision("train-end", True), decision("train", False)])
    assert (
        "lets data alone train nothing" in attention.untrained(M, 3, ["violation"], trained).found
    )
    assert "3 objects wait" in attention.untrained(M, 3, ["data"], trained).found
    assert attention.untrained(M, 0, ["data"], trained) is None
