"""Reads the JSON of event patterns as AWS does: keys may repeat, errors are worded like AWS's."""

import json
import re
from typing import Any

from everloop_localcloud.kernel.errors import AwsError

_VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"


class InvalidPattern(AwsError):
    """A pattern that AWS refuses."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}"
        )


class Pairs(list[tuple[str, Any]]):
    """A JSON object as its pairs in order, because a pattern may name a key twice."""


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs)


def read(text: str) -> Pairs:
    """Parse a pattern's text; what follows the object is ignored. Raises InvalidPattern."""
    start = len(text) - len(text.lstrip())
    try:
        value, _ = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        if text[start : start + 1] not in ("{", "") and error.pos > start:
            raise InvalidPattern("Filter is not an object") from error
        raise InvalidPattern(_worded(text, error)) from error
    except RecursionError as error:
        raise InvalidPattern("Filter is nested too deeply") from error
    if not isinstance(value, Pairs):
        raise InvalidPattern("Filter is not an object")
    return value


def _worded(text: str, error: json.JSONDecodeError) -> str:
    rest = text[error.pos :]
    if not rest.strip():
        return "Unexpected end-of-input"
    rest = rest.lstrip()
    seen = f"Unexpected character ('{rest[0]}' (code {ord(rest[0])}))"
    if error.msg.startswith("Expecting value"):
        word = re.match(r"[A-Za-z_$][\w$]*", rest)
        if word:
            return f"Unrecognized token '{word.group()}': was expecting ({_VALUES})"
        return f"{seen}: expected a valid value ({_VALUES})"
    if error.msg.startswith("Expecting property name"):
        return f"{seen}: was expecting double-quote to start field name"
    if error.msg.startswith("Illegal trailing comma"):
        return f"{seen}: was expecting double-quote to start field name"
    if error.msg.startswith("Expecting ':'"):
        return f"{seen}: was expecting a colon to separate field name and value"
    if error.msg.startswith("Expecting ','"):
        kind = "Array" if _inside_array(text[: error.pos]) else "Object"
        return f"{seen}: was expecting comma to separate {kind} entries"
    if error.msg.startswith("Unterminated string"):
        return "Unexpected end-of-input: was expecting closing quote for a string value"
    return error.msg


def _inside_array(text: str) -> bool:
    opened = []
    for token in re.findall(r'"(?:\\.|[^"\\])*"|[\[\]{}]', text):
        if token in ("[", "{"):
            opened.append(token)
        elif token in ("]", "}") and opened:
            opened.pop()
    return bool(opened) and opened[-1] == "["
