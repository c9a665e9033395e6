"""Values of features: what a record may hold, when its event was, and when it expires. Pure."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Record = dict[str, Any]

# Columns that the offline store adds; no feature may have such a name.
RESERVED = ("is_deleted", "write_time", "api_invocation_time")

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)", re.ASCII | re.IGNORECASE
)
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class BadRecord(Exception):
    """A record that its feature group cannot take; the message names the feature and the fix."""


def checked_record(group: Record, record: list[Record]) -> dict[str, Any]:
    """Return the record as a dict, name to text or list of texts, in the order it was given.

    Raises BadRecord for unknown features, values of another type and missing keys.
    """
    values = checked_features(group, record)
    for role in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        name = group[role]
        if not values.get(name):
            raise BadRecord(f"the record has no value of {name}, which is the group's {role}")
    return values


def checked_features(group: Record, features: list[Record]) -> dict[str, Any]:
    """Return features as a dict; as `checked_record`, but no feature has to be there."""
    known = {feature["FeatureName"]: feature for feature in group["FeatureDefinitions"]}
    values: dict[str, Any] = {}
    for each in features:
        name = each["FeatureName"]
        if name not in known:
            raise BadRecord(
                f"feature {name} is not defined in feature group {group['FeatureGroupName']};"
                " UpdateFeatureGroup with FeatureAdditions adds it"
            )
        if name in values:
            raise BadRecord(f"feature {name} is in the record twice")
        values[name] = _checked_value(known[name], each)
    event_time = values.get(group["EventTimeFeatureName"])
    if event_time is not None:
        parse_event_time(group, event_time)
    return values


def _checked_value(definition: Record, given: Record) -> Any:
    name = definition["FeatureName"]
    if ("ValueAsString" in given) == ("ValueAsStringList" in given):
        raise BadRecord(f"give one of ValueAsString and ValueAsStringList for feature {name}")
    collection = definition.get("CollectionType")
    if collection is None:
        if "ValueAsString" not in given:
            raise BadRecord(f"feature {name} is no collection: give ValueAsString")
        return _checked_text(definition, given["ValueAsString"])
    if "ValueAsStringList" not in given:
        raise BadRecord(f"feature {name} is a {collection}: give ValueAsStringList")
    items = [_checked_text(definition, item) for item in given["ValueAsStringList"]]
    if collection == "Set":
        return list(dict.fromkeys(items))
    if collection == "Vector":
        dimension = definition["CollectionConfig"]["VectorConfig"]["Dimension"]
        if len(items) != dimension:
            raise BadRecord(f"vector {name} has {len(items)} values; its Dimension is {dimension}")
    return items


def _checked_text(definition: Record, text: str) -> str:
    name, kind = definition["FeatureName"], definition["FeatureType"]
    try:
        typed(kind, text)
    except ValueError as error:
        raise BadRecord(f"value {text[:100]!r} of feature {name} is not {kind}") from error
    return text


def typed(kind: str, text: str) -> str | int | float:
    """Return a feature's text as its type. Raises ValueError where it is none."""
    if kind == "Integral":
        number = int(text)
        if not _SMALLEST <= number <= _LARGEST:
            raise ValueError(f"{text} does not fit in 64 bits")
        return number
    return float(text) if kind == "Fractional" else text


def parse_event_time(group: Record, text: str) -> datetime:
    """Return an event's time: ISO 8601 in UTC or with an offset, or Unix seconds, by its type.

    Raises BadRecord for anything else.
    """
    name = group["EventTimeFeatureName"]
    kinds = {each["FeatureName"]: each["FeatureType"] for each in group["FeatureDefinitions"]}
    try:
        if kinds[name] == "Fractional":
            return datetime.fromtimestamp(0, UTC) + timedelta(seconds=float(text))
        found = _ISO.fullmatch(text)
        if found is None:
            raise ValueError(text)
        whole, fraction, zone = found.groups()
        micros = (fraction or "0").ljust(6, "0")[:6]
        zone = "+00:00" if zone in ("Z", "z") else zone
        return datetime.fromisoformat(f"{whole}.{micros}{zone}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        wanted = (
            "Unix seconds"
            if kinds[name] == "Fractional"
            else "ISO 8601: yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ"
        )
        raise BadRecord(f"value {text[:100]!r} of event time {name} is not {wanted}") from error


def expires_at(event_time: datetime, ttl: Record | None) -> datetime | None:
    """Return when a record is gone from the online store; None where it stays."""
    if ttl is None:
        return None
    unit: str = ttl["Unit"]
    return event_time + timedelta(**{unit.lower(): ttl["Value"]})


def as_features(values: dict[str, Any], names: Iterable[str]) -> list[Record]:
    """Return the named values as GetRecord tells them; what has no value is left out."""
    return [
        {"FeatureName": name, "ValueAsStringList": values[name]}
        if isinstance(values[name], list)
        else {"FeatureName": name, "ValueAsString": values[name]}
        for name in names
        if values.get(name) is not None
    ]
