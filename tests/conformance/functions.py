"""The functions that recorded cases call, described by what they do."""

import json
import traceback
import uuid
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.errors import AwsError

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:function-{}"


def placed(value: Any, functions: list[dict[str, Any]]) -> Any:
    """Put the ARNs and names of the case's functions in place."""
    text = json.dumps(value)
    for function in functions:
        number = function["id"]
        text = text.replace(f"${{FunctionArn:{number}}}", _ARN.format(number))
        text = text.replace(f"${{FunctionName:{number}}}", f"function-{number}")
    return json.loads(text)


def lambda_api(
    functions: list[dict[str, Any]], sleep: Callable[[float], None]
) -> Callable[[str, str, dict[str, Any], str], dict[str, Any]]:
    """Return an API of Lambda that has just these functions."""
    known = {f"function-{function['id']}": function for function in functions}

    def call(service: str, operation: str, request: dict[str, Any], role: str) -> dict[str, Any]:
        assert (service, operation) == ("lambda", "Invoke")
        name = request["FunctionName"].rpartition(":")[2]
        if name not in known:
            arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
            message = f"Function not found: {arn}:$LATEST"
            raise AwsError("ResourceNotFoundException", message, 404)
        event = json.loads(request.get("Payload") or b"{}")
        answer = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
        return {**answer, **_answer(known[name], event, sleep)}

    return call


def _answer(function: dict[str, Any], event: Any, sleep: Callable[[float], None]) -> dict[str, Any]:
    does = function["does"]
    if does == "raise":
        failure = {
            "errorMessage": function["message"],
            "errorType": function["type"],
            "requestId": str(uuid.uuid4()),
            "stackTrace": traceback.format_stack()[-1:],
        }
        return {"FunctionError": "Unhandled", "Payload": json.dumps(failure).encode()}
    if does == "return_text":
        text = function["text"].replace("{event}", str(event))
        return {"Payload": json.dumps(text).encode()}
    if does == "return_bytes":
        # Python's runtime writes bytes as the text that they decode to.
        text = function["text"] * function.get("repeat", 1)
        return {"Payload": text.encode()}
    if does == "sleep_then_echo":
        sleep(function["seconds"])
    return {"Payload": json.dumps(event).encode()}
