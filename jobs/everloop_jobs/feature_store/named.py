"""What [features] of a spec names in the rows of the data; specs of before have no such section."""

from collections.abc import Mapping
from typing import Any


def keys_of(spec: Mapping[str, Any]) -> set[str]:
    """Return the columns by which rows find features: they name things, and move by nature."""
    sections = (spec.get("features") or {}).values()
    keys = {str(each["on"] or each["id"]) for each in sections}
    return keys | {str(each["as_of"]) for each in sections if each["as_of"]}


def columns_of(spec: Mapping[str, Any]) -> list[str]:
    """Return the columns that a request may lack: the endpoint looks them up."""
    sections = (spec.get("features") or {}).values()
    return [column for each in sections if each["online"] for column in each["columns"]]
