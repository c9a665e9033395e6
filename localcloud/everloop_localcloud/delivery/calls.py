"""The one way to call an ARN: of rules, schedules, queues, alarms, topics and functions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.policies import allows

Request = dict[str, Any]


@dataclass(frozen=True)
class Sender:
    """As whom an ARN is called: as a role, or as a service of AWS on behalf of its resource.

    On behalf of a `source`, the policy of the queue, topic or function must allow the service.
    """

    role: str | None = None
    principal: str | None = None
    source: str = ""


@dataclass(frozen=True)
class Letter:
    """What is sent. `id` is the same for each attempt; `name` is that of an execution."""

    text: str
    id: str = ""
    name: str = ""
    subject: str | None = None
    group: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    parameters: list[dict[str, Any]] = field(default_factory=list)


def call_arn(cloud: Account, arn: str, letter: Letter, sender: Sender) -> None:
    """Send to a queue, topic, function, state machine or pipeline. Raises AwsError."""
    kind = arn.split(":")[2]
    if kind not in _KINDS:
        raise AwsError("NotImplemented", f"the local cloud cannot call {arn}", 501)
    service, operation, make = _KINDS[kind]
    if sender.source and kind in _GUARDED:
        _require(cloud, arn, str(sender.principal), sender.source)
    request = make(cloud, arn, letter)
    cloud.call(service, operation, request, role_arn=sender.role, principal=sender.principal)


def attribute(value: str) -> dict[str, str]:
    """Return a message attribute that is text, which is never nothing."""
    return {"DataType": "String", "StringValue": value or " "}


def _queue(cloud: Account, arn: str, letter: Letter) -> Request:
    request: Request = {"QueueUrl": _queue_url(cloud, arn), "MessageBody": letter.text}
    if letter.attributes:
        request["MessageAttributes"] = letter.attributes
    if letter.group:
        request["MessageGroupId"] = letter.group
        if arn.endswith(".fifo"):
            request["MessageDeduplicationId"] = letter.id
    return request


def _topic(cloud: Account, arn: str, letter: Letter) -> Request:
    request: Request = {"TopicArn": arn, "Message": letter.text}
    if letter.subject is not None:
        request["Subject"] = letter.subject
    if letter.attributes:
        request["MessageAttributes"] = letter.attributes
    return request


def _function(cloud: Account, arn: str, letter: Letter) -> Request:
    payload = letter.text.encode()
    return {"FunctionName": arn, "InvocationType": "Event", "Payload": payload}


def _machine(cloud: Account, arn: str, letter: Letter) -> Request:
    return {"stateMachineArn": arn, "input": letter.text, "name": letter.name}


def _pipeline(cloud: Account, arn: str, letter: Letter) -> Request:
    request: Request = {"PipelineName": arn, "ClientRequestToken": letter.id}
    if letter.parameters:
        request["PipelineParameters"] = letter.parameters
    return request


_KINDS: dict[str, tuple[str, str, Callable[[Account, str, Letter], Request]]] = {
    "sqs": ("sqs", "SendMessage", _queue),
    "sns": ("sns", "Publish", _topic),
    "lambda": ("lambda", "Invoke", _function),
    "states": ("stepfunctions", "StartExecution", _machine),
    "sagemaker": ("sagemaker", "StartPipelineExecution", _pipeline),
}
_GUARDED = ("sqs", "sns", "lambda")  # what has a policy of its own


def _queue_url(cloud: Account, arn: str) -> str:
    parts = arn.split(":")
    return f"{cloud.url}/{parts[4]}/{parts[5]}"


def _require(cloud: Account, arn: str, principal: str, source_arn: str) -> None:
    """Raise AwsError AccessDeniedException unless the policy of queue, topic or function allows."""
    service = arn.split(":")[2]
    if service not in cloud.apis:
        return
    if service == "sqs":
        request = {"QueueUrl": _queue_url(cloud, arn), "AttributeNames": ["Policy"]}
        found = cloud.call("sqs", "GetQueueAttributes", request).get("Attributes") or {}
        policy, action = found.get("Policy"), "sqs:SendMessage"
    elif service == "sns":
        found = cloud.call("sns", "GetTopicAttributes", {"TopicArn": arn}).get("Attributes") or {}
        policy, action = found.get("Policy"), "sns:Publish"
    else:
        policy, action = _function_policy(cloud, arn), "lambda:InvokeFunction"
    if not allows(policy, principal, action, arn, source_arn):
        raise AwsError(
            "AccessDeniedException",
            f"{principal} is not authorized to perform {action} on {arn} for {source_arn}: "
            "no statement of the resource's policy allows it",
            403,
        )


def _function_policy(cloud: Account, arn: str) -> str | None:
    request = {"FunctionName": arn}
    parts = arn.split(":")
    if len(parts) == 8:  # a version or an alias has a policy of its own
        request = {"FunctionName": ":".join(parts[:7]), "Qualifier": parts[7]}
    try:
        return str(cloud.call("lambda", "GetPolicy", request)["Policy"])
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
        cloud.call("lambda", "GetFunctionConfiguration", request)  # missing itself: says so
        return None
