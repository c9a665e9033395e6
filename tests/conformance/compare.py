"""Comparing an answer with what AWS answered, by the rules in README.md."""

import json
import re
from typing import Any

_IGNORED = {"SdkHttpMetadata", "SdkResponseMetadata"}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def difference(wanted: Any, got: Any, where: str = "") -> str | None:
    """Say where and how two values differ; None if they are the same."""
    if wanted == "<*>":
        return None
    if isinstance(wanted, str) and isinstance(got, str):
        return _texts(wanted, got, where)
    if isinstance(wanted, dict | list) and isinstance(got, str):
        got = _parsed(got)
    if isinstance(wanted, dict) and isinstance(got, dict):
        return _objects(wanted, got, where)
    if isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            return f"{where}: wanted {wanted!r}, got {got!r}"
        for index, (left, right) in enumerate(zip(wanted, got, strict=True)):
            if found := difference(left, right, f"{where}[{index}]"):
                return found
        return None
    same = wanted == got and isinstance(wanted, bool) == isinstance(got, bool)
    return None if same else f"{where}: wanted {wanted!r}, got {got!r}"


def _objects(wanted: dict[str, Any], got: dict[str, Any], where: str) -> str | None:
    left = {key for key in wanted if key not in _IGNORED}
    right = {key for key in got if key not in _IGNORED}
    if left != right:
        return f"{where}: wanted keys {sorted(left)}, got {sorted(right)}"
    for key in sorted(left):
        if found := difference(wanted[key], got[key], f"{where}/{key}"):
            return found
    return None


def _texts(wanted: str, got: str, where: str) -> str | None:
    pattern = ".*".join(re.escape(part) for part in wanted.split("<*>"))
    if re.fullmatch(pattern, got, re.DOTALL):
        return None
    left, right = _parsed(wanted.replace("<*>", "<*>")), _parsed(got)
    if isinstance(left, dict) and isinstance(right, dict):
        return difference(left, right, where)
    return f"{where}: wanted {wanted!r}, got {got!r}"
