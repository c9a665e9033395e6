"""Choice rules of JSONPath states: And, Or, Not and the comparisons."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from everloop_localcloud.states import paths, timestamps
from everloop_localcloud.states.errors import runtime

Find = Callable[[str], Any]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: bool(left == right),
    "LessThan": lambda left, right: bool(left < right),
    "GreaterThan": lambda left, right: bool(left > right),
    "LessThanEquals": lambda left, right: bool(left <= right),
    "GreaterThanEquals": lambda left, right: bool(left >= right),
}
_COMPARISON = re.compile(
    r"(String|Numeric|Boolean|Timestamp)"
    r"(Equals|LessThanEquals|GreaterThanEquals|LessThan|GreaterThan)(Path)?"
)
_TESTS = {"IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"}
COMBINATIONS = ("And", "Or", "Not")


def comparison(rule: dict[str, Any]) -> str | None:
    """Return the name of the rule's comparison operator, if it has exactly one."""
    found = [
        key
        for key in rule
        if key in _TESTS
        or key == "StringMatches"
        or (
            (match := _COMPARISON.fullmatch(key))
            and not (match[1] == "Boolean" and match[2] != "Equals")
        )
    ]
    return found[0] if len(found) == 1 else None


def holds(rule: dict[str, Any], find: Find) -> bool:
    """Tell whether a rule matches; `find` reads a path. Raises StateError on a path to nowhere."""
    if "And" in rule:
        return all(holds(inner, find) for inner in rule["And"])
    if "Or" in rule:
        return any(holds(inner, find) for inner in rule["Or"])
    if "Not" in rule:
        return not holds(rule["Not"], find)
    operator = comparison(rule)
    if operator is None:
        raise runtime(f"A choice rule needs one comparison, but has {sorted(rule)}")
    path = rule["Variable"]
    if operator == "IsPresent":
        return bool(_present(path, find) == rule["IsPresent"])
    value = _found(path, find)
    if operator in _TESTS:
        return bool(_is(operator, value) == rule[operator])
    if operator == "StringMatches":
        return isinstance(value, str) and _glob(rule[operator]).fullmatch(value) is not None
    match = _COMPARISON.fullmatch(operator)
    assert match is not None
    wanted = rule[operator]
    if match[3]:
        wanted = _found(wanted, find)
    return _compare(match[1], match[2], value, wanted)


def _present(path: str, find: Find) -> bool:
    try:
        found = find(path)
    except paths.NoResult:
        return False
    return paths.parse(path).definite or found != []


def _found(path: str, find: Find) -> Any:
    try:
        return find(path)
    except paths.NoResult as error:
        raise runtime(
            f"Invalid path '{path}': The choice state's condition path references an invalid value."
        ) from error


def _is(test: str, value: Any) -> bool:
    if test == "IsNull":
        return value is None
    if test == "IsNumeric":
        return _number(value)
    if test == "IsString":
        return isinstance(value, str)
    if test == "IsBoolean":
        return isinstance(value, bool)
    return _moment(value) is not None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return timestamps.parse(value)
    except ValueError:
        return None


def _compare(kind: str, order: str, value: Any, wanted: Any) -> bool:
    """Compare two values of one kind; values of another kind never match."""
    if not _fits(kind, value) or not _fits(kind, wanted):
        return False
    if kind == "Timestamp":
        value, wanted = _moment(value), _moment(wanted)
    return _ORDER[order](value, wanted)


def _fits(kind: str, value: Any) -> bool:
    if kind == "String":
        return isinstance(value, str)
    if kind == "Boolean":
        return isinstance(value, bool)
    return _number(value) if kind == "Numeric" else _moment(value) is not None


def _glob(pattern: str) -> re.Pattern[str]:
    """Compile StringMatches: `*` is any text, a backslash takes the next character as it is."""
    parts = []
    for piece in re.findall(r"\\.|\*|[^\\*]+|\\", pattern, re.DOTALL):
        if piece == "*":
            parts.append(".*")
        else:
            parts.append(re.escape(piece[1:] if len(piece) == 2 and piece[0] == "\\" else piece))
    return re.compile("".join(parts), re.DOTALL)
