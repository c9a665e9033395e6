"""DynamoDB's items and plain values, there and back. Numbers come back as int or float."""

from collections.abc import Mapping
from typing import Any

from everloop.errors import BadInput


def wire(value: Any) -> dict[str, Any]:
    """Write a plain value as DynamoDB's typed one. Raises TypeError for what has no form there, and
    BadInput for a member without a name: an attribute's has at least one character.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int | float):
        return {"N": repr(value)}
    if isinstance(value, Mapping):
        if "" in value:
            beside = f"{sorted(map(str, value))}"[:200]  # no values: they may be data
            raise BadInput(f"{beside}: a member has no name; give it one, or leave it out")
        return {"M": {str(key): wire(inner) for key, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [wire(inner) for inner in value]}
    raise TypeError(f"{type(value).__name__} has no form in DynamoDB: {value!r}")


def wire_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: wire(value) for key, value in item.items()}


def plain(value: Mapping[str, Any]) -> Any:
    """Read DynamoDB's typed value as a plain one."""
    ((kind, inner),) = value.items()
    if kind == "N":
        text = str(inner)
        return int(text) if text.lstrip("-").isdigit() else float(text)
    if kind == "NULL":
        return None
    if kind == "M":
        return {key: plain(each) for key, each in inner.items()}
    if kind == "L":
        return [plain(each) for each in inner]
    return inner


def plain_item(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: plain(value) for key, value in item.items()}
