"""What a model cost: each hour once, in its month, and what has no price is named."""

from datetime import timedelta

import pytest

from everloop.billing import jobs
from everloop.billing.months import month
from everloop.billing.prices import Prices
from everloop.moments import moment, text
from everloop.records.config import ServingConfig
from everloop.records.run import REGISTERED, RUNNING, Run
from everloop.views.spent import SHARES, spent
from everloop.views.timeline import timeline

T, HOUR = moment("2026-11-10T00:00:00Z"), timedelta(hours=1)
NOW = moment("2026-11-20T00:00:00Z")
PRICES = Prices("us-east-1", "2026-11", "USD", {"a hour": 1.0, "b hour": 10.0})
FLEET = {"hourly": {"a hour": 2.0}, "form": "realtime"}


def of(*decisions, runs=(), when="2026-11", now=NOW):
    made = [
        {"seq": n, "time": text(T + hours * HOUR), "kind": kind, "go": go, "reason": "", **facts}
        for n, (hours, kind, go, facts) in enumerate(decisions)
    ]
    return spent("m", timeline(made), runs, month(when, now), PRICES)


def step(hours, kind, go=True, **facts):
    return hours, kind, go, {"facts": facts}


def release(began, tested, ended, version=1, **facts):
    return [
        step(began, "release", version=version),
        step(tested, "test", hourly={"b hour": 1.0}, **facts),
        step(ended, "serve", serving=version, **FLEET),
    ]


def run(name="m-w1-0123abcd", ended=T, outcome=REGISTERED, used=None):
    return Run(name, "d", "b", "data", T - HOUR, outcome, ended, used=used)


def test_a_model_that_serves_is_counted_until_now():
    found = of(*release(0, 1, 3))
    assert found.releases == 3 * 10 + 2 * 2  # staging, and the fleet that comes
    assert found.serving == (240 - 3) * 2
    assert found.together == found.releases + found.serving
    assert found.unpriced == []


def test_the_next_release_ends_what_served_and_no_hour_counts_twice():
    found = of(*release(0, 1, 3), *release(100, 101, 102, version=2))
    assert found.serving == (240 - 3) * 2
    assert found.releases == (3 * 10 + 2 * 2) + (2 * 10 + 1 * 2)


def test_staging_that_is_kept_is_counted_until_the_next_release():
    found = of(*release(0, 1, 3, kept=True), *release(100, 101, 102, version=2, kept=True))
    assert found.releases == 240 * 10 + 2 * 2 + 1 * 2


def test_a_release_that_failed_leaves_what_served():
    failed = [
        step(100, "release"),
        step(101, "test", go=False, hourly={"b hour": 1.0}),
        step(102, "rollback", go=False, serving=1, **FLEET),
    ]
    found = of(*release(0, 1, 3), *failed)
    assert found.serving == (240 - 3) * 2
    assert found.releases == 3 * 10 + 2 * 2 + 2 * 10


def test_what_was_removed_serves_no_longer():
    found = of(*release(0, 1, 3), step(10, "remove", go=False), step(13, "remove"))
    assert found.serving == 10 * 2


def test_a_release_under_way_has_its_staging():
    found = of(*release(0, 1, 3)[:2])
    assert (found.releases, found.serving) == (2400, 0)


@pytest.mark.parametrize(
    ("when", "hours"), [("2026-10", 0), ("2026-11", 21 * 24 - 3), ("2026-12", 48), ("2027-01", 0)]
)
def test_a_month_has_its_own_hours(when, hours):
    assert of(*release(0, 1, 3), when=when, now=moment("2026-12-03T00:00:00Z")).serving == 2 * hours


def test_jobs_are_counted_in_the_month_in_which_they_were_judged():
    used = {"a hour": 0.5}
    decisions = [
        step(1, "judge", used=used),
        step(2, "monitor", used=used),
        step(3, "monitor", go=False, used=used),
        step(4, "score", used=used),
        step(24 * 21, "monitor", used=used),  # the first of December
    ]
    found = of(*decisions, now=moment("2026-12-02T00:00:00Z"), runs=[run(used={"b hour": 1.0})])
    assert [getattr(found, name) for name in SHARES] == [10, 0.5, 0, 0, 1.0, 0.5]
    assert (found.versions, found.each) == (1, 10.5)


def test_what_has_no_price_or_no_hours_is_named_and_not_guessed():
    found = of(
        step(1, "monitor", used={"z hour": 0.25, "a hour": 1.0}),
        step(2, "monitor", findings_uri="s3://b/k"),
        step(3, "monitor", go=False, silent_since="x"),  # no job ran
        step(4, "serve", serving=1),
        runs=[run("one"), run("two", None, RUNNING)],
    )
    assert (found.looks, found.trainings, found.serving) == (1.0, 0, 0)
    assert "0.25 of 'z hour': it has no price in us-east-1" in found.unpriced
    said = " ".join(found.unpriced)
    assert "looks without hours in the ledger" in said and "trainings under way" in said
    assert "jobs could not be read when they ended: 1" in said and "without a fleet" in said


def test_requests_of_a_serverless_endpoint_are_named():
    found = of(step(1, "serve", serving=1, form="serverless", hourly={}))
    assert found.together == 0 and "requests are not counted" in found.unpriced[0]


def variant(**more):
    return ServingConfig("c", {"ProductionVariants": [more]}, "m", {})


def test_a_fleet_says_what_it_uses_in_an_hour():
    one = variant(InstanceType="a", InitialInstanceCount=2)
    assert one.hourly() == {"a hour": 2.0}
    assert one.hourly("b", 5) == {"b hour": 5.0}
    warm = {"MemorySizeInMB": 2048, "MaxConcurrency": 5, "ProvisionedConcurrency": 3}
    assert variant(ServerlessConfig=warm).hourly() == {"serverless provisioned GB hour": 6.0}
    assert variant(ServerlessConfig={**warm, "ProvisionedConcurrency": 0}).hourly() == {}


def test_jobs_are_billed_from_their_start_to_their_end():
    ran = {"on": {"InstanceType": "a", "InstanceCount": 2}, "from": 0, "until": 1_800_000}
    assert jobs.used([ran, ran]) == {"a hour": 2.0}
    assert jobs.used(None) == jobs.used([{}, "x", {**ran, "until": None}]) == {}


@pytest.mark.parametrize(
    ("cause", "used"),
    [
        (
            '{"ProcessingResources": {"ClusterConfig": {"InstanceType": "a", "InstanceCount": 1}},'
            ' "ProcessingStartTime": 0, "ProcessingEndTime": 3600000}',
            {"a hour": 1.0},
        ),
        (
            '{"TransformResources": {"InstanceType": "a", "InstanceCount": 3},'
            ' "TransformStartTime": 0, "TransformEndTime": 3600000}',
            {"a hour": 3.0},
        ),
        ('{"ProcessingStartTime": 0}', {}),
        ("[]", {}),
        ("the role may not", {}),
    ],
)
def test_a_job_that_failed_is_billed_too(cause, used):
    assert jobs.used([], {"Error": "States.TaskFailed", "Cause": cause}) == used
