"""[features] of a model's spec: feature groups that a model learns from and looks up."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field

from everloop.spec.nearest import nearest
from everloop.spec.values import Column, Section, Within

LOOKUP: Final = "everloop_features.py"  # a push puts it into the bundle, beside inference.py
OWN: Final = "everloop-"  # how the groups begin that Everloop makes
MOST: Final = 10  # groups of a model
_NAME = re.compile(r"[a-z](-?[a-z0-9]){0,20}")
_GROUP = re.compile(r"[a-zA-Z0-9]([_-]*[a-zA-Z0-9]){0,63}")
_FEATURE = re.compile(r"[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}")
# Columns that the offline store adds to every record.
_RESERVED: Final = ("is_deleted", "write_time", "api_invocation_time")
TYPES: Final = {"number": "Fractional", "integer": "Integral", "text": "String"}


def _group(value: str) -> str:
    if not _GROUP.fullmatch(value):
        raise ValueError(
            "a feature group's name has letters, digits, hyphens and underscores, at most 64"
        )
    return value


def _feature(value: str) -> str:
    if not _FEATURE.fullmatch(value) or value.lower() in _RESERVED:
        raise ValueError(
            "a feature's name has letters, digits, hyphens and underscores inside, at most 64, and "
            f"is none of {', '.join(_RESERVED)}"
        )
    return value


Feature = Annotated[str, AfterValidator(_feature)]


class Features(Section):
    """A feature group: what its records are, who writes them, and how a row finds its own."""

    group: Annotated[str, AfterValidator(_group)] | None = None
    table: str | None = None
    id: Feature
    event_time: Feature
    columns: Annotated[
        dict[Feature, Literal["number", "integer", "text"]], Field(min_length=1, max_length=100)
    ]
    on: Column | None = None
    as_of: Column | None = None
    max_age: Within | None = None
    online: bool = True


def named(model: str, sections: Mapping[str, Features]) -> dict[str, Features]:
    """Give the groups that a model writes, and nobody named, their names."""
    return {
        name: each.model_copy(update={"group": own_group(model, name)})
        for name, each in sections.items()
        if each.group is None and each.table is not None
    }


def own_group(model: str, name: str) -> str:
    """Return the group that Everloop makes for a model's features of a name."""
    return f"{OWN}{model}-{name}"


def is_own(section: Mapping[str, Any]) -> bool:
    """Whether Everloop makes the group where it is not there."""
    return str(section["group"]).startswith(OWN) and section["table"] is not None


def served(sections: Mapping[str, Features]) -> dict[str, Any]:
    """Return what a request's rows are given by a lookup, as everloop_features.json has it."""
    return {
        name: {
            "group": each.group,
            "id": each.id,
            "event_time": each.event_time,
            "on": each.on or each.id,
            "columns": dict(each.columns),
            "max_age": milliseconds(each.max_age),
        }
        for name, each in sections.items()
        if each.online
    }


def milliseconds(within: str | None) -> int | None:
    if within is None:
        return None
    return int(within[:-1]) * (24 if within[-1] == "d" else 1) * 3_600_000


def tables(sections: Iterable[Features]) -> set[str]:
    """Return the tables whose rows are records of features, and need no script that joins them."""
    return {each.table for each in sections if each.table is not None}


def problems(spec: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with [features], beside what each key alone says."""
    sections: Mapping[str, Mapping[str, Any]] = spec["features"]
    found = []
    if len(sections) > MOST:
        found.append(f"features names {len(sections)} groups; a model looks up at most {MOST}")
    for name, section in sections.items():
        found += [f"features.{name}{line}" for line in _wrong(name, section, spec)]
    found += _together(sections)
    if sections and spec["data"]["format"] == "files":
        found.append(
            "features is given and data.format is 'files'; rows of a table find features, files "
            "do not, so leave it out"
        )
    return found


def _wrong(name: str, section: Mapping[str, Any], spec: Mapping[str, Any]) -> Iterator[str]:
    data = spec["data"]
    if not _NAME.fullmatch(name):
        yield (
            " is no name for features; use lowercase letters, digits and single hyphens, at most 21"
        )
    if section["group"] is None:
        yield (
            " has neither table nor group; name the table of [data.tables] that brings its "
            "records, or the feature group that somebody else fills"
        )
    if is_own(section) and section["group"] != own_group(spec["name"], name):
        yield (
            f".group is {section['group']!r}, which is another's: what begins with {OWN} holds the "
            "records of the model that it is named after; leave group out, or leave table out to "
            "read what the other writes"
        )
    for role in ("id", "event_time"):
        if section[role] in section["columns"]:
            yield f".columns has {section[role]!r}, which is its {role}; leave it out there"
    if section["id"] == section["event_time"]:
        yield f".event_time is {section['id']!r}, which is also its id; name another column"
    if spec["train"]["algorithm"] and section["online"]:
        yield (
            ".online is true and train.algorithm is given; the container of a built-in algorithm "
            "looks nothing up: set online = false and send the features, or name a framework"
        )
    yield from _table(section, data)
    yield from _columns(section, data)


def _columns(section: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    if (section["as_of"] or data["timestamp"]) is None:
        yield (
            ".as_of and data.timestamp are not given; name the column that says of when a row is, "
            "or no row could be kept from later features"
        )
    lost = (
        ("on", section["on"] or section["id"]),
        ("as_of", section["as_of"] or data["timestamp"]),
    )
    for key, column in lost:
        if data["columns"] and column is not None and column not in data["columns"]:
            hint = nearest(column, data["columns"]) or "; add it there"
            yield f".{key} is {column!r}, which data.columns lacks{hint}"
    if data["target"] == (section["on"] or section["id"]):
        yield f".on is {data['target']!r}, which is the target; name another column"
    for column in section["columns"]:
        if column in data["columns"] or column == data["target"]:
            yield f".columns has {column!r}, which a row of the data has, too; rename one"


def _table(section: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[str]:
    name = section["table"]
    if name is None:
        return
    table = data["tables"].get(name)
    if table is None:
        hint = nearest(name, data["tables"]) or "; add it there"
        yield f".table is {name!r}, which data.tables lacks{hint}"
        return
    if data["check"] == "names-only":
        yield ".table is given and data.check is 'names-only'; what nobody reads brings no records"
    for column in (section["id"], section["event_time"], *section["columns"]):
        if table["columns"] and column not in table["columns"]:
            hint = nearest(column, table["columns"]) or "; add it there"
            yield f" needs {column!r}, which data.tables.{name}.columns lacks{hint}"
    if section["id"] not in table["keys"]:
        yield f".id is {section['id']!r}, which data.tables.{name}.keys lacks; add it there"


def _together(sections: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    groups: dict[str, str] = {}
    columns: dict[str, str] = {}
    for name, section in sections.items():
        group = section["group"]
        if group is not None and groups.setdefault(group, name) != name:
            yield f"features.{name}.group is {group!r}, which is also that of {groups[group]}"
        for column in section["columns"]:
            if columns.setdefault(column, name) != name:
                yield (
                    f"features.{name}.columns has {column!r}, which features.{columns[column]} "
                    "has, too; rename one, since a row gets both"
                )
