"""JSON as Step Functions reads and writes it."""

import math
from typing import Any

from everloop_localcloud.kernel import surrogates


def dumps(value: Any) -> str:
    """Write compact JSON, as histories and outputs have it."""
    return surrogates.dumps(value, allow_nan=False)


def loads(text: str) -> Any:
    """Read JSON strictly: NaN and Infinity are no JSON, nor is half a letter. Raises ValueError."""
    return surrogates.loads(text, parse_constant=_refuse, parse_float=_finite)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):  # 1e999: what no number of ours can hold could not be written again
        raise ValueError(f"{text} is out of range")
    return value


def size(value: Any) -> int:
    """Return how many bytes of UTF-8 the value takes as JSON."""
    return len(dumps(value).encode())


def copied(value: Any) -> Any:
    """Copy a JSON value all the way down, so that no state can change another's."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value


def kind(value: Any) -> str:
    """Name the JSON type of a value as AWS's messages do."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
