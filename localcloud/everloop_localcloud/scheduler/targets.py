"""What a schedule can call: templated targets by their ARN, and any API of the cloud."""

import json
import re
from datetime import datetime
from typing import Any

from botocore.utils import parse_timestamp

from everloop_localcloud.delivery.attempts import Delivery
from everloop_localcloud.delivery.calls import Letter, Sender, call_arn
from everloop_localcloud.kernel import surrogates, wire
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError, validation

_UNIVERSAL = re.compile(r"arn:aws:scheduler:::aws-sdk:([a-z0-9-]+):([A-Za-z0-9]+)")
# Names that Scheduler has from the SDK for Java, where boto3 has others.
_SERVICES = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
_KINDS = ("lambda", "sqs", "sns", "states", "events", "sagemaker")
_NEEDS_JSON = ("lambda", "states", "events")
_UNSUPPORTED = (
    "EcsParameters",
    "KinesisParameters",
    "EventBridgePutEventsV2Parameters",
    "EventBridgePutRawEventsParameters",
)


def check(target: dict[str, Any]) -> None:
    """Refuse what AWS refuses, and by name what this cloud cannot call. Raises AwsError."""
    arn = target["Arn"]
    for member in _UNSUPPORTED:
        if member in target:
            raise AwsError("NotImplemented", f"the local cloud does not honour {member}", 501)
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        raise validation(f"Provided Arn {arn} is not in correct format.")
    if not re.fullmatch(r"arn:aws[\w-]*:iam::[0-9]{12}:role/.+", target["RoleArn"]):
        raise validation(f"Provided RoleArn {target['RoleArn']} is not in correct format.")
    universal = _UNIVERSAL.fullmatch(arn)
    if universal:
        _operation(universal[1], universal[2])
    elif parts[2] not in _KINDS:
        raise AwsError("NotImplemented", f"the local cloud cannot call {arn} from a schedule", 501)
    text = target.get("Input")
    if text and (universal or parts[2] in _NEEDS_JSON):
        try:
            surrogates.loads(text)
        except ValueError as error:
            raise validation("Invalid Input: it is not valid JSON.") from error
    if parts[2] == "events" and not target.get("EventBridgeParameters"):
        raise validation("EventBridgeParameters is required for EventBridge targets.")
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    if parts[2] == "sqs" and arn.endswith(".fifo") and not group:
        raise validation("MessageGroupId must be specified for a FIFO queue.")
    dead = (target.get("DeadLetterConfig") or {}).get("Arn") or ""
    if dead.endswith(".fifo"):
        raise validation(f"Dead-letter queue {dead} is not a standard queue.")


def _operation(service: str, action: str) -> tuple[str, str]:
    name = _SERVICES.get(service, service)
    operation = action[0].upper() + action[1:]
    try:
        known = wire.service_model(name).operation_names
    except Exception as error:
        raise validation(f"Service {service} is not supported for universal targets.") from error
    if operation not in known:
        raise validation(f"{action} is not an API action of {service}.")
    return name, operation


def filled(delivery: Delivery) -> str:
    """Return the input with Scheduler's context attributes in it."""
    values = {
        "schedule-arn": delivery["owner"],
        "scheduled-time": delivery["scheduled"],
        "execution-id": delivery["id"],
        "attempt-number": str(delivery["attempts"] + 1),
    }
    text = delivery["target"].get("Input") or ""
    for name, value in values.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return str(text)


def is_running(cloud: Account, delivery: Delivery) -> bool:
    """Whether a Lambda that took a run has not ended it yet; of other targets nobody knows."""
    arn = delivery["target"]["Arn"]
    if arn.split(":")[2] != "lambda":
        return False
    return bool(cloud.apis["lambda"].runs(arn, (filled(delivery) or "{}").encode()))


def hand_over(cloud: Account, delivery: Delivery) -> None:
    """Call the target of one run. Raises AwsError."""
    target = delivery["target"]
    arn, text = target["Arn"], filled(delivery)
    role = target["RoleArn"]

    universal = _UNIVERSAL.fullmatch(arn)
    if universal:
        service, operation = _operation(universal[1], universal[2])
        shape = wire.service_model(service).operation_model(operation).input_shape
        given = json.loads(text or "{}")
        request = _fitted(shape, given) if shape is not None else {}
        cloud.call(service, operation, request, role_arn=role)
        return
    service = arn.split(":")[2]
    if service == "events":
        entry = {"Detail": text or "{}", "EventBusName": arn, **target["EventBridgeParameters"]}
        results = cloud.call("events", "PutEvents", {"Entries": [entry]}, role_arn=role)
        if results["FailedEntryCount"]:
            failed = results["Entries"][0]
            raise AwsError(failed["ErrorCode"], failed["ErrorMessage"])
        return
    parameters = (target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList")
    letter = Letter(
        text or ("{}" if service in _NEEDS_JSON else " "),
        id=delivery["id"],
        name=delivery["id"],
        group=(target.get("SqsParameters") or {}).get("MessageGroupId"),
        parameters=parameters or [],
    )
    call_arn(cloud, arn, letter, Sender(role))


def _fitted(shape: Any, value: Any) -> Any:
    """Turn JSON into an operation's parameters: members in any casing, times and blobs as text."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        names = {name.lower(): name for name in shape.members}
        fitted = {}
        for key, item in value.items():
            name = names.get(key.lower())
            if name is None:
                raise validation(f"{key} is not a parameter of {shape.name}.")
            fitted[name] = _fitted(shape.members[name], item)
        return fitted
    if kind == "list" and isinstance(value, list):
        return [_fitted(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _fitted(shape.value, item) for key, item in value.items()}
    if kind == "timestamp" and not isinstance(value, datetime):
        return parse_timestamp(value)
    if kind == "blob" and isinstance(value, str):
        return value.encode()
    if kind == "string" and isinstance(value, dict | list):
        return json.dumps(value)
    return value
