"""Tokens: what stands in the place of a personal value, the same wherever the value comes.

A token is an HMAC of the value, so that nobody without the key can try which value it stands for.
It is made once: a token stays what it is. This file also lies in endpoints, where packages are few.
"""

from __future__ import annotations  # endpoints have Python 3.8 as well

import base64
import hmac
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MASK = "***"
# Of prefix and 130 bits, in letters that no reader of CSV takes for a number.
_TOKEN = re.compile(r"anon-[a-z2-7]{26}")
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
_MOST_DIGITS = 40  # longer ones are no keys, as in keys.py
# What is missing stays missing: the texts that pandas takes for it.
MISSING = frozenset(
    [
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    ]
)


def personal(spec: Mapping[str, Any]) -> list[str]:
    """Return the columns whose values nobody may see, the key among them; often none."""
    return list((spec.get("privacy") or {}).get("hidden") or ())


def message(model: str) -> bytes:
    """Return what the stack's key signs, which makes the key of a model."""
    return ("everloop tokens of " + model).encode()


class Masking:
    """`named` are columns that name rows: theirs are always tokens, by which rows are joined."""

    def __init__(self, spec: Mapping[str, Any], named: Collection[str], key: bytes) -> None:
        section, declared = spec.get("privacy") or {}, spec["data"].get("columns") or {}
        self.columns = tuple(personal(spec))
        self._numbers = {name for name in self.columns if declared.get(name) == "number"}
        hidden = section.get("instead") == "mask"
        self._masked = {name for name in self.columns if hidden and name not in named}
        self._key = key

    def cell(self, column: str, value: Any) -> Any:
        """Return what stands for a value of one of the columns."""
        if value is None or value != value or str(value) in MISSING:
            return value
        text = str(value)
        if column in self._masked:
            return MASK
        if _TOKEN.fullmatch(text):
            return text
        return token(self._key, same_number(text) if column in self._numbers else same_text(text))

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row with its personal values hidden."""
        return {
            name: self.cell(name, value) if name in self.columns else value
            for name, value in row.items()
        }


def token(key: bytes, text: str) -> str:
    digest = hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256")
    return "anon-" + base64.b32encode(digest).decode().lower()[:26]


def same_text(text: str) -> str:
    """Write equal texts alike: 7.0 is 7, which a table of numbers makes of it."""
    text = text.strip()
    match = _WHOLE.fullmatch(text) if "." in text else None
    return match.group(1) if match else text


def same_number(text: str) -> str:
    """Write equal numbers alike, as keys.py does: 007 is 7, and 7.0 is."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return text.strip()
    if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS or len(text) > _MOST_DIGITS:
        return text.strip()
    written = f"{value:f}"
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written in ("-0", "") else written
