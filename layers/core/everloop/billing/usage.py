"""What a stack and its models use of AWS, counted in the items of prices.json. Pure.

Tests hold alarms to the template, ticks' calls to those that reconcile makes, and states to a loop
on the laptop. Times of jobs and functions, and the calls of other functions, are assumed: small
models, counted upwards, and every look finds traffic. Instances are nearly all of a bill.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from everloop.decisions.monitoring import longest_pause
from everloop.pipelines.rollouts import Fleet, serving_alarms
from everloop.spec import forms, instances, policy, several_hosts

Used = Mapping[str, float]

MONTH = timedelta(days=30)
_HOURS = MONTH / timedelta(hours=1)

ALARM_METRICS = 49  # of the stack's alarms, without a model
STATES = {"train": 8, "evaluate": 5, "monitor": 4, "deploy": 13}  # entered from start to end
_BATCH_STATES = 12  # of a batch that waits once until its objects are quiet
_TICK = timedelta(minutes=5)  # ReconcileMinutes, as the template has it
# Lambda asks a queue that it reads with five long polls of 20 s at least, whatever comes.
# https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
_POLLS = 5 * MONTH / timedelta(seconds=20)


@dataclass(frozen=True)
class Tick:
    """What one run of reconcile uses: `calls` by item, and how long it runs with how much."""

    seconds: float
    gigabytes: float
    calls: Used


# Of a stack without a model, and besides for each model that serves.
TICK = Tick(1.5, 1.0, {"ledger read unit": 2, "ledger write unit": 1, "S3 write or list": 2})
TICK_OF_A_MODEL = Tick(
    0.5, 1.0, {"ledger read unit": 21, "ledger write unit": 1, "S3 write or list": 1}
)
_JOB = timedelta(minutes=5)  # a small job, with what AWS bills of its start
_LOOK = timedelta(minutes=2)
_STAGING = timedelta(minutes=15)  # an endpoint's start, and its tests
# A function's run in a machine, with what it asks S3 and the ledger.
_CALL = {
    "Lambda request": 1,
    "Lambda GB-second, x86_64": 3,
    "ledger read unit": 10,
    "ledger write unit": 10,
    "S3 write or list": 4,
    "S3 read": 10,
    "log GB": 0.00001,
}


def total(*parts: Used) -> dict[str, float]:
    whole: Counter[str] = Counter()
    for part in parts:
        for name, amount in part.items():
            whole[name] += amount  # type: ignore[assignment]  # a Counter of floats
    return dict(whole)


def times(amount: float, used: Used) -> dict[str, float]:
    return {name: amount * each for name, each in used.items()}


def idle() -> dict[str, float]:
    """Return what a stack without a model uses in a month."""
    return total(
        {
            "alarm metric, a month": ALARM_METRICS,
            "KMS key, a month": 1,  # MaskingKey, of which tokens are made
            "dashboard, a month": 1,
            "SQS request": _POLLS,
        },
        times(MONTH / _TICK, {"Lambda request": 1, **_of(TICK)}),
    )


def served(spec: policy.Spec, *, most: bool = True) -> dict[str, float]:
    """Return what a model that serves uses in a month, without its looks and trainings.

    Of one whose instances follow its load, with the most of them, or else with the least.
    """
    if not forms.of(spec).has_endpoint:  # what it scores is nobody's to foresee
        return total(times(MONTH / _TICK, _of(TICK_OF_A_MODEL)))
    deploy = policy.deploy(spec)
    production = deploy.largest
    if deploy.scale is not None and not most:
        production = replace(production, instances=deploy.scale.least)
    fleets = [production, *([deploy.staging] if deploy.keep_staging else [])]
    return total(
        {"alarm metric, a month": 2} if deploy.scale else {},  # by which AWS scales
        *(_fleet(fleet, MONTH) for fleet in fleets),
        # Each has one metric. Those of a release are gone with it.
        {"alarm metric, a month": len(serving_alarms("stack", "model", deploy.alarms, "function"))},
        times(MONTH / _TICK, _of(TICK_OF_A_MODEL)),
    )


def looks_a_month(spec: policy.Spec) -> float:
    if policy.unwatched(spec):
        return 0.0
    pause = longest_pause(policy.watch(spec).schedule)
    return MONTH / pause if pause else 1


def look(spec: policy.Spec) -> dict[str, float]:
    """Return what one look of a model's monitor uses."""
    return total(
        _job(instances.of_job(spec, "monitor")[0].instance, _LOOK),
        times(3, _CALL),
        {"state transition": STATES["monitor"], "S3 write or list": 20, "S3 read": 20},
    )


def loop(spec: policy.Spec, objects: int = 10) -> dict[str, float]:
    """Return what one loop uses: from a drop to production, against a model that serves.

    Jobs are small ones. Staging runs while it starts and is tested. While the canary is out, both
    fleets of production run.
    """
    deploy = policy.deploy(spec)
    return total(
        *(
            _training(spec, choices[0].instance)
            if section == "train"
            else _job(choices[0].instance, _JOB)
            for section, choices in instances.of_pipeline(spec).items()
        ),
        # against the champion
        *(_job(choices[0].instance, _JOB) for choices in instances.of_comparison(spec)),
        _fleet(deploy.staging, _STAGING),
        _fleet(deploy.production, rollout(spec)),
        {"state transition": sum(STATES.values()) - STATES["monitor"]},
        times(14, _CALL),
        {"S3 event": objects, "S3 write or list": 60 + objects, "S3 read": 100 + objects},
    )


def _training(spec: policy.Spec, instance: str) -> dict[str, float]:
    """Return what the trainings of a version use: machines, and how long they are kept warm."""
    kept = timedelta(minutes=spec["train"].get("keep_warm_minutes") or 0)
    machines = several_hosts.count(spec)
    return total(
        times(_trials(spec), _endpoint(instance, machines, _JOB)),
        _endpoint(instance, machines, kept),
    )


def _trials(spec: policy.Spec) -> int:
    """Return how many trainings a new version takes."""
    tune = spec.get("tune")
    if not tune:
        return 1
    if tune["strategy"] == "grid":
        return math.prod(len(values) for values in tune["ranges"].values())
    return int(tune["trials"])


def batch(spec: policy.Spec) -> dict[str, float]:
    """Return what one batch uses of a model without an endpoint, whose jobs are small ones."""
    prepares, scores = instances.of_job(spec, "prepare")[0], instances.of_batch(spec)[0]
    return total(
        times(2, _job(prepares.instance, _JOB)),
        _endpoint(scores.instance, policy.batch(spec).instances, _JOB),
        times(4, _CALL),
        {"state transition": _BATCH_STATES, "S3 write or list": 20, "S3 read": 20},
    )


def rollout(spec: policy.Spec) -> timedelta:
    """Return how long two fleets of production run side by side, with the new one's start."""
    return timedelta(seconds=policy.deploy(spec).steps.longest_seconds) + _JOB


def _of(tick: Tick) -> dict[str, float]:
    return {"Lambda GB-second, x86_64": tick.seconds * tick.gigabytes, **tick.calls}


def _job(instance: str, time: timedelta) -> dict[str, float]:
    return _endpoint(instance, 1, time)


def _endpoint(instance: str, count: int, time: timedelta) -> dict[str, float]:
    return {f"{instance} hour": count * time / timedelta(hours=1)}


def _fleet(fleet: Fleet, time: timedelta) -> dict[str, float]:
    """Return what a fleet uses in a time, whatever it is asked.

    A serverless one uses nothing but what is provisioned; its requests depend on who asks.
    """
    if fleet.serverless is None:
        return _endpoint(fleet.instance_type, fleet.instances, time)
    gigabytes = fleet.serverless["MemorySizeInMB"] / 1024
    provisioned = fleet.serverless.get("ProvisionedConcurrency", 0) * gigabytes
    hours = provisioned * (time / timedelta(hours=1))
    return {"serverless provisioned GB hour": hours} if hours else {}
