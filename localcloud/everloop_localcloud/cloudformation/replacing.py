"""Which changes of a resource make a new one on AWS, and what two resources may not share.

The table beside this file is taken from AWS's own schemas of its resource types, of the day that it
names: `replacing` are the properties that the documentation calls "Update requires: Replacement"
(createOnlyProperties and conditionalCreateOnlyProperties), `name` is the one that gives a custom
name, and what has the same `identity` is the same resource. A test holds it to the schemas.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TYPES: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_suffix(".json").read_text(encoding="utf-8")
)["types"]
# What a part of an identity is where a template leaves it out.
_UNSAID = {"EventBusName": "default", "GroupName": "default"}
_OWN, _CUSTOM = "Custom::", "AWS::CloudFormation::CustomResource"  # two names of one type


def _row(type_name: str) -> dict[str, Any]:
    return _TYPES[_CUSTOM if type_name.startswith(_OWN) else type_name]


def properties(type_name: str) -> frozenset[str]:
    """Return the properties of a type whose change makes a new resource."""
    return frozenset(_row(type_name)["replacing"])


def custom_name(type_name: str, given: Mapping[str, Any]) -> str | None:
    """Return the name that a template gives a resource; None where CloudFormation makes one up."""
    name = given.get(_row(type_name).get("name", ""))
    return None if name is None else str(name)


def identifying(type_name: str) -> tuple[str, ...]:
    """Return the properties that a type's resources are known by; () where AWS makes that up."""
    return tuple(_row(type_name).get("identity", ()))


def identity(type_name: str, given: Mapping[str, Any]) -> str | None:
    """Return what no two resources of a type share; None where nobody gave it."""
    parts = [given.get(name, _UNSAID.get(name)) for name in identifying(type_name)]
    return "|".join(str(part) for part in parts) if parts and None not in parts else None


def refusal(type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """Say why CloudFormation does not replace a resource; None where it does.

    The new one is made before the old one goes, so a name that stays is taken.
    """
    name = custom_name(type_name, after)
    if name is None or name != custom_name(type_name, before):
        return None
    return (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        f"Rename {name} and update the stack again."
    )
