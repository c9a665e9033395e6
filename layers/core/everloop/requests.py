"""Requests of state machines and schedules, read into dataclasses; what is missing is BadInput."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin

from everloop.errors import BadInput, shown
from everloop.moments import moment

Request = TypeVar("Request")


def read(kind: type[Request], payload: object) -> Request:
    """Read a request whose dataclass has fields of str, int, float, bool, datetime and Mapping.

    `X | None` fields may be null or missing. Fields that the dataclass lacks are ignored.
    """
    if not isinstance(payload, Mapping):
        raise BadInput(f"the request is {type(payload).__name__}; a JSON object belongs there")
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        expected, optional = _kind(field.type)
        value = payload.get(field.name)
        if value is not None:
            values[field.name] = _value(field.name, expected, value)
        elif field.default is MISSING and not optional:
            raise BadInput(f"{field.name}: missing; {expected.__name__} belongs there")
        elif field.default is MISSING:
            values[field.name] = None
    return kind(**values)


def _kind(annotation: Any) -> tuple[type, bool]:
    """Return the plain type of a field, and whether it may be None."""
    options = [option for option in get_args(annotation) if option is not NoneType]
    optional = NoneType in get_args(annotation)
    plain = options[0] if optional else annotation
    return get_origin(plain) or plain, optional


def _value(name: str, expected: type, value: Any) -> Any:
    if expected is datetime:
        return moment(value, field=name)
    if expected is int and isinstance(value, float) and value.is_integer():
        return int(value)  # JSONata counts in floating point
    accepted = (int, float) if expected is float else expected
    if not isinstance(value, accepted) or (expected is not bool and isinstance(value, bool)):
        raise BadInput(f"{name}: {shown(value)}; {expected.__name__} belongs there")
    return value
