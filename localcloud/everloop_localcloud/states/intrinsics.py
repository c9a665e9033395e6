"""The intrinsic functions of JSONPath states: `States.Format('{}', $.name)` and its like."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from everloop_localcloud.states import json_text, paths
from everloop_localcloud.states.intrinsic_functions import (
    FUNCTIONS,
    failure,
    math_random,
    unescaped,
)

_CALL = re.compile(r"\s*(States\.[A-Za-z0-9]+)\s*\(")
_STRING = re.compile(r"\s*'((?:[^'\\]|\\['{}\\])*)'\s*")
_LITERAL = re.compile(r"\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)\s*(?=[,)])")


class InvalidCall(Exception):
    """The text is no call of an intrinsic function."""


@dataclass(frozen=True)
class Call:
    """A parsed call; an argument is a Call, a Path, or ("text" | "value", literal)."""

    name: str
    arguments: tuple[Any, ...]


@lru_cache(maxsize=2048)
def parse(text: str) -> Call:
    """Parse a whole call. Raises InvalidCall."""
    call, end = _call(text, 0)
    if text[end:].strip():
        raise InvalidCall(text)
    return call


def _call(text: str, at: int) -> tuple[Call, int]:
    found = _CALL.match(text, at)
    if found is None or found[1] not in FUNCTIONS:
        raise InvalidCall(text)
    at = found.end()
    arguments: list[Any] = []
    if text[at:].lstrip().startswith(")"):
        return Call(found[1], ()), text.index(")", at) + 1
    while True:
        argument, at = _argument(text, at)
        arguments.append(argument)
        rest = text[at:]
        at += len(rest) - len(rest.lstrip())
        if text.startswith(",", at):
            at += 1
        elif text.startswith(")", at):
            return Call(found[1], tuple(arguments)), at + 1
        else:
            raise InvalidCall(text)


def _argument(text: str, at: int) -> tuple[Any, int]:
    if quoted := _STRING.match(text, at):
        return ("text", quoted[1]), quoted.end()
    if literal := _LITERAL.match(text, at):
        return ("value", json_text.loads(literal[1])), literal.end()
    if _CALL.match(text, at):
        return _call(text, at)
    start = at + len(text[at:]) - len(text[at:].lstrip())
    end, depth, quote = start, 0, ""
    while end < len(text):
        char = text[end]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and depth:
            quote = char
        elif char in "[(":
            depth += 1
        elif char in "])" and depth:
            depth -= 1
        elif char in ",)" and not depth:
            break
        end += 1
    try:
        return paths.parse(text[start:end].strip()), end
    except paths.InvalidPath as error:
        raise InvalidCall(text) from error


def paths_of(call: Call) -> list[paths.Path]:
    """Return every path that the call reads."""
    found = []
    for argument in call.arguments:
        if isinstance(argument, paths.Path):
            found.append(argument)
        elif isinstance(argument, Call):
            found += paths_of(argument)
    return found


Reader = Callable[[paths.Path], Any]


def evaluate(call: Call, read: Reader, chance: Callable[[], float], uuid: Callable[[], str]) -> Any:
    """Evaluate a call. Raises StateError States.IntrinsicFailure where AWS does."""
    values = []
    for argument in call.arguments:
        if isinstance(argument, Call):
            values.append(evaluate(argument, read, chance, uuid))
        elif isinstance(argument, paths.Path):
            values.append(read(argument))
        elif argument[0] == "text":
            # A template keeps its escapes until its places are filled.
            keep = call.name == "States.Format" and not values
            values.append(argument[1] if keep else unescaped(argument[1]))
        else:
            values.append(argument[1])
    if call.name == "States.UUID":
        return uuid()
    if call.name == "States.MathRandom":
        return math_random(chance, *_counted(call.name, values, 2, 3))
    function, least, most = FUNCTIONS[call.name]
    return function(*_counted(call.name, values, least, most))


def _counted(name: str, values: list[Any], least: int, most: int | None) -> list[Any]:
    if len(values) < least or (most is not None and len(values) > most):
        raise failure(f"Invalid arguments in {name}")
    return values
