"""The conditions in JSONPath filters: `[?(@.price < 10 && @.name =~ /a.*/i)]`."""

import operator
import re
from collections.abc import Callable
from typing import Any

Condition = Callable[[Any, Any], bool]
Operand = Callable[[Any, Any], Any]

_ABSENT = object()
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_SPACE = re.compile(r"\s*")
_OPERATOR = re.compile(r"\s*(==|!=|<=|>=|<|>|=~|\bin\b|\bnin\b)\s*")
_LITERAL = re.compile(
    r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|(-?\d+(?:\.\d+)?)|(true|false|null)\b"""
)
_PATH = re.compile(r"""[@$](?:\.\w[\w-]*|\[(?:'[^']*'|"[^"]*"|\d+)\])*""")
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/([a-z]*)")


def parse(text: str, at: int) -> tuple[Condition | None, int]:
    """Parse a condition from `at` on; None where there is none that can be understood."""
    left, at = _conjunction(text, at)
    while left is not None and text.startswith("||", _skip(text, at)):
        right, at = _conjunction(text, _skip(text, at) + 2)
        if right is None:
            return None, at
        left = _either(left, right)
    return left, _skip(text, at)


def _either(left: Condition, right: Condition) -> Condition:
    return lambda item, root: left(item, root) or right(item, root)


def _both(left: Condition, right: Condition) -> Condition:
    return lambda item, root: left(item, root) and right(item, root)


def _negated(inner: Condition) -> Condition:
    return lambda item, root: not inner(item, root)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _conjunction(text: str, at: int) -> tuple[Condition | None, int]:
    left, at = _single(text, at)
    while left is not None and text.startswith("&&", _skip(text, at)):
        right, at = _single(text, _skip(text, at) + 2)
        if right is None:
            return None, at
        left = _both(left, right)
    return left, at


def _single(text: str, at: int) -> tuple[Condition | None, int]:
    at = _skip(text, at)
    if text.startswith("!", at):
        inner, at = _single(text, at + 1)
        return (None if inner is None else _negated(inner)), at
    if text.startswith("(", at):
        inner, at = parse(text, at + 1)
        at = _skip(text, at)
        return (inner, at + 1) if text.startswith(")", at) else (None, at)
    left, at = _operand(text, at)
    if left is None:
        return None, at
    sign = _OPERATOR.match(text, at)
    if sign is None:
        return (lambda item, root: left(item, root) is not _ABSENT), at
    if sign[1] == "=~":
        pattern = _REGEX.match(text, sign.end())
        if pattern is None:
            return None, at
        regex = re.compile(pattern[1], re.IGNORECASE if "i" in pattern[2] else 0)
        return (lambda item, root: _fits(regex, left(item, root))), pattern.end()
    right, end = _operand(text, sign.end())
    if right is None:
        return None, end
    order = sign[1]
    return (lambda item, root: _compare(order, left(item, root), right(item, root))), end


def _fits(regex: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and regex.fullmatch(value) is not None


def _operand(text: str, at: int) -> tuple[Operand | None, int]:
    if text.startswith("[", at):
        values: list[Any] = []
        at = _skip(text, at + 1)
        while literal := _LITERAL.match(text, at):
            values.append(_value(literal))
            at = _skip(text, literal.end())
            if text.startswith(",", at):
                at = _skip(text, at + 1)
        return ((lambda item, root: values), at + 1) if text.startswith("]", at) else (None, at)
    if literal := _LITERAL.match(text, at):
        constant = _value(literal)
        return (lambda item, root: constant), literal.end()
    if path := _PATH.match(text, at):
        keys = re.findall(r"""\.(\w[\w-]*)|\['([^']*)'\]|\["([^"]*)"\]|\[(\d+)\]""", path[0])
        from_item = path[0].startswith("@")
        return (lambda item, root: _walk(item if from_item else root, keys)), path.end()
    return None, at


def _value(literal: re.Match[str]) -> Any:
    if literal[3] is not None:
        return float(literal[3]) if "." in literal[3] else int(literal[3])
    if literal[4] is not None:
        return {"true": True, "false": False, "null": None}[literal[4]]
    quoted = literal[1] if literal[1] is not None else literal[2]
    return re.sub(r"\\(.)", r"\1", quoted)


def _walk(value: Any, keys: list[tuple[str, str, str, str]]) -> Any:
    for dotted, single, double, index in keys:
        name = dotted or single or double
        if index:
            if not isinstance(value, list) or int(index) >= len(value):
                return _ABSENT
            value = value[int(index)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return _ABSENT
    return value


def _compare(sign: str, left: Any, right: Any) -> bool:
    if sign in ("in", "nin"):
        return (isinstance(right, list) and left in right) == (sign == "in")
    if left is _ABSENT or right is _ABSENT:
        return False
    if sign in ("==", "!="):
        same = left == right and isinstance(left, bool) == isinstance(right, bool)
        return same == (sign == "==")
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if not numbers and not (isinstance(left, str) and isinstance(right, str)):
        return False
    return bool(_ORDER[sign](left, right))
