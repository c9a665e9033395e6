"""Keys of rows: when a label's key and a prediction's are the same."""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import pandas as pd

_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
_WRITTEN_AS_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
# Longer ones are no keys, and writing them out would fill the memory.
_MOST_DIGITS = 40


def read_as_numbers(offline: pd.Series, declared: str | None) -> bool:
    """Whether training read the key column as numbers, so that 007 and 7 are one key.

    What the offline predictions hold is what training's own reader made of the column. Only where
    they hold no keys, what `[data.columns]` says counts.
    """
    known = offline.dropna().astype(str)
    known = known[known != ""]
    if known.empty:
        return declared == "number"
    return all(_WRITTEN_AS_NUMBER.fullmatch(key) for key in known)


def same(keys: Iterable[object], numbers: bool) -> list[str]:
    """Write keys so that equal ones are equal texts. 7000.0 is 7000 whatever the column was."""
    one = _number if numbers else _text
    return [key if _plain(key) else one(key) for key in map(str, keys)]


def _plain(key: str) -> bool:
    """Whether a key is a whole number as everybody writes it."""
    return key.isdecimal() and key.isascii() and (key[0] != "0" or len(key) == 1)


def _text(key: str) -> str:
    match = _WHOLE.fullmatch(key)
    return match[1] if match else key


def _number(key: str) -> str:
    try:
        value = Decimal(key.strip())
    except InvalidOperation:
        return key
    if not value.is_finite() or len(key) > _MOST_DIGITS or abs(value.adjusted()) > _MOST_DIGITS:
        return key
    written = f"{value:f}"
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written in ("-0", "") else written
