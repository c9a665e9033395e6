"""What a rule of splitting is: it is shown every row once, then it says where each belongs."""

import hashlib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

import keys
from formats.dialect import MISSING

PARTS = ("train", "validation", "holdout")
LEFT_OUT = -1  # instead of the position of a part
Codes = np.ndarray[Any, np.dtype[np.int8]]


class BadRows(Exception):
    """Rows that cannot be split; the words say which, why, and what to do."""


class Rule(Protocol):
    """`rules/<by>.py` has one as `RULE`; it is made of a spec's [data], and [forecast] in it."""

    columns: tuple[str, ...]  # that it goes by
    shown: bool  # whether it must see all rows before it can say where one belongs

    def show(self, rows: pd.DataFrame, first: int, window: int) -> None:
        """See some rows; `first` is the number of the first in its file. Raises BadRows."""
        ...

    def settle(self) -> None:
        """All rows were shown. Raises JobError where they cannot be split at all."""
        ...

    def parts(self, rows: pd.DataFrame, first: int, window: int) -> Codes:
        """Return the part of each row, or that it is left out. Raises BadRows."""
        ...

    def record(self) -> dict[str, Any]:
        """Return what split.json says of it."""
        ...


def of(data: Mapping[str, Any]) -> Rule:
    module = importlib.import_module(f"{__package__}.rules.{data['split']['by']}")
    rule: Rule = module.RULE(data)
    return rule


def hashes(values: pd.Series, data: Mapping[str, Any], first: int) -> Any:
    """Return a number below 2**64 for each value: the same for the same key, however written.

    Raises BadRows where a value is missing.
    """
    name = str(values.name)
    lost = values.isin(list(MISSING)).to_numpy()
    if lost.any():
        more = f" (and {int(lost.sum()) - 1} more rows)" if lost.sum() > 1 else ""
        raise BadRows(
            f"column {name!r}, which [data.split] goes by, is missing in row "
            f"{first + int(np.argmax(lost)) + 1}{more}; fill it, or leave such rows out"
        )
    codes, distinct = pd.factorize(values)
    numbers = (data.get("columns") or {}).get(name) == "number"
    made = np.fromiter(_hashed(keys.same(distinct, numbers)), np.uint64, len(distinct))
    return made[codes]


def _hashed(texts: Iterable[str]) -> Iterable[int]:
    for text in texts:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
        yield int.from_bytes(digest.digest(), "big")


def shares(data: Mapping[str, Any]) -> tuple[float, float]:
    """Return the shares of validation and holdout."""
    return data["split"]["validation"], data["split"]["holdout"]
