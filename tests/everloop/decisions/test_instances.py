"""Which instance of a list is taken, and for how long one that AWS refused is passed over."""

from datetime import timedelta

import pytest

from everloop.decisions.instances import counting, refused_of, take
from everloop.moments import moment
from everloop.records.refusal import Refusal
from everloop.records.shortage import Trouble
from everloop.spec.instances import Choice, of_endpoint, of_job, of_training

NOW = moment("2026-11-20T11:00:00Z")
LONG_AGO = NOW - timedelta(days=30)
BIG, SMALL, TINY = (
    Choice(f"ml.{name}", "endpoint") for name in ("c5.large", "m5.large", "t2.medium")
)
LIST = (BIG, SMALL, TINY)
ZERO = Trouble("quota", "ResourceLimitExceeded", BIG.quota, 0, 1, False)
USED = Trouble("quota", "ResourceLimitExceeded", BIG.quota, 2, 3, True)
NONE = Trouble("capacity", "InsufficientInstanceCapacity")


def refused(*pairs, minutes=0):
    at = NOW - timedelta(minutes=minutes)
    return {choice.quota: Refusal("m", choice.quota, trouble, at) for choice, trouble in pairs}


def test_the_preferred_one_is_taken_where_nothing_was_refused():
    taken = take(LIST, {})
    assert (taken.choice, taken.usable, taken.refused) == (BIG, LIST, ())
    assert taken.facts == {"instance": "ml.c5.large"}


def test_the_next_one_is_taken_and_the_reason_says_what_was_refused():
    taken = take(LIST, refused((BIG, ZERO)))
    assert (taken.choice, taken.usable) == (SMALL, (SMALL, TINY))
    assert "'ml.c5.large for endpoint usage' is 0, and at least 1 is needed" in taken.reason
    assert taken.facts == {"instance": "ml.m5.large", "refused": {BIG.quota: 0}}
    assert take(LIST, refused((BIG, ZERO), (SMALL, NONE))).choice == TINY


@pytest.mark.parametrize(
    ("troubles", "waits"),
    [((ZERO, USED, NONE), SMALL), ((USED, ZERO, ZERO), BIG), ((ZERO, ZERO, ZERO), BIG)],
)
def test_where_all_were_refused_it_waits_for_the_first_that_may_come(troubles, waits):
    taken = take(LIST, refused(*zip(LIST, troubles, strict=True)))
    assert (taken.choice, taken.usable) == (waits, ())


def test_a_refusal_counts_for_an_hour_and_a_quota_of_0_for_a_day():
    def counts(trouble, minutes, pushed=LONG_AGO):
        given = refused((BIG, trouble), minutes=minutes).values()
        return bool(counting(given, NOW, pushed))

    assert [counts(USED, m) for m in (0, 59, 60)] == [True, True, False]
    assert [counts(NONE, m) for m in (0, 59, 60)] == [True, True, False]
    assert [counts(ZERO, m) for m in (0, 1439, 1440)] == [True, True, False]
    assert not counts(ZERO, 10, pushed=NOW - timedelta(minutes=9))


def test_a_quota_names_its_instance_and_no_capacity_means_all_that_were_tried():
    assert refused_of(LIST, [BIG, SMALL], ZERO) == (BIG,)
    assert refused_of(LIST, [BIG, SMALL], NONE) == (BIG, SMALL)
    gone = Trouble("quota", "ResourceLimitExceeded", "endpoint/ml.t2.medium", 0, 1, False)
    assert refused_of(LIST, [BIG], gone) == (TINY,)


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble("throttling", "ThrottlingException"),
        Trouble("internal", "InternalServerError"),
        Trouble("quota", "LimitExceeded"),  # CloudWatch's, of alarms
        Trouble("quota", "ResourceLimitExceeded", "Number of instances across all training jobs"),
    ],
)
def test_what_no_other_instance_would_help_with_refuses_none(trouble):
    assert refused_of(LIST, [BIG], trouble) == ()


def test_training_tries_its_whole_list_on_demand_before_spot():
    spec = {"train": {"instance": ["ml.a.b", "ml.c.d"], "spot": "fallback"}}
    assert [str(choice) for choice in of_training(spec)] == [
        *("ml.a.b", "ml.c.d", "ml.a.b (spot)", "ml.c.d (spot)")
    ]
    spec["train"]["spot"] = True
    assert [choice.quota for choice in of_training(spec)] == [
        "ml.a.b for spot training job usage",
        "ml.c.d for spot training job usage",
    ]


def test_specs_of_before_have_what_they_had():
    old = {"train": {"instance": "ml.m5.large", "spot": False}}
    old["deploy"] = {"production": {"instance": "ml.m5.large"}}
    assert of_training(old) == (Choice("ml.m5.large", "training job"),)
    assert of_endpoint(old, "production") == (Choice("ml.m5.large", "endpoint"),)
    assert of_job(old, "monitor") == (Choice("ml.t3.medium", "processing job"),)
    older = {"train": {"instance": "ml.m5.large"}}
    assert len(of_training(older)) == 1


def test_a_choice_is_read_back_from_its_quota():
    for choice in (*LIST, Choice("ml.m5.large", "spot training job")):
        assert Choice.of(choice.quota) == choice
