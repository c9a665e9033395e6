"""Halves of surrogate pairs: JSON can write them ("\\ud800"), and no text can hold them.

UTF-8 has no bytes for one, so what came in must fail somewhere later on, and again on each retry.
So they are refused where text comes in, and written as JSON's escapes where they came all the same.
"""

import json
import re
from typing import Any

_HALF = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"\\u[dD][89a-fA-F]")
_ESCAPED_BYTES = re.compile(rb"\\u[dD][89a-fA-F]")


def check(value: Any) -> None:
    """Raise ValueError where a string, or a name, in a JSON value has half of a surrogate pair."""
    if isinstance(value, str):
        found = _HALF.search(value)
        if found is not None:
            raise ValueError(
                f"half of a surrogate pair, \\u{ord(found[0]):04x}, at character {found.start()}: "
                "no text has one"
            )
    elif isinstance(value, dict):
        for name, item in value.items():
            check(name)
            check(item)
    elif isinstance(value, list):
        for item in value:
            check(item)


def may_be_in(text: str | bytes) -> bool:
    """Tell quickly whether JSON may have one; whole pairs look alike until they are read."""
    if isinstance(text, bytes):
        return _ESCAPED_BYTES.search(text) is not None
    return _ESCAPED.search(text) is not None or _HALF.search(text) is not None


def loads(text: str | bytes, **options: Any) -> Any:
    """Read JSON whose texts are texts. Raises ValueError."""
    value = json.loads(text, **options)
    if may_be_in(text):
        check(value)
    return value


def dumps(value: Any, **options: Any) -> str:
    """Write compact JSON that can be UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), **options)
    if text.isascii() or _HALF.search(text) is None:
        return text
    return json.dumps(value, separators=(",", ":"), **options)
