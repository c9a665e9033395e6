"""Attributes of a queue: names, ranges, defaults."""

import json
import re
from typing import Any

from everloop_localcloud.kernel.errors import AwsError

MAX_MESSAGE_BYTES = 1_048_576

_RANGES = {
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES = {
    "FifoQueue": ("true", "false"),
    "ContentBasedDeduplication": ("true", "false"),
    "SqsManagedSseEnabled": ("true", "false"),
    "DeduplicationScope": ("messageGroup", "queue"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_FIFO_ONLY = (
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
)
_TEXTS = ("Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId")
DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": str(MAX_MESSAGE_BYTES),
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "VisibilityTimeout": "30",
    "SqsManagedSseEnabled": "true",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
}


def _invalid(name: str, reason: str = "") -> AwsError:
    tail = f" Reason: {reason}" if reason else ""
    return AwsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.{tail}")


def checked(attributes: dict[str, str], *, fifo: bool) -> dict[str, str]:
    """Return the attributes as they are stored. Raises AwsError naming the wrong one."""
    for name, value in attributes.items():
        if name in _RANGES:
            low, high = _RANGES[name]
            if not re.fullmatch(r"[0-9]+", value) or not low <= int(value) <= high:
                raise _invalid(name)
        elif name in _CHOICES:
            if value not in _CHOICES[name]:
                raise _invalid(name)
            if name in _FIFO_ONLY and not fifo:
                raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
        elif name not in _TEXTS:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
    if attributes.get("FifoQueue") == "false":
        raise _invalid("FifoQueue")
    for name in ("Policy", "RedrivePolicy", "RedriveAllowPolicy"):
        if attributes.get(name):
            _object(name, attributes[name])
    if attributes.get("RedrivePolicy"):
        redrive_of(attributes["RedrivePolicy"])
    return attributes


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _invalid(name)
    return value


def redrive_of(text: str) -> tuple[str, int]:
    """Return a redrive policy's target ARN and maximum receive count. Raises AwsError."""
    policy = _object("RedrivePolicy", text)
    if set(policy) != {"deadLetterTargetArn", "maxReceiveCount"}:
        reason = "Redrive policy must have deadLetterTargetArn and maxReceiveCount, nothing else."
        raise AwsError(
            "InvalidParameterValue",
            f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}",
        )
    count = str(policy["maxReceiveCount"])
    if not re.fullmatch(r"[0-9]+", count) or not 1 <= int(count) <= 1000:
        reason = "Invalid value for maxReceiveCount: it must be between 1 and 1000."
        raise AwsError(
            "InvalidParameterValue",
            f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}",
        )
    return str(policy["deadLetterTargetArn"]), int(count)
