"""What a Task state calls: APIs by their arguments, errors by the names Step Functions gives."""

import re
import uuid
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel import models
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.states import json_text, shapes
from everloop_localcloud.states.errors import StateError, runtime
from everloop_localcloud.states.resources import Resource
from everloop_localcloud.states.world import TaskCall

# Calls an API: service, operation, request, role.
Caller = Callable[[str, str, dict[str, Any], str], dict[str, Any]]

# How optimised integrations name a service, and the exception for errors without a name.
_OPTIMISED = {
    "lambda": ("Lambda", "AWSLambda", "AWSLambdaException"),
    "stepfunctions": ("StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException"),
    "sqs": ("SQS", "AmazonSQS", "AmazonSQSException"),
    "sns": ("SNS", "AmazonSNS", "AmazonSNSException"),
    "events": ("EventBridge", "AmazonEventBridge", "AmazonEventBridgeException"),
    "dynamodb": ("DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException"),
    "sagemaker": ("SageMaker", "AmazonSageMaker", "AmazonSageMakerException"),
}
_SPACE = uuid.UUID("b9a7c1c0-6f4e-4f1e-9a6c-2f0d7a1c5e11")


def submit(call: TaskCall, api: Caller) -> Any:
    """Make a Task's call; return its result in the shape that Step Functions gives it."""
    resource = call.resource
    if resource.service == "lambda" and resource.operation == "Invoke" and not resource.sdk:
        return _invoke(call, api)
    request = _request(call)
    if resource.operation == "StartExecution" and not resource.sdk:
        # The name makes a second start after a restart the same start.
        request.setdefault("name", str(uuid.uuid5(_SPACE, call.key)))
    answer = ask(call, resource.operation, request, api)
    if resource.service == "events" and resource.operation == "PutEvents" and not resource.sdk:
        _check_entries(answer)
    return shapes.from_api(resource.service, resource.operation, answer)


def _request(call: TaskCall) -> dict[str, Any]:
    resource, arguments = call.resource, call.arguments
    if resource.service == "stepfunctions" and isinstance(arguments, dict) and not resource.sdk:
        arguments = {**arguments, "Input": arguments.get("Input", {})}
    try:
        return shapes.to_api(resource.service, resource.operation, arguments)
    except shapes.Unfit as error:
        raise runtime(
            f"The Parameters '{json_text.dumps(call.arguments)}' could not be used to start the"
            f" Task: [{error}]"
        ) from error


def ask(call: TaskCall, operation: str, request: dict[str, Any], api: Caller) -> dict[str, Any]:
    """Call an API of the task's service. Raises StateError with the name a Catch knows."""
    try:
        return api(call.resource.service, operation, request, call.role_arn)
    except AwsError as error:
        raise named(call.resource, operation, error) from error


def named(resource: Resource, operation: str, error: AwsError) -> StateError:
    """Return an API's error under the name that Step Functions gives it."""
    declared = shapes.declared_errors(resource.service, operation)
    code = error.code.rpartition("#")[2]
    exception = code if code.endswith("Exception") else f"{code}Exception"
    if resource.sdk:
        prefix = java_name(resource.service)
        general = f"{prefix}Exception"
        told = f"(Service: {prefix}, Status Code: {error.status}, Request ID: {_request_id(error)})"
    else:
        prefix, service, general = _OPTIMISED[resource.service]
        told = (
            f"(Service: {service}; Status Code: {error.status}; Error Code: {code};"
            f" Request ID: {_request_id(error)}; Proxy: null)"
        )
    known = code in declared or exception in declared
    name = exception if known else general
    return StateError(f"{prefix}.{name}", f"{error.message} {told}")


def _request_id(error: AwsError) -> str:
    return str(uuid.uuid5(_SPACE, f"{error.code} {error.message}"))


def java_name(service: str) -> str:
    """Return the service's class name in AWS's Java SDK, which names the errors: DynamoDb, Sfn."""
    identity = models.service_model(service).service_id
    words = [re.sub(r"[A-Z]{2,}", lambda found: found[0].capitalize(), word)
             for word in str(identity).split()]  # fmt: skip
    return "".join(shapes.pascal(word) for word in words)


def _invoke(call: TaskCall, api: Caller) -> Any:
    """Invoke a function: with a bare ARN the input is the event, and the result is the payload."""
    resource = call.resource
    if resource.bare_lambda:
        request: dict[str, Any] = {
            "FunctionName": resource.arn,
            "Payload": json_text.dumps(call.arguments).encode(),
        }
    else:
        request = _request(call)
    answer = ask(call, "Invoke", request, api)
    payload = _payload(answer.get("Payload", b""))
    if "FunctionError" in answer:
        raise _function_error(payload)
    if resource.bare_lambda:
        return payload
    result: dict[str, Any] = {}
    for member in ("ExecutedVersion", "LogResult"):
        if member in answer:
            result[member] = answer[member]
    if request.get("InvocationType") not in ("Event", "DryRun"):
        result["Payload"] = payload
    status = answer["StatusCode"]
    return {**result, "SdkHttpMetadata": {"HttpStatusCode": status}, "StatusCode": status}


def _payload(raw: Any) -> Any:
    data = raw.read() if hasattr(raw, "read") else raw
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    if not text:
        return {}
    try:
        return json_text.loads(text)
    except ValueError:
        return text


def _function_error(payload: Any) -> StateError:
    kind = payload.get("errorType") if isinstance(payload, dict) else None
    if not isinstance(kind, str):
        return StateError(
            "Lambda.Unknown",
            "The cause could not be determined because Lambda did not return an error type."
            f" Returned payload: {json_text.dumps(payload)}",
        )
    return StateError(kind, json_text.dumps(payload))


def _check_entries(answer: dict[str, Any]) -> None:
    if answer.get("FailedEntryCount"):
        raise StateError("EventBridge.FailedEntry", json_text.dumps(answer.get("Entries", [])))
