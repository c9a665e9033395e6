"""Filter patterns of CloudWatch Logs: terms, and comparisons of JSON members."""

import fnmatch
import json
import re
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.errors import AwsError

Matches = Callable[[str], bool]

_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))')
_COMPARISON = re.compile(
    r'\s*\$\.([A-Za-z0-9_.\-]+)\s*(=|!=|>=|<=|>|<)\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"&|(){}]+))\s*'
)


def compiled(pattern: str) -> Matches:
    """Return a test of a message.

    Raises AwsError InvalidParameterException for what is no pattern or is not understood here:
    regular expressions, and patterns of space-delimited fields.
    """
    text = pattern.strip()
    if not text:
        return lambda message: True
    if text.startswith("{"):
        return _json_pattern(text)
    if text.startswith(("[", "%")):
        raise _invalid(pattern, "fields in brackets and regular expressions are not supported here")
    return _term_pattern(text)


def _invalid(pattern: str, why: str) -> AwsError:
    return AwsError("InvalidParameterException", f"Invalid filter pattern {pattern!r}: {why}")


def _term_pattern(text: str) -> Matches:
    needed: list[str] = []
    optional: list[str] = []
    excluded: list[str] = []
    position = 0
    while position < len(text):
        found = _TERM.match(text, position)
        if not found:
            raise _invalid(text, "a quotation mark is not closed")
        mark, quoted, plain = found.groups()
        term = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        {"": needed, "?": optional, "-": excluded}[mark].append(term)
        position = found.end()
        if not text[position:].strip():
            break

    def matches(message: str) -> bool:
        if any(term in message for term in excluded):
            return False
        if needed and not all(term in message for term in needed):
            return False
        return bool(needed) or not optional or any(term in message for term in optional)

    return matches


def _json_pattern(text: str) -> Matches:
    if not text.endswith("}"):
        raise _invalid(text, "} is missing")
    inner = text[1:-1]
    if "(" in inner:
        raise _invalid(text, "parentheses are not supported here")
    alternatives = [
        [_comparison(text, part) for part in both.split("&&")] for both in inner.split("||")
    ]

    def matches(message: str) -> bool:
        try:
            data = json.loads(message)
        except ValueError:
            return False
        return any(all(test(data) for test in tests) for tests in alternatives)

    return matches


def _comparison(pattern: str, text: str) -> Callable[[Any], bool]:
    found = _COMPARISON.fullmatch(text)
    if not found:
        raise _invalid(pattern, f'{text.strip()!r} is no comparison like $.level = "ERROR"')
    path, sign, quoted, plain = found.groups()
    wanted = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
    number = _number(plain)
    if sign not in ("=", "!=") and number is None:
        raise _invalid(pattern, f"{sign} compares numbers, not {wanted!r}")

    def test(data: Any) -> bool:
        there, value = _select(data, path.split("."))
        if not there:
            return False
        if number is not None:
            actual = _number(value)
            return actual is not None and _compare(actual, sign, number)
        same = fnmatch.fnmatchcase(_text(value), re.sub(r"([\[?])", r"[\1]", wanted))
        return same if sign == "=" else not same

    return test


def _select(data: Any, path: list[str]) -> tuple[bool, Any]:
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return False, None
        data = data[name]
    return True, data


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _compare(actual: float, sign: str, wanted: float) -> bool:
    return {
        "=": actual == wanted,
        "!=": actual != wanted,
        ">": actual > wanted,
        "<": actual < wanted,
        ">=": actual >= wanted,
        "<=": actual <= wanted,
    }[sign]
