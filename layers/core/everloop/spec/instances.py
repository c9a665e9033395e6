"""What a model's jobs and endpoints may run on: one instance type, or an ordered list of fallbacks.

AWS has lists of its own (`InstancePreferences` of jobs, `InstancePools` of variants). Of a job it
checks the quota of every type in the list, and refuses the whole job where one falls short, so they
are no way around a quota of 0: docs/aws.md has the sources.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from everloop.pipelines.needs import ENDPOINT, PROCESSING, SPOT, TRAINING, TRANSFORM, quota

Spec = Mapping[str, Any]
Instances = str | tuple[str, ...]

MOST: Final = 5  # of AWS's own lists
FALLBACK: Final = "fallback"  # of [train] spot: where on-demand is refused
# What a new account has quotas for comes last, so that one that has more uses what is better.
PREPARE: Final = "ml.t3.large"
EVALUATE: Final = "ml.t3.large"
MONITOR: Final = "ml.t3.medium"
TRAIN: Final = "ml.m5.large"
SERVE: Final = ("ml.m5.large", "ml.t2.medium")
SCORE_STEP: Final = "score"  # no section: [evaluate] names what its transform job runs on
SCORE: Final = "ml.m5.large"  # a transform job takes no ml.t…
_JOBS: Final = {"prepare": PREPARE, "evaluate": EVALUATE, "monitor": MONITOR}
_NAME = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")


@dataclass(frozen=True)
class Choice:
    """An instance type and what it is used for: what one quota counts."""

    instance: str
    use: str

    @property
    def quota(self) -> str:
        return quota(self.instance, self.use)

    @classmethod
    def of(cls, quota: str) -> "Choice":
        """Return what a quota counts, by its name."""
        instance, _, use = quota.partition(" for ")
        return cls(instance, use.removesuffix(" usage"))

    @property
    def spot(self) -> bool:
        return self.use == SPOT

    def __str__(self) -> str:
        return f"{self.instance} (spot)" if self.spot else self.instance


def checked(value: Any) -> Instances:
    """Return what a model.toml names as instances. Raises ValueError."""
    if isinstance(value, str):
        _check(value)
        return value
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(
            "give a SageMaker instance type, e.g. 'ml.m5.large', or a list of them, the preferred "
            "one first"
        )
    for each in value:
        _check(each)
    if len(value) > MOST:
        raise ValueError(f"a list has at most {MOST} instance types")
    if len(set(value)) < len(value):
        raise ValueError("a list names each instance type once")
    return tuple(value)


def _check(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("give a SageMaker instance type, e.g. 'ml.m5.large'")


def plain(value: Instances) -> str | list[str]:
    """Return what a key names as the ledger keeps it."""
    return value if isinstance(value, str) else list(value)


def listed(value: str | Sequence[str]) -> tuple[str, ...]:
    """Return the instance types of a key, the preferred one first; specs of before have one."""
    return (value,) if isinstance(value, str) else tuple(value)


def first(value: str | Sequence[str]) -> str:
    return listed(value)[0]


def of_job(spec: Spec, section: str) -> tuple[Choice, ...]:
    """Return what a processing job may run on; specs of before have defaults."""
    named = (spec.get(section) or {}).get("instance") or _JOBS[section]
    return tuple(Choice(instance, PROCESSING) for instance in listed(named))


def of_training(spec: Spec) -> tuple[Choice, ...]:
    """Return what training may run on: on demand, on spot capacity, or one behind the other."""
    section = spec["train"]
    instances, spot = listed(section["instance"]), section.get("spot", False)
    uses = {True: (SPOT,), FALLBACK: (TRAINING, SPOT)}.get(spot, (TRAINING,))
    return tuple(Choice(instance, use) for use in uses for instance in instances)


def of_pipeline(spec: Spec) -> dict[str, tuple[Choice, ...]]:
    """Return what each step of the default pipeline may run on, by the section that names it."""
    made = {"train": of_training(spec)}
    if not spec["train"].get("in_one_job"):
        made |= {section: of_job(spec, section) for section in ("prepare", "evaluate")}
    if spec["evaluate"].get("by") == "transform":
        made[SCORE_STEP] = of_transform(spec)
    return made


def of_comparison(spec: Spec) -> list[tuple[Choice, ...]]:
    """Return what each job may run on that compares a version with one like it."""
    scores = [of_transform(spec)] if spec["evaluate"].get("by") == "transform" else []
    return [*scores, of_job(spec, "evaluate")]


def of_transform(spec: Spec) -> tuple[Choice, ...]:
    """Return what a transform job may run on, in which the serving container scores rows."""
    named = spec["evaluate"].get("transform_instance") or SCORE
    return tuple(Choice(instance, TRANSFORM) for instance in listed(named))


def of_batch(spec: Spec) -> tuple[Choice, ...]:
    """Return what the transform jobs run on that score what comes."""
    named = (spec["deploy"].get("batch") or {}).get("instance") or SCORE
    return tuple(Choice(instance, TRANSFORM) for instance in listed(named))


def of_endpoint(spec: Spec, stage: str) -> tuple[Choice, ...]:
    """Return what `production` or `staging` may run on; nothing where AWS chooses."""
    if spec["deploy"].get("serverless"):
        return ()
    named = spec["deploy"][stage]["instance"]
    return tuple(Choice(instance, ENDPOINT) for instance in listed(named))
