"""The intrinsic functions of JSONPath states: `States.Format('{}', $.name)` and its like."""

import base64
import binascii
import hashlib
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localcloud.states import json_text, paths
from localcloud.states.errors import INTRINSIC_FAILURE, StateError

_CALL = re.compile(r"\s*(States\.[A-Za-z0-9]+)\s*\(")
_STRING = re.compile(r"\s*'((?:[^'\\]|\\['{}\\])*)'\s*")
_LITERAL = re.compile(r"\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null)\s*(?=[,)])")
_LONGEST_ARRAY = 1_000
_LONGEST_TEXT = 10_000
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384"}
_HASHES |= {"SHA-512": "sha512"}


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
    if found is None or found[1] not in _FUNCTIONS:
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
            values.append(argument[1] if keep else _unescaped(argument[1]))
        else:
            values.append(argument[1])
    if call.name == "States.UUID":
        return uuid()
    if call.name == "States.MathRandom":
        return _math_random(chance, *_counted(call.name, values, 2, 3))
    function, least, most = _FUNCTIONS[call.name]
    return function(*_counted(call.name, values, least, most))


def _counted(name: str, values: list[Any], least: int, most: int | None) -> list[Any]:
    if len(values) < least or (most is not None and len(values) > most):
        raise _failure(f"Invalid arguments in {name}")
    return values


def _unescaped(text: str) -> str:
    return re.sub(r"\\(['{}\\])", r"\1", text)


def _failure(cause: str) -> StateError:
    return StateError(INTRINSIC_FAILURE, cause, located=True)


def _format(template: Any, *values: Any) -> str:
    if not isinstance(template, str):
        raise _failure("Invalid arguments in States.Format")
    pieces = re.split(r"(\\['{}\\]|\{\})", template)
    left = list(values)
    if pieces.count("{}") != len(left):
        raise _failure(
            f"Invalid arguments in States.Format: {len(left)} values for {pieces.count('{}')} {{}}"
        )
    written = []
    for piece in pieces:
        if piece == "{}":
            written.append(_java(left.pop(0)))
        else:
            written.append(_unescaped(piece))
    return "".join(written)


def _java(value: Any) -> str:
    """Write a value as Java's toString does: this shows in the text that States.Format makes."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_java(item) for item in value) + "]"
    return json_text.dumps(value)


def _string_to_json(text: Any) -> Any:
    if not isinstance(text, str):
        raise _failure("Invalid arguments in States.StringToJson")
    if not text.strip():
        return None
    try:
        return json_text.loads(text)
    except ValueError as error:
        raise _failure("Invalid JSON string in States.StringToJson") from error


def _array(*values: Any) -> list[Any]:
    return list(values)


def _listed(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _failure(f"Invalid arguments in {name}: the first must be an array")
    return value


def _whole(name: str, value: Any) -> int:
    """Round as Java does: halves go up."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _failure(f"Invalid arguments in {name}: a number is wanted")
    return math.floor(value + 0.5) if isinstance(value, float) else value


def _partition(items: Any, size: Any) -> list[Any]:
    every = _listed("States.ArrayPartition", items)
    step = _whole("States.ArrayPartition", size)
    if step < 1:
        raise _failure("Invalid arguments in States.ArrayPartition: the size must be positive")
    return [every[at : at + step] for at in range(0, len(every), step)]


def _same(left: Any, right: Any) -> bool:
    return json_text.kind(left) == json_text.kind(right) and left == right


def _contains(items: Any, wanted: Any) -> bool:
    return any(_same(item, wanted) for item in _listed("States.ArrayContains", items))


def _range(first: Any, last: Any, step: Any) -> list[int]:
    start, end, by = (_whole("States.ArrayRange", value) for value in (first, last, step))
    if by == 0:
        raise _failure("Invalid arguments in States.ArrayRange: the step must not be 0")
    values = list(range(start, end + (1 if by > 0 else -1), by))
    if len(values) > _LONGEST_ARRAY:
        raise _failure(f"Invalid arguments in States.ArrayRange: above {_LONGEST_ARRAY} items")
    return values


def _get_item(items: Any, index: Any) -> Any:
    every, at = _listed("States.ArrayGetItem", items), _whole("States.ArrayGetItem", index)
    if not 0 <= at < len(every):
        raise _failure(f"Invalid arguments in States.ArrayGetItem: no item {at}")
    return every[at]


def _length(items: Any) -> int:
    return len(_listed("States.ArrayLength", items))


def _unique(items: Any) -> list[Any]:
    kept: list[Any] = []
    for item in _listed("States.ArrayUnique", items):
        if not any(_same(item, other) for other in kept):
            kept.append(item)
    return kept


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise _failure(
            f"Invalid arguments in {name}: a string of at most {_LONGEST_TEXT} is wanted"
        )
    return value


def _encode(text: Any) -> str:
    return base64.b64encode(_text("States.Base64Encode", text).encode()).decode()


def _decode(text: Any) -> str:
    try:
        return base64.b64decode(_text("States.Base64Decode", text), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _failure("Invalid arguments in States.Base64Decode: no Base64") from error


def _hash(data: Any, algorithm: Any) -> str:
    if algorithm not in _HASHES:
        raise _failure(f"Invalid arguments in States.Hash: no algorithm {algorithm!r}")
    text = data if isinstance(data, str) else json_text.dumps(data)
    return hashlib.new(_HASHES[algorithm], text.encode()).hexdigest()


def _merge(left: Any, right: Any, deep: Any) -> dict[str, Any]:
    if not isinstance(left, dict) or not isinstance(right, dict) or deep is not False:
        raise _failure("Invalid arguments in States.JsonMerge: two objects and false are wanted")
    return {**left, **right}


def _math_random(chance: Callable[[], float], first: Any, last: Any, seed: Any = None) -> int:
    start, end = _whole("States.MathRandom", first), _whole("States.MathRandom", last)
    if start >= end:
        raise _failure("Invalid arguments in States.MathRandom: the end must be above the start")
    drawn = chance() if seed is None else random.Random(str(seed)).random()
    return start + math.floor(drawn * (end - start))


def _math_add(left: Any, right: Any) -> int:
    return _whole("States.MathAdd", left) + _whole("States.MathAdd", right)


def _split(text: Any, delimiters: Any) -> list[str]:
    if not isinstance(text, str) or not isinstance(delimiters, str):
        raise _failure("Invalid arguments in States.StringSplit")
    if not delimiters:
        return [text] if text else []
    return [part for part in re.split("[" + re.escape(delimiters) + "]", text) if part]


_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
    "States.Format": (_format, 1, None),
    "States.StringToJson": (_string_to_json, 1, 1),
    "States.JsonToString": (json_text.dumps, 1, 1),
    "States.Array": (_array, 0, None),
    "States.ArrayPartition": (_partition, 2, 2),
    "States.ArrayContains": (_contains, 2, 2),
    "States.ArrayRange": (_range, 3, 3),
    "States.ArrayGetItem": (_get_item, 2, 2),
    "States.ArrayLength": (_length, 1, 1),
    "States.ArrayUnique": (_unique, 1, 1),
    "States.Base64Encode": (_encode, 1, 1),
    "States.Base64Decode": (_decode, 1, 1),
    "States.Hash": (_hash, 2, 2),
    "States.JsonMerge": (_merge, 3, 3),
    "States.MathRandom": (_math_random, 2, 3),
    "States.MathAdd": (_math_add, 2, 2),
    "States.StringSplit": (_split, 2, 2),
    "States.UUID": (lambda: "", 0, 0),
}
