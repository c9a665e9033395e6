"""What TestState takes beside a definition: mocked answers, a context, a configuration."""

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.states import json_text, resources, shapes

# Members of inspectionData that are no JSON text.
NUMBERS = {"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage", "errorDetails"}
_TESTABLE = "[Task, Wait, Pass, Succeed, Fail, Choice]"

_CONTEXT: dict[str, Any] = {
    "Execution": {
        "Id": "string",
        "Input": None,
        "Name": "string",
        "RoleArn": "string",
        "StartTime": "string",
        "RedriveCount": "number",
        "RedriveTime": "string",
    },
    "StateMachine": {"Id": "string", "Name": "string"},
    "State": {"EnteredTime": "string", "Name": "string", "RetryCount": "number"},
    "Task": {"Token": "string"},
    "Map": {"Item": {"Index": "number", "Value": None, "Key": "string", "Source": "string"}},
}


def context(text: str | None) -> dict[str, Any]:
    """Return the context object that a request gives. Raises ValidationException."""
    if text is None:
        return {}
    try:
        given = json_text.loads(text)
    except ValueError:
        raise validation("Invalid Context object provided: not valid JSON") from None
    _check(given, _CONTEXT, "")
    found: dict[str, Any] = given
    return found


def _check(value: Any, known: dict[str, Any], where: str) -> None:
    if not isinstance(value, dict):
        place = where or "Context"
        raise validation(f"Invalid Context object provided: {place} must be an object")
    for key, item in value.items():
        place = f"{where}.{key}" if where else key
        if key not in known:
            raise validation(f"Invalid Context object provided: Field '{key}' is not allowed")
        wanted = known[key]
        if isinstance(wanted, dict):
            _check(item, wanted, place)
        elif wanted is not None and json_text.kind(item) != wanted:
            article = "an" if wanted[0] in "aeiou" else "a"
            raise validation(f"Invalid Context object provided: {place} must be {article} {wanted}")


def check(request: dict[str, Any], definition: dict[str, Any]) -> None:
    """Judge whether a request may test this state. Raises AwsError."""
    kind, mock = definition["Type"], request.get("mock")
    context(request.get("context"))
    if mock is None:
        if kind in ("Map", "Parallel"):
            raise AwsError(
                "InvalidDefinition",
                "TestState API does not support Map or Parallel states. Supported state types"
                f" include: {_TESTABLE}",
            )
        if kind == "Task":
            _check_real(request, definition)
        return
    if kind not in ("Task", "Map", "Parallel"):
        raise validation(
            f"State type '{kind}' is not supported when a mock is specified. Supported state types"
            " include: [Task, Map, Parallel]"
        )
    if "result" in mock and "errorOutput" in mock:
        raise validation(
            "A test mock should have only one of the following fields: [result, errorOutput]."
        )
    if "result" not in mock and "errorOutput" not in mock:
        raise validation("A test mock needs one of the following fields: [result, errorOutput].")
    if "result" in mock:
        _check_result(mock, definition)


def _check_real(request: dict[str, Any], definition: dict[str, Any]) -> None:
    if "roleArn" not in request:
        raise validation("RoleArn must be specified when testing this state type")
    resource = resources.parse(definition["Resource"])
    if resource.waits_for_job or resource.waits_for_token:
        raise AwsError(
            "InvalidDefinition",
            f"TestState API does not support '.{resource.pattern}' integrations without a mock",
        )


def _check_result(mock: dict[str, Any], definition: dict[str, Any]) -> None:
    try:
        result = json_text.loads(mock["result"])
    except ValueError:
        raise validation("Mocked result must be valid JSON") from None
    if definition["Type"] != "Task":
        if "ResultWriter" in definition:
            if not isinstance(result, dict):
                raise validation("Mocked result must be a JSON object.")
        elif not isinstance(result, list):
            raise validation("Mocked result must be an array.")
        return
    mode = mock.get("fieldValidationMode", "STRICT")
    resource = resources.parse(definition["Resource"])
    if mode == "NONE" or resource.bare_lambda or resource.waits_for_token:
        return
    if resource.waits_for_job:
        return  # the result of a job is the answer of its Describe call, in a shape of its own
    shape = shapes.operation(resource.service, resource.operation).output_shape
    if shape is not None:
        _check_shape(shape, result, "", strict=mode == "STRICT")


def _fail(reason: str) -> AwsError:
    return validation(f"Mock result schema validation error: {reason}")


def _check_shape(shape: Shape, value: Any, field: str, *, strict: bool) -> None:  # noqa: C901 # a branch for each shape
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            raise _fail(f"Field '{field}' must be an object" if field else "must be an object")
        members = {shapes.pascal(member): member for member in shape.members}
        if strict:
            for member in shape.required_members:
                if shapes.pascal(member) not in value:
                    raise _fail(f"Required field '{shapes.pascal(member)}' is missing")
        for key, item in value.items():
            if key in members:
                _check_shape(shape.members[members[key]], item, key, strict=strict)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _fail(f"Field '{field}' must be an array")
        for item in value:
            _check_shape(shape.member, item, field, strict=strict)
    elif isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise _fail(f"Field '{field}' must be an object")
    elif shape.type_name == "string":
        if not isinstance(value, str):
            raise _fail(f"Field '{field}' must be a string")
    elif shape.type_name == "boolean":
        if not isinstance(value, bool):
            raise _fail(f"Field '{field}' must be a boolean")
    elif shape.type_name in ("integer", "long", "float", "double") and (
        json_text.kind(value) != "number"
    ):
        raise _fail(f"Field '{field}' must be a number")
