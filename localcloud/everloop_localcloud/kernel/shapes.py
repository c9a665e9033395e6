"""Bodies of JSON and CBOR, as plain data, by the shapes of botocore's models."""

import base64
from datetime import UTC, datetime
from typing import Any

import cbor2
from botocore.utils import parse_timestamp


def aware(value: Any) -> datetime:
    """Return a moment in UTC from any of the forms that AWS takes."""
    parsed: datetime = parse_timestamp(value)
    return parsed.astimezone(UTC)


def from_data(shape: Any, value: Any, *, blobs_as_text: bool) -> Any:  # noqa: C901 # a branch for each shape
    """Turn plain data into parameters by the shape; unknown members are dropped, as AWS does.

    Raises ValueError where the data has another form. Blobs are base64 in JSON, bytes in CBOR.
    """
    if value is None:
        return None
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            raise ValueError(f"expected an object for {shape.name}, got {type(value).__name__}")
        if getattr(shape, "is_document_type", False):
            return value
        known = {}
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            if value.get(wire_name) is not None:
                known[name] = from_data(member, value[wire_name], blobs_as_text=blobs_as_text)
        return known
    if kind == "list":
        if not isinstance(value, list):
            raise ValueError(f"expected a list for {shape.name}, got {type(value).__name__}")
        return [from_data(shape.member, item, blobs_as_text=blobs_as_text) for item in value]
    if kind == "map":
        return {
            key: from_data(shape.value, item, blobs_as_text=blobs_as_text)
            for key, item in value.items()
        }
    if kind == "timestamp":
        return value.astimezone(UTC) if isinstance(value, datetime) else aware(value)
    if kind == "blob":
        return base64.b64decode(value) if blobs_as_text else value
    if kind in ("float", "double") and isinstance(value, int | str) and value is not True:
        return float(value)
    return value


def to_data(shape: Any, value: Any, protocol: str) -> Any:
    """Turn a result into plain data by the shape; raises AssertionError for a member it lacks."""
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        members = shape.members  # often a hundred, of which an answer gives ten
        unknown = value.keys() - members.keys()
        if unknown:
            raise AssertionError(f"{shape.name} has no member {sorted(unknown)}")
        return {
            members[name].serialization.get("name", name): to_data(members[name], given, protocol)
            for name, given in value.items()
            if given is not None
        }
    if kind == "list":
        return [to_data(shape.member, item, protocol) for item in value]
    if kind == "map":
        return {key: to_data(shape.value, item, protocol) for key, item in value.items()}
    if kind == "timestamp":
        moment = value if isinstance(value, datetime) else aware(value)
        if protocol == "cbor":
            return cbor2.CBORTag(1, moment.timestamp())
        return moment.timestamp()
    if kind == "blob":
        raw = value.encode() if isinstance(value, str) else value
        return raw if protocol == "cbor" else base64.b64encode(raw).decode()
    return value
