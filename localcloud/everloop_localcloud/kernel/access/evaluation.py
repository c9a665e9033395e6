"""Whether identity policies allow a demand: an explicit Deny wins, else one Allow is needed."""

import fnmatch
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from everloop_localcloud.kernel.access.demands import Demand


@dataclass(frozen=True)
class Statement:
    """A statement and where it stands: the policy's name and its place in it."""

    policy: str
    index: int
    content: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """`statement` is what allowed, or what denied; None where nothing says anything."""

    allowed: bool
    statement: Statement | None


def evaluate(statements: Sequence[Statement], demand: Demand, known: dict[str, str]) -> Verdict:
    """Judge a demand. `known` are the context keys that hold for every call, in lower case."""
    context = {**{key: [value] for key, value in known.items()}, **demand.context}
    allowing = None
    for statement in statements:
        if not _concerns(statement.content, demand):
            continue
        if not _holds(statement.content.get("Condition") or {}, context):
            continue
        if statement.content.get("Effect") == "Deny":
            return Verdict(False, statement)
        allowing = allowing or statement
    return Verdict(allowing is not None, allowing)


def statements_of(policy: str, document: dict[str, Any]) -> Iterator[Statement]:
    for index, content in enumerate(listed(document.get("Statement") or [])):
        yield Statement(policy, index, content)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _concerns(content: dict[str, Any], demand: Demand) -> bool:
    action = demand.action.lower()
    if "NotAction" in content:
        if any(_like(action, str(p).lower()) for p in listed(content["NotAction"])):
            return False
    elif not any(_like(action, str(p).lower()) for p in listed(content.get("Action") or [])):
        return False
    if demand.resource is None:
        return True
    if "NotResource" in content:
        return not any(_like(demand.resource, str(p)) for p in listed(content["NotResource"]))
    return any(_like(demand.resource, str(p)) for p in listed(content.get("Resource") or []))


def _like(value: str, pattern: str) -> bool:
    if "*" in pattern or "?" in pattern:
        return _compiled(pattern)(value) is not None
    return value == pattern


@lru_cache(maxsize=32768)  # a stack has more patterns than fnmatch itself remembers
def _compiled(pattern: str) -> Callable[[str], "re.Match[str] | None"]:
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]"))).match  # IAM knows * and ?


def _holds(conditions: dict[str, dict[str, Any]], context: dict[str, list[str]]) -> bool:
    return all(
        _holds_for(operator, context.get(key.lower()), [_text(one) for one in listed(wanted)])
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds_for(operator: str, values: list[str] | None, wanted: list[str]) -> bool:
    """Judge one condition. An operator that is not known here never holds."""
    each, _, plain = operator.rpartition(":")
    if plain == "Null":
        return (values is None) == (wanted[0] == "true")
    if plain.endswith("IfExists"):
        if values is None:
            return True
        plain = plain.removesuffix("IfExists")
    negated = "Not" in plain
    test = _TESTS.get(plain.replace("Not", ""))
    if test is None:
        return False
    if values is None:
        return negated or each == "ForAllValues"
    matches = [any(test(value, one) for one in wanted) != negated for value in values]
    return any(matches) if each == "ForAnyValue" else all(matches)


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, one: value == one,
    "StringEqualsIgnoreCase": lambda value, one: value.lower() == one.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "Bool": lambda value, one: value.lower() == one.lower(),
}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
