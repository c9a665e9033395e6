"""What a rule can call: how an event reaches each kind of target."""

import json
from typing import Any

from everloop_localcloud.delivery.attempts import Delivery, Undeliverable
from everloop_localcloud.delivery.calls import Letter, Sender, call_arn
from everloop_localcloud.events.transformer import body, select
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError, validation

PRINCIPAL = "events.amazonaws.com"
_NEEDS_ROLE = ("states", "sagemaker", "events")
_KINDS = {
    "lambda": "function",
    "sqs": "",
    "sns": "",
    "states": "stateMachine",
    "sagemaker": "pipeline/",
    "events": "event-bus/",
    "logs": "log-group",
}
_UNSUPPORTED = (
    "KinesisParameters",
    "RunCommandParameters",
    "EcsParameters",
    "BatchParameters",
    "HttpParameters",
    "RedshiftDataParameters",
    "AppSyncParameters",
)


def check(target: dict[str, Any]) -> None:
    """Refuse what AWS refuses, and by name what this cloud cannot call. Raises AwsError."""
    name, arn = target["Id"], target["Arn"]
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        raise validation(
            f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        )
    for parameters in _UNSUPPORTED:
        if parameters in target:
            raise AwsError(
                "NotImplemented",
                f"the local cloud does not honour {parameters} (target {name})",
                501,
            )
    if parts[2] not in _KINDS or not parts[5].startswith(_KINDS[parts[2]]):
        raise AwsError(
            "NotImplemented", f"the local cloud cannot call {arn} from a rule (target {name})", 501
        )
    if parts[2] in _NEEDS_ROLE and not target.get("RoleArn"):
        raise validation(f"RoleArn is required for target {arn}.")
    fifo = parts[2] == "sqs" and arn.endswith(".fifo")
    if fifo and not (target.get("SqsParameters") or {}).get("MessageGroupId"):
        raise validation(f"Parameter(s) MessageGroupId must be specified for target: {name}.")
    dead = (target.get("DeadLetterConfig") or {}).get("Arn")
    if dead and (dead.split(":")[2:3] != ["sqs"] or dead.endswith(".fifo")):
        raise validation(f"Dead-letter queue {dead} of target {name} is not a standard SQS queue.")
    policy = target.get("RetryPolicy") or {}
    for member, low, high in (
        ("MaximumRetryAttempts", 0, 185),
        ("MaximumEventAgeInSeconds", 60, 86_400),
    ):
        value = policy.get(member)
        if value is not None and not low <= value <= high:
            raise validation(
                f"{member} is {value} for target {name}; it must be between {low} and {high}."
            )


def hand_over(cloud: Account, delivery: Delivery) -> None:
    """Call the target of a delivery. Raises AwsError or Undeliverable."""
    target, event = delivery["target"], delivery["event"]
    arn, role = target["Arn"], target.get("RoleArn")
    text = body(target, event, delivery["owner"], delivery["ingested"])
    if text is None:
        raise Undeliverable("INVALID_JSON", "the filled input template is not valid JSON")
    service = arn.split(":")[2]
    if service == "events":
        _forward(cloud, arn, event)
    elif service == "logs":
        _log(cloud, arn, text, delivery)
    else:
        letter = Letter(
            text,
            id=delivery["id"],
            name=f"{event['id']}_{delivery['id']}"[:80],
            group=(target.get("SqsParameters") or {}).get("MessageGroupId"),
            parameters=_parameters(target, event) if service == "sagemaker" else [],
        )
        # Queues, topics and functions ask their own policies; the others ask the target's role.
        own = Sender(None, PRINCIPAL, delivery["owner"])
        call_arn(cloud, arn, letter, Sender(role) if service in _NEEDS_ROLE else own)


def _parameters(target: dict[str, Any], event: dict[str, Any]) -> list[dict[str, Any]]:
    given = (target.get("SageMakerPipelineParameters") or {}).get("PipelineParameterList") or []
    parameters = []
    for one in given:
        value = one["Value"]
        if value.startswith("$."):
            found = select(event, value)
            value = found if isinstance(found, str) else json.dumps(found, default=lambda _: "")
        parameters.append({"Name": one["Name"], "Value": value})
    return parameters


def _forward(cloud: Account, arn: str, event: dict[str, Any]) -> None:
    name = arn.partition("event-bus/")[2]
    cloud.call("events", "DescribeEventBus", {"Name": name})
    cloud.apis["events"].publish(event, bus=name)


def _log(cloud: Account, arn: str, text: str, delivery: Delivery) -> None:
    group = arn.split(":")[6]
    stream = delivery["id"]
    try:
        request = {"logGroupName": group, "logStreamName": stream}
        cloud.call("logs", "CreateLogStream", request)
    except AwsError as error:
        if error.code != "ResourceAlreadyExistsException":
            raise
    stamped = int(delivery["ingested"].timestamp() * 1000)
    entry = {"timestamp": stamped, "message": text}
    cloud.call(
        "logs",
        "PutLogEvents",
        {"logGroupName": group, "logStreamName": stream, "logEvents": [entry]},
    )
