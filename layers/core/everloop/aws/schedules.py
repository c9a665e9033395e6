"""A model's schedules, in EventBridge Scheduler: of its monitor, and of its training."""

import json
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from everloop.aws import functions
from everloop.aws.clients import code_of, scheduler, translated
from everloop.aws.settings import settings
from everloop.errors import BadInput


@dataclass(frozen=True)
class Kind:
    """A schedule that a model may have: the end of its name, its section's key, what it calls."""

    name: str
    key: str
    function: str
    description: str
    what: str  # is done by it


MONITOR: Final = Kind(
    "monitor",
    "monitor.schedule",
    "plan-monitoring",
    "Looks at what {model} is sent and answers.",
    "monitor",
)
TRAIN: Final = Kind("train", "retrain.schedule", "request-training", "Trains {model}.", "training")
SCORE: Final = Kind(
    "score", "deploy.batch.schedule", "score-data", "Scores what came for {model}.", "scoring"
)
KINDS: Final = (MONITOR, TRAIN, SCORE)


def ensure(model: str, kind: Kind, expression: str | None) -> None:
    """Create or update a model's schedule; without an expression, remove it."""
    if expression is None:
        remove(model, kind)
        return
    request = _request(model, kind, expression)
    try:
        with translated(f"schedule of {model}"):
            scheduler().update_schedule(**request)
            return
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise _refused(model, kind, expression, error) from error
    try:
        with translated(f"schedule of {model}"):
            try:
                scheduler().create_schedule(**request)
            except scheduler().exceptions.ConflictException:  # a push and a repair at once
                scheduler().update_schedule(**request)
    except ClientError as error:
        raise _refused(model, kind, expression, error) from error


def state(model: str, kind: Kind) -> str | None:
    """Return ENABLED or DISABLED, as a model's schedule is; None without one."""
    try:
        with translated(f"schedule of {model}"):
            schedule = scheduler().get_schedule(GroupName=settings().stack, Name=_name(model, kind))
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
    return schedule["State"]


def states() -> dict[str, str]:
    """Return ENABLED or DISABLED of every schedule of the stack, by name."""
    group = settings().stack
    with translated(f"schedules of {group}"):
        pages = scheduler().get_paginator("list_schedules").paginate(GroupName=group)
        return {
            schedule["Name"]: schedule["State"] for page in pages for schedule in page["Schedules"]
        }


def remove(model: str, kind: Kind) -> bool:
    """Remove a model's schedule; False where there is none."""
    try:
        with translated(f"schedule of {model}"):
            scheduler().delete_schedule(GroupName=settings().stack, Name=_name(model, kind))
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return False
    return True


def _name(model: str, kind: Kind) -> str:
    name = f"{settings().stack}-{model}-{kind.name}"
    if len(name) > 64:
        raise BadInput(f"model: the schedule's name {name!r} is longer than 64 characters")
    return name


def _request(model: str, kind: Kind, expression: str) -> dict[str, Any]:
    payload = {"model": model, "scheduled_at": "<aws.scheduler.scheduled-time>"}
    return {
        "GroupName": settings().stack,
        "Name": _name(model, kind),
        "Description": kind.description.format(model=model),
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": functions.arn(kind.function),
            "RoleArn": settings().scheduler_role,
            "Input": json.dumps(payload),
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
            "DeadLetterConfig": {"Arn": settings().undelivered_queue},
        },
    }


def _refused(model: str, kind: Kind, expression: str, error: ClientError) -> Exception:
    if code_of(error) == "ValidationException":
        return BadInput(f"{kind.key}: {expression!r} of {model} is refused: {error}")
    return error
