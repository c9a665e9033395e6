"""Requests of state machines and schedules, read into dataclasses; what is missing is BadInput."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from everloop.errors import BadInput
from everloop.moments import moment

Request = TypeVar("Request")

_KINDS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "Mapping[str, Any]": Mapping,
}


def read(kind: type[Request], given: object) -> Request:
    """Read a request whose dataclass has fields of str, int, float, bool, datetime and mappings.

    `X | None` fields may be null or missing. Fields that the dataclass lacks are ignored.
    """
    if not isinstance(given, Mapping):
        raise BadInput(f"the request is {type(given).__name__}; a JSON object belongs there")
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        wanted, optional = str(field.type).removesuffix(" | None"), "| None" in str(field.type)
        value = given.get(field.name)
        if value is None:
            if field.default is not MISSING:
                continue
            if optional:
                values[field.name] = None
                continue
            raise BadInput(f"{field.name}: missing; {wanted} belongs there")
        values[field.name] = _value(field.name, wanted, value)
    return kind(**values)


def _value(name: str, wanted: str, value: Any) -> Any:
    if wanted == "datetime":
        return moment(value, field=name)
    if wanted == "int" and isinstance(value, float) and value.is_integer():
        return int(value)  # JSONata counts in floating point
    expected = _KINDS[wanted]
    wrong = not isinstance(value, expected) or (wanted != "bool" and isinstance(value, bool))
    if wrong:
        raise BadInput(f"{name}: {value!r}; {wanted} belongs there")
    return value
