"""Parameters and results that stand in HTTP's heads alone, with bytes or nothing for a body.

Most calls of S3 are such, and every invocation of a function or an endpoint. The serializers that
also know XML and JSON take longer for one than all the rest of the call.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from functools import cache
from typing import Any

from botocore.utils import is_json_value_header

from everloop_localcloud.kernel import shapes
from everloop_localcloud.kernel.messages import Request

Convert = Callable[[Any], Any]
_READ: dict[str, Convert] = {
    "string": str,
    "boolean": lambda text: text.lower() == "true",
    "integer": int,
    "long": int,
    "timestamp": shapes.aware,
}
_WRITE: dict[str, Convert] = {
    "string": str,
    "boolean": lambda value: "true" if value else "false",
    "integer": str,
    "long": str,
    "timestamp": lambda value: formatdate(int(_moment(value).timestamp()), usegmt=True),
}


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else shapes.aware(value)


@dataclass
class _Reader:
    """Where the members of one operation's input come from: names there, in lower case if headers.

    `prefixes` are of headers that together are a map; `payload` is the member that is the body.
    """

    headers: dict[str, tuple[str, Convert]] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)
    query: dict[str, tuple[str, Convert]] = field(default_factory=dict)
    lists: dict[str, tuple[str, Convert]] = field(default_factory=dict)
    path: dict[str, tuple[str, Convert]] = field(default_factory=dict)
    payload: str | None = None


def read(shape: Any, request: Request, url: dict[str, str]) -> dict[str, Any] | None:
    """Return a request's parameters; None where the shape has members within the body.

    Raises ValueError where a value is not of its member's type.
    """
    reader = _reader(shape)
    if reader is None:
        return None
    found: dict[str, Any] = {}
    for key, value in request.headers.by_key():
        if key in reader.headers:
            name, convert = reader.headers[key]
            found[name] = convert(value)
            continue
        for prefix, name in reader.prefixes.items():
            if key.startswith(prefix):
                found.setdefault(name, {})[key[len(prefix) :]] = value
    for key in request.query:
        if key in reader.query:
            name, convert = reader.query[key]
            found[name] = convert(request.query[key])
        elif key in reader.lists:
            name, convert = reader.lists[key]
            found[name] = [convert(each) for each in request.query.getlist(key)]
    for key, (name, convert) in reader.path.items():
        if key in url:
            found[name] = convert(url[key])
    if reader.payload and (request.long is not None or request.body):
        found[reader.payload] = request.body if request.long is None else request.long
    return found


def write(shape: Any, result: dict[str, Any]) -> tuple[dict[str, str], Any] | None:
    """Return the headers and the body of a result; None where members belong within the body."""
    writer = _writer(shape)
    if writer is None or not writer.keys() >= result.keys():
        return None
    headers: dict[str, str] = {}
    body: Any = b""
    for name, value in result.items():
        if value is None:
            continue
        key, kind = writer[name]
        if kind == "blob":
            body = value
        elif kind == "map":
            headers |= {f"{key}{each}": str(said) for each, said in value.items()}
        elif kind != "status":
            headers[key] = _WRITE[kind](value)
    return headers, body


@cache
def _reader(shape: Any) -> _Reader | None:
    reader = _Reader(payload=shape.serialization.get("payload"))
    for name, member in shape.members.items():
        kind, where = member.type_name, member.serialization.get("location")
        key = member.serialization.get("name", name)
        if name == reader.payload and kind == "blob":
            continue
        if is_json_value_header(member):
            return None
        if where == "headers":
            reader.prefixes[key.lower()] = name
        elif where == "header" and kind == "list" and member.member.type_name == "string":
            reader.headers[key.lower()] = (name, _listed)
        elif where == "querystring" and kind == "list" and member.member.type_name in _READ:
            reader.lists[key] = (name, _READ[member.member.type_name])
        elif kind not in _READ:
            return None
        elif where == "header":
            reader.headers[key.lower()] = (name, _READ[kind])
        elif where == "querystring":
            reader.query[key] = (name, _READ[kind])
        elif where == "uri":
            reader.path[key] = (name, _READ[kind])
        else:
            return None
    return reader


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


@cache
def _writer(shape: Any) -> dict[str, tuple[str, str]] | None:
    """Return header and kind of each member of an output; None where one belongs in the body."""
    payload = shape.serialization.get("payload")
    members: dict[str, tuple[str, str]] = {}
    for name, member in shape.members.items():
        kind, where = member.type_name, member.serialization.get("location")
        key = member.serialization.get("name", name)
        if name == payload and kind == "blob":
            members[name] = ("", "blob")
        elif where == "statusCode":
            members[name] = ("", "status")
        elif where == "headers":
            members[name] = (key, "map")
        elif where == "header" and kind in _WRITE and not is_json_value_header(member):
            members[name] = (key, kind)
        else:
            return None
    return members
