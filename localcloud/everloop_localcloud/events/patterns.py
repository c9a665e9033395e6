"""Event patterns: compiled once, matched against many events, by the rules of AWS's own matcher.

A pattern is flattened to paths such as `detail.state`. Fields that lie in an array of objects must
all be found in the same element, as on AWS.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from everloop_localcloud.events.operators import Test, address, exists, operator
from everloop_localcloud.events.pattern_json import InvalidPattern, Pairs, read

# Where a value lies: which element of which array, for all arrays around it.
Membership = tuple[tuple[int, int], ...]
Fields = dict[str, list[tuple[Any, Membership]]]

_NOT_IN_OR = {
    *("exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard"),
    *("numeric", "cidr", "=", "<", "<=", ">", ">=", "regex", "not-wildcard"),
    *("not-equals-ignore-case", "date-after", "date-on-or-after", "date-before"),
    *("date-on-or-before", "in-date-range", "ip-address-in-range", "ip-address-not-in-range"),
}


@dataclass(frozen=True)
class Condition:
    """What one field must be: one of the values, or pass one of the tests, or be absent."""

    path: str
    values: frozenset[Any]
    tests: tuple[Test, ...]
    absent: bool

    def accepts(self, value: Any) -> bool:
        return _key(value) in self.values or any(test(value) for test in self.tests)


Branch = tuple[Condition, ...]


def _key(value: Any) -> Any:
    return ("bool", value) if isinstance(value, bool) else value  # 1 == True in Python only


class Pattern:
    """A compiled pattern. Raises InvalidPattern where AWS refuses the text."""

    def __init__(self, text: str) -> None:
        branches: list[dict[str, Condition]] = []
        _read_object(branches, "", read(text), inside_or=False)
        self._branches: list[Branch] = [
            tuple(branch[path] for path in sorted(branch)) for branch in branches
        ]

    def matches(self, fields: Fields) -> bool:
        """Tell whether an event, given as `flatten` gives it, matches."""
        return any(_follow(fields, branch, 0, {}) for branch in self._branches)


def flatten(event: dict[str, Any]) -> Fields:
    """List every leaf of an event under its dotted path."""
    fields: Fields = {}
    arrays = 0

    def walk(path: str, value: Any, membership: Membership) -> None:
        nonlocal arrays
        if isinstance(value, dict):
            for name, item in value.items():
                walk(f"{path}.{name}" if path else name, item, membership)
        elif isinstance(value, list):
            number = arrays
            arrays += 1
            for index, item in enumerate(value):
                nested = isinstance(item, dict | list)
                walk(path, item, (*membership, (number, index)) if nested else membership)
        else:
            fields.setdefault(path, []).append((value, membership))

    walk("", event, ())
    return fields


@lru_cache(maxsize=4096)
def compiled(text: str) -> Pattern:
    return Pattern(text)


def matches(pattern: str | dict[str, Any], event: dict[str, Any]) -> bool:
    """Tell whether an event matches a pattern. Raises InvalidPattern."""
    text = pattern if isinstance(pattern, str) else json.dumps(pattern)
    return compiled(text).matches(flatten(event))


def _follow(fields: Fields, branch: Branch, at: int, where: dict[int, int]) -> bool:
    """Match the conditions from `at` on; `where` is the element of each array chosen so far."""
    if at == len(branch):
        return True
    condition = branch[at]
    found = [entry for entry in fields.get(condition.path, ()) if _consistent(entry[1], where)]
    if condition.absent and not found and _follow(fields, branch, at + 1, where):
        return True
    tried: set[Membership] = set()
    for value, membership in found:
        if membership not in tried and condition.accepts(value):
            tried.add(membership)
            further = {**where, **dict(membership)} if membership else where
            if _follow(fields, branch, at + 1, further):
                return True
    return False


def _consistent(membership: Membership, where: dict[int, int]) -> bool:
    return all(where.get(array, index) == index for array, index in membership)


def _read_object(
    branches: list[dict[str, Condition]], path: str, pairs: Pairs, *, inside_or: bool
) -> None:
    if not pairs:
        raise InvalidPattern("Empty objects are not allowed")
    for name, value in pairs:
        if name == "$or":
            _read_or(branches, path, value)
            continue
        if inside_or and name in _NOT_IN_OR:
            raise InvalidPattern(
                f"{name} is Ruler reserved fieldName which cannot be used inside $or."
            )
        inner = f"{path}.{name}" if path else name
        if isinstance(value, Pairs):
            _read_object(branches, inner, value, inside_or=inside_or)
        elif isinstance(value, list):
            condition = _condition(inner, value)
            if not branches:
                branches.append({})
            for branch in branches:
                branch[inner] = condition
        else:
            raise InvalidPattern(f'"{name}" must be an object or an array')


def _read_or(branches: list[dict[str, Condition]], path: str, value: Any) -> None:
    if not isinstance(value, list) or isinstance(value, Pairs):
        raise InvalidPattern("It must be an Array followed with $or.")
    before = [dict(branch) for branch in branches] or [{}]
    branches.clear()
    for item in value:
        if not isinstance(item, Pairs):
            raise InvalidPattern("Only JSON object is allowed in array of $or relationship.")
        forked = [dict(branch) for branch in before]
        _read_object(forked, path, item, inside_or=True)
        branches.extend(forked)
    if len(value) < 2:
        raise InvalidPattern("There must have at least 2 Objects in $or relationship.")


def _condition(path: str, items: list[Any]) -> Condition:
    values: set[Any] = set()
    tests: list[Test] = []
    absent = False
    for item in items:
        if isinstance(item, Pairs):
            if item and item[0][0] == "exists":
                if exists(item):
                    tests.append(_anything)
                else:
                    absent = True
            else:
                tests.append(operator(item))
        elif isinstance(item, list):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        else:
            values.add(_key(item))
            if isinstance(item, str) and address(item) is not None:
                tests.append(_same_address(item))
    if not items:
        raise InvalidPattern("Empty arrays are not allowed")
    return Condition(path, frozenset(values), tuple(tests), absent)


def _anything(value: Any) -> bool:
    return True


def _same_address(text: str) -> Test:
    wanted = address(text)
    return lambda found: isinstance(found, str) and address(found) == wanted


__all__ = ["Fields", "InvalidPattern", "Pattern", "compiled", "flatten", "matches"]
