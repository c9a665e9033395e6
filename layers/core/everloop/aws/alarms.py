"""Alarms in CloudWatch: put, read by the begin of their names, and deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from everloop.aws.clients import cloudwatch, code_of, translated
from everloop.moments import moment

RINGS, QUIET = "ALARM", "OK"
_AT_ONCE: Final = 100  # DeleteAlarms takes no more


@dataclass(frozen=True)
class Alarm:
    """An alarm as it is now."""

    name: str
    threshold: float
    state: str
    reason: str
    changed_at: datetime
    actions: tuple[str, ...]
    description: str = ""
    tells: bool = True  # its actions are enabled


def put(alarm: Mapping[str, Any]) -> None:
    with translated(f"alarm {alarm['AlarmName']}"):
        cloudwatch().put_metric_alarm(**alarm)


def beginning(prefix: str) -> dict[str, Alarm]:
    """Return the metric alarms whose names begin so, by name."""
    by_name = {}
    with translated(f"alarms {prefix}…"):
        pages = cloudwatch().get_paginator("describe_alarms")
        for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]):
            for each in page["MetricAlarms"]:
                by_name[each["AlarmName"]] = _alarm(each)
    return by_name


def find(name: str) -> Alarm | None:
    """Return a metric alarm; None where there is none of this name."""
    with translated(f"alarm {name}"):
        response = cloudwatch().describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])
    return next((_alarm(each) for each in response["MetricAlarms"]), None)


def _alarm(description: Mapping[str, Any]) -> Alarm:
    return Alarm(
        name=description["AlarmName"],
        threshold=float(description.get("Threshold", 0.0)),
        state=description["StateValue"],
        reason=str(description.get("StateReason") or ""),
        changed_at=moment(description["StateUpdatedTimestamp"]),
        actions=tuple(description.get("AlarmActions") or ()),
        description=str(description.get("AlarmDescription") or ""),
        tells=bool(description["ActionsEnabled"]),
    )


def delete(names: Sequence[str]) -> None:
    """Delete alarms. One that somebody deletes at the same time keeps none of the others."""
    for first in range(0, len(names), _AT_ONCE):
        part = list(names[first : first + _AT_ONCE])
        if not _deleted(part):  # AWS deletes none where one is gone
            for name in part:
                _deleted([name])


def _deleted(names: list[str]) -> bool:
    try:
        with translated("alarms"):
            cloudwatch().delete_alarms(AlarmNames=names)
    except ClientError as error:
        if code_of(error) not in ("ResourceNotFound", "ResourceNotFoundException"):
            raise
        return False
    return True
