"""Between the JSON of a state machine and the shapes of AWS's APIs, by botocore's models."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from everloop_localcloud.kernel import models
from everloop_localcloud.states import json_text, timestamps


class Unfit(Exception):
    """The arguments do not fit the API; says why, as Step Functions does."""


@lru_cache(maxsize=256)
def operation(service: str, name: str) -> OperationModel:
    return models.service_model(service).operation_model(name)


def pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def to_api(service: str, name: str, arguments: Any) -> dict[str, Any]:
    """Return the request for an API call from the arguments of a Task. Raises Unfit."""
    shape = operation(service, name).input_shape
    if not isinstance(arguments, dict):
        raise Unfit("The arguments must be an object")
    if shape is None:
        return {}
    request = _structure(shape, arguments)
    missing = [member for member in shape.required_members if member not in request]
    if missing:
        raise Unfit(f'The field "{pascal(missing[0])}" is required but was missing')
    return request


def _structure(shape: StructureShape, value: dict[str, Any]) -> dict[str, Any]:
    members = {pascal(member): member for member in shape.members}
    request = {}
    for key, item in value.items():
        if key not in members:
            raise Unfit(f'The field "{key}" is not supported by Step Functions')
        if item is not None:
            request[members[key]] = _given(shape.members[members[key]], item, key)
    return request


def _given(shape: Shape, value: Any, field: str) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            raise Unfit(f'The value for the field "{field}" must be an object')
        if getattr(shape, "is_document_type", False):
            return value
        return _structure(shape, value)
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise Unfit(f'The value for the field "{field}" must be an array')
        return [_given(shape.member, item, field) for item in value]
    if isinstance(shape, MapShape):
        if not isinstance(value, dict):
            raise Unfit(f'The value for the field "{field}" must be an object')
        return {key: _given(shape.value, item, key) for key, item in value.items()}
    return _scalar(shape.type_name, value, field)


def _scalar(kind: str, value: Any, field: str) -> Any:
    if kind == "timestamp":
        return _moment(value, field)
    if kind == "blob":
        return _text(value).encode()
    if kind in ("string", "character"):
        return _text(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = isinstance(value, bool) if kind == "boolean" else number
    if not fits:
        raise Unfit(f'The value for the field "{field}" must be a {kind.upper()}')
    return int(value) if kind in ("integer", "long") and value == int(value) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text.dumps(value)


def _moment(value: Any, field: str) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    try:
        return timestamps.parse(value if isinstance(value, str) else "")
    except ValueError as error:
        raise Unfit(f'The value for the field "{field}" must be a TIMESTAMP') from error


def from_api(service: str, name: str, answer: dict[str, Any], *, millis: bool = False) -> Any:
    """Return an API's answer as a Task's result: PascalCase, times as text (or milliseconds)."""
    shape = operation(service, name).output_shape
    plain = {key: value for key, value in answer.items() if key != "ResponseMetadata"}
    return _told(shape, plain, millis)


def _told(shape: Shape | None, value: Any, millis: bool) -> Any:
    if isinstance(value, datetime):
        if millis:
            return int(value.timestamp() * 1000)
        return timestamps.written(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if hasattr(value, "read"):
        return value.read().decode("utf-8", "replace")
    if isinstance(value, dict):
        if isinstance(shape, StructureShape):
            return {
                pascal(key): _told(shape.members.get(key), item, millis)
                for key, item in value.items()
            }
        inner = shape.value if isinstance(shape, MapShape) else None
        return {str(key): _told(inner, item, millis) for key, item in value.items()}
    if isinstance(value, list | tuple):
        inner = shape.member if isinstance(shape, ListShape) else None
        return [_told(inner, item, millis) for item in value]
    return value


def declared_errors(service: str, name: str) -> set[str]:
    """Return the names of the errors that the model declares for an operation."""
    return {shape.name for shape in operation(service, name).error_shapes}
