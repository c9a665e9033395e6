"""Words for what is wrong with a spec: the section's key, the value seen and the fix."""

import types
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from everloop.errors import shown
from everloop.spec.nearest import nearest

_KINDS = {
    "string_type": 'a text belongs here, in quotes, e.g. "…"',
    "int_type": "a whole number belongs here, e.g. 5",
    "int_from_float": "a whole number belongs here, e.g. 5",
    "float_type": "a number belongs here, e.g. 0.5",
    "bool_type": "true or false belongs here",
    "list_type": 'a list belongs here, e.g. ["…"]',
    "dict_type": "a table belongs here, e.g. { name = … }",
    "datetime_type": "a time with a zone belongs here, e.g. 2026-12-20T00:00:00Z",
    "timezone_aware": "a time with a zone belongs here, e.g. 2026-12-20T00:00:00Z",
    "finite_number": "a finite number belongs here",
}
_LIMITS = {
    "greater_than": ("gt", "give more than"),
    "greater_than_equal": ("ge", "give at least"),
    "less_than": ("lt", "give less than"),
    "less_than_equal": ("le", "give at most"),
}


def explained(error: Mapping[str, Any], sections: type[BaseModel]) -> list[str]:
    """Return lines for one error of pydantic's; several where one check found several problems."""
    path, kind, value = error["loc"], error["type"], error["input"]
    where = ".".join(str(part) for part in path)
    context = error.get("ctx", {})
    seen = value.isoformat() if isinstance(value, date) else shown(value)
    if kind == "value_error" and not path:
        return str(context["error"]).split("\n")
    if kind == "missing":
        return [f"{where} is missing; add it"]
    if kind == "extra_forbidden":
        known = _keys(sections, path[:-1])
        hint = nearest(str(path[-1]), known) or f"; there are: {', '.join(known)}"
        return [f"{where} is not a key{hint}"]
    if kind == "literal_error":
        allowed = _choices(sections, path)
        hint = nearest(str(value), allowed) or f"; give {' or '.join(map(repr, allowed))}"
        return [f"{where} is {seen}{hint}"]
    if kind == "value_error":
        return [f"{where} is {seen}; {context['error']}"]
    if kind in _LIMITS:
        bound, words = _LIMITS[kind]
        return [f"{where} is {seen}; {words} {context[bound]:g}"]
    if kind == "model_type":
        keys = ", ".join(_keys(sections, path))
        return [f"{where} is {seen}; a table belongs here, with keys among: {keys}"]
    if kind in _KINDS:
        return [f"{where} is {seen}; {_KINDS[kind]}"]
    return [f"{where} is {seen}; {error['msg'][0].lower()}{error['msg'][1:]}"]


def _keys(sections: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    at = _type_at(sections, path)
    if not (isinstance(at, type) and issubclass(at, BaseModel)):
        return []
    return [name for name in at.model_fields if name != "name"]


def _choices(sections: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    at = _type_at(sections, path)
    return [str(value) for value in get_args(at)] if get_origin(at) is Literal else []


def _type_at(sections: type[BaseModel], path: Sequence[int | str]) -> Any:
    """Return the type of what lies at a path of keys and list positions."""
    at: Any = sections
    for part in path:
        if isinstance(at, type) and issubclass(at, BaseModel):
            at = at.model_fields[str(part)].annotation
        elif get_origin(at) in (list, dict):
            at = get_args(at)[-1]
        if get_origin(at) in (Union, types.UnionType):  # only ever with None
            at = get_args(at)[0]
    return at
