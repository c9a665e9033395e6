"""[privacy]: which columns say who somebody is, and what stands in their place."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from everloop.spec.nearest import nearest
from everloop.spec.personal import personal, scripts
from everloop.spec.values import Column, Section


def _once(value: list[str]) -> list[str]:
    twice = sorted({name for name in value if value.count(name) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is there twice; name it once")
    return value


class Privacy(Section):
    personal: Annotated[list[Column], Field(max_length=100), AfterValidator(_once)] = []
    key_is_personal: bool = False
    instead: Literal["token", "mask"] = "token"


def mistakes(spec: Mapping[str, Any]) -> list[str]:
    """Say what of [privacy] does not fit the rest."""
    section = spec["privacy"]
    if section is None:
        return []
    data = spec["data"]
    if section["key_is_personal"] and data["key"] is None:
        return [
            "privacy.key_is_personal is true and data.key is not given; name the column, or leave "
            "it out"
        ]
    if not personal(spec):
        return [
            "privacy names nothing; give personal = [columns] or key_is_personal = true, or remove "
            "the section"
        ]
    return [
        *_own(section["personal"], spec),
        *_shown(personal(spec), spec),
        *_features(personal(spec), spec),
        *_captured(spec),
    ]


def _own(names: Sequence[str], spec: Mapping[str, Any]) -> list[str]:
    data, found = spec["data"], []
    for name in names:
        where = f"privacy.personal names {name!r}"
        if name == data["key"]:
            found.append(f"{where}, which is data.key; write key_is_personal = true instead")
        elif name == data["target"]:
            found.append(f"{where}, which is the target; tokens of it cannot be learnt: remove it")
        elif name == data["timestamp"]:
            found.append(f"{where}, which is data.timestamp; tokens have no order: name another")
        elif data["columns"] and name not in data["columns"]:
            hint = nearest(name, data["columns"]) or "; add it there"
            found.append(f"{where}, which data.columns lacks{hint}")
    return found


def _shown(names: Sequence[str], spec: Mapping[str, Any]) -> list[str]:
    """Refuse sections that would show each value, or judge what nobody may see."""
    fairness = spec["fairness"] or {}
    sections = {
        "evaluate.slices": (spec["evaluate"]["slices"], "a report names each slice's value"),
        "fairness.groups": (fairness.get("groups") or (), "a report names each group"),
        "monitor.data.columns": (spec["monitor"]["data"]["columns"], "its drift is not watched"),
    }
    return [
        f"{where} names {name!r}, which privacy hides: {why}; remove it from one of them"
        for where, (columns, why) in sections.items()
        for name in names
        if name in columns
    ]


def _features(names: Sequence[str], spec: Mapping[str, Any]) -> list[str]:
    return [
        f"features.{group}.on is {each['on'] or each['id']!r}, which privacy hides: of what was "
        "captured no feature could be looked up; join by another column, or remove it from one"
        for group, each in (spec["features"] or {}).items()
        if (each["on"] or each["id"]) in names
    ]


def _captured(spec: Mapping[str, Any]) -> list[str]:
    """Refuse raw capture where no code of ours stands in front of the model."""
    if scripts(spec) or not spec["deploy"]["capture_percent"]:
        return []
    return [
        f"privacy hides {', '.join(personal(spec))}, and deploy.capture_percent is "
        f"{spec['deploy']['capture_percent']}; SageMaker would write requests as they came, since "
        "a built-in algorithm or an image of your own has no inference.py to mask them in: set "
        "capture_percent = 0"
    ]
