"""Values of features: text that Feature Store takes, the same whether it is put or read."""

import math
from collections.abc import Callable
from typing import Any

from formats.dialect import MISSING

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


class NoValue(ValueError):
    """A cell that its feature's type cannot hold."""


def of(kind: str) -> Callable[[Any], str | None]:
    """Return what writes a cell as a feature of this type; None is a value that is missing."""
    return {"Fractional": _number, "Integral": _whole, "String": _text}[kind]


def _number(cell: Any) -> str | None:
    if _is_missing(cell):
        return None
    try:
        value = float(cell)
    except (ValueError, OverflowError):
        raise NoValue(f"{str(cell)[:40]!r}; a number belongs there") from None
    return repr(value) if math.isfinite(value) else None


def _whole(cell: Any) -> str | None:
    if _is_missing(cell):
        return None
    try:
        value = int(cell)
    except (ValueError, OverflowError):
        value = _whole_float(cell)
    if not _SMALLEST <= value <= _LARGEST:
        raise NoValue(f"{str(cell)[:40]!r}, which has more than 64 bits")
    return str(value)


def _whole_float(cell: Any) -> int:
    try:
        number = float(cell)
        if number.is_integer():
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise NoValue(f"{str(cell)[:40]!r}; a whole number belongs there")


def _text(cell: Any) -> str | None:
    return None if _is_missing(cell) else str(cell)


def _is_missing(cell: Any) -> bool:
    return (
        cell is None
        or (isinstance(cell, float) and math.isnan(cell))
        or (isinstance(cell, str) and cell in MISSING)
    )
