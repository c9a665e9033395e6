"""The schedule of a model's monitor, in EventBridge Scheduler."""

import json
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, scheduler, translated
from everloop.aws.settings import settings
from everloop.errors import BadInput


def ensure(model: str, expression: str | None) -> None:
    """Create or update the schedule of a model's monitor; without an expression, remove it."""
    if expression is None:
        remove(model)
        return
    request = _request(model, expression)
    try:
        with translated(f"schedule of {model}"):
            scheduler().update_schedule(**request)
            return
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise _refused(model, expression, error) from error
    try:
        with translated(f"schedule of {model}"):
            scheduler().create_schedule(**request)
    except ClientError as error:
        raise _refused(model, expression, error) from error


def state(model: str) -> str | None:
    """Return ENABLED or DISABLED, as the schedule of a model's monitor is; None without one."""
    try:
        with translated(f"schedule of {model}"):
            schedule = scheduler().get_schedule(GroupName=settings().stack, Name=_name(model))
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


def remove(model: str) -> bool:
    """Remove the schedule of a model's monitor; False where there is none."""
    try:
        with translated(f"schedule of {model}"):
            scheduler().delete_schedule(GroupName=settings().stack, Name=_name(model))
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return False
    return True


def _name(model: str) -> str:
    name = f"{settings().stack}-{model}-monitor"
    if len(name) > 64:
        raise BadInput(f"model: the schedule's name {name!r} is longer than 64 characters")
    return name


def _request(model: str, expression: str) -> dict[str, Any]:
    payload = {"model": model, "scheduled_at": "<aws.scheduler.scheduled-time>"}
    return {
        "GroupName": settings().stack,
        "Name": _name(model),
        "Description": f"Looks at what {model} is sent and answers.",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": settings().monitoring_function,
            "RoleArn": settings().scheduler_role,
            "Input": json.dumps(payload),
            "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 3600},
            "DeadLetterConfig": {"Arn": settings().undelivered_queue},
        },
    }


def _refused(model: str, expression: str, error: ClientError) -> Exception:
    if code_of(error) == "ValidationException":
        return BadInput(f"monitor.schedule: {expression!r} of {model} is refused: {error}")
    return error
