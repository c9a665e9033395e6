"""The intrinsic functions themselves: each takes JSON values and gives one."""

import base64
import binascii
import hashlib
import math
import random
import re
from collections.abc import Callable
from typing import Any

from everloop_localcloud.states import json_text
from everloop_localcloud.states.errors import INTRINSIC_FAILURE, StateError

_LONGEST_ARRAY = 1_000
_LONGEST_TEXT = 10_000
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384"}
_HASHES |= {"SHA-512": "sha512"}


def unescaped(text: str) -> str:
    """Take the backslashes off what a string of an intrinsic call escapes."""
    return re.sub(r"\\(['{}\\])", r"\1", text)


def failure(cause: str) -> StateError:
    """Return the error of a function that got what it cannot take."""
    return StateError(INTRINSIC_FAILURE, cause, located=True)


def _format(template: Any, *values: Any) -> str:
    if not isinstance(template, str):
        raise failure("Invalid arguments in States.Format")
    pieces = re.split(r"(\\['{}\\]|\{\})", template)
    left = list(values)
    if pieces.count("{}") != len(left):
        raise failure(
            f"Invalid arguments in States.Format: {len(left)} values for {pieces.count('{}')} {{}}"
        )
    written = []
    for piece in pieces:
        if piece == "{}":
            written.append(_java(left.pop(0)))
        else:
            written.append(unescaped(piece))
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
        raise failure("Invalid arguments in States.StringToJson")
    if not text.strip():
        return None
    try:
        return json_text.loads(text)
    except ValueError as error:
        raise failure("Invalid JSON string in States.StringToJson") from error


def _array(*values: Any) -> list[Any]:
    return list(values)


def _listed(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise failure(f"Invalid arguments in {name}: the first must be an array")
    return value


def _whole(name: str, value: Any) -> int:
    """Round as Java does: halves go up."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise failure(f"Invalid arguments in {name}: a number is wanted")
    return math.floor(value + 0.5) if isinstance(value, float) else value


def _partition(items: Any, size: Any) -> list[Any]:
    every = _listed("States.ArrayPartition", items)
    step = _whole("States.ArrayPartition", size)
    if step < 1:
        raise failure("Invalid arguments in States.ArrayPartition: the size must be positive")
    return [every[at : at + step] for at in range(0, len(every), step)]


def _same(left: Any, right: Any) -> bool:
    return json_text.kind(left) == json_text.kind(right) and left == right


def _contains(items: Any, wanted: Any) -> bool:
    return any(_same(item, wanted) for item in _listed("States.ArrayContains", items))


def _range(first: Any, last: Any, step: Any) -> list[int]:
    start, end, by = (_whole("States.ArrayRange", value) for value in (first, last, step))
    if by == 0:
        raise failure("Invalid arguments in States.ArrayRange: the step must not be 0")
    values = list(range(start, end + (1 if by > 0 else -1), by))
    if len(values) > _LONGEST_ARRAY:
        raise failure(f"Invalid arguments in States.ArrayRange: above {_LONGEST_ARRAY} items")
    return values


def _get_item(items: Any, index: Any) -> Any:
    every, at = _listed("States.ArrayGetItem", items), _whole("States.ArrayGetItem", index)
    if not 0 <= at < len(every):
        raise failure(f"Invalid arguments in States.ArrayGetItem: no item {at}")
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
        raise failure(f"Invalid arguments in {name}: a string of at most {_LONGEST_TEXT} is wanted")
    return value


def _encode(text: Any) -> str:
    return base64.b64encode(_text("States.Base64Encode", text).encode()).decode()


def _decode(text: Any) -> str:
    try:
        return base64.b64decode(_text("States.Base64Decode", text), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise failure("Invalid arguments in States.Base64Decode: no Base64") from error


def _hash(data: Any, algorithm: Any) -> str:
    if algorithm not in _HASHES:
        raise failure(f"Invalid arguments in States.Hash: no algorithm {algorithm!r}")
    text = data if isinstance(data, str) else json_text.dumps(data)
    return hashlib.new(_HASHES[algorithm], text.encode()).hexdigest()


def _merge(left: Any, right: Any, deep: Any) -> dict[str, Any]:
    if not isinstance(left, dict) or not isinstance(right, dict) or deep is not False:
        raise failure("Invalid arguments in States.JsonMerge: two objects and false are wanted")
    return {**left, **right}


def math_random(chance: Callable[[], float], first: Any, last: Any, seed: Any = None) -> int:
    start, end = _whole("States.MathRandom", first), _whole("States.MathRandom", last)
    if start >= end:
        raise failure("Invalid arguments in States.MathRandom: the end must be above the start")
    drawn = chance() if seed is None else random.Random(str(seed)).random()
    return start + math.floor(drawn * (end - start))


def _math_add(left: Any, right: Any) -> int:
    return _whole("States.MathAdd", left) + _whole("States.MathAdd", right)


def _split(text: Any, delimiters: Any) -> list[str]:
    if not isinstance(text, str) or not isinstance(delimiters, str):
        raise failure("Invalid arguments in States.StringSplit")
    if not delimiters:
        return [text] if text else []
    return [part for part in re.split("[" + re.escape(delimiters) + "]", text) if part]


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None]] = {
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
    "States.MathRandom": (math_random, 2, 3),
    "States.MathAdd": (_math_add, 2, 2),
    "States.StringSplit": (_split, 2, 2),
    "States.UUID": (lambda: "", 0, 0),
}
