"""Rules of composite alarms: ALARM("a") AND NOT (OK(b) OR INSUFFICIENT_DATA(c)), TRUE, FALSE."""

import re
from collections.abc import Callable

from everloop_localcloud.kernel.errors import AwsError

_TOKEN = re.compile(
    r'\s*(?:(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]+)"|([^\s")]+))\s*\)'
    r"|(AND|OR|NOT|TRUE|FALSE)\b|([()]))"
)
StateOf = Callable[[str], str | None]
Rule = Callable[[StateOf], bool]


def parse(text: str) -> tuple[Rule, list[str]]:  # noqa: C901 # a grammar in one place
    """Return a rule and the alarms it names (by name). Raises AwsError ValidationException."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if not match:
            raise _invalid(text, f"{text[at:].strip()[:20]!r} is not understood")
        if match[1]:
            tokens.append((match[1], (match[2] or match[3]).rpartition(":alarm:")[2]))
        else:
            tokens.append((match[4] or match[5], ""))
        at = match.end()
    position = 0

    def peek() -> str:
        return tokens[position][0] if position < len(tokens) else ""

    def either() -> Rule:
        nonlocal position
        rule = both()
        while peek() == "OR":
            position += 1
            rule = _any(rule, both())
        return rule

    def both() -> Rule:
        nonlocal position
        rule = one()
        while peek() == "AND":
            position += 1
            rule = _all(rule, one())
        return rule

    def one() -> Rule:
        nonlocal position
        kind = peek()
        if not kind:
            raise _invalid(text, "it ends too early")
        name = tokens[position][1]
        position += 1
        if kind == "NOT":
            inner = one()
            return lambda state_of: not inner(state_of)
        if kind == "(":
            rule = either()
            if peek() != ")":
                raise _invalid(text, "a parenthesis is not closed")
            position += 1
            return rule
        if kind in ("TRUE", "FALSE"):
            return lambda state_of: kind == "TRUE"
        if name:
            return lambda state_of: state_of(name) == kind
        raise _invalid(text, f"{kind} is in the wrong place")

    rule = either()
    if position < len(tokens):
        raise _invalid(text, f"{peek()} is in the wrong place")
    return rule, [name for _, name in tokens if name]


def _any(left: Rule, right: Rule) -> Rule:
    return lambda state_of: left(state_of) or right(state_of)


def _all(left: Rule, right: Rule) -> Rule:
    return lambda state_of: left(state_of) and right(state_of)


def _invalid(text: str, reason: str) -> AwsError:
    return AwsError("ValidationException", f"AlarmRule {text!r} is invalid: {reason}.")
