"""Times of records and rows: milliseconds since 1970, as exactly as Feature Store keeps them."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Moments = NDArray[np.int64]
NONE = np.iinfo(np.int64).min  # where there is no time
_LAST = 253_402_300_799  # seconds: the end of the year 9999


class NoTime(ValueError):
    """A cell that is no time; `row` is its position."""

    def __init__(self, row: int, text: str, why: str) -> None:
        super().__init__(f"{text[:40]!r}, which is no time; {why}")
        self.row = row


def of(cells: Iterable[Any], *, up: bool = False) -> Moments:
    """Return times written as ISO 8601 or as Unix seconds; a time without a zone is UTC.

    What is between two milliseconds belongs to the earlier one, or with `up` to the later: a record
    is never there before its time. Raises NoTime.
    """
    texts = pd.Series(list(cells), dtype=object).astype(str).str.strip()
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float)
    is_number = np.isfinite(numbers)
    made = np.empty(len(texts), dtype=np.int64)
    outside = is_number & ((numbers < 0) | (numbers > _LAST))
    if outside.any():
        at = int(np.argmax(outside))
        raise NoTime(at, texts.iloc[at], "as a number, seconds since 1970 belong there")
    # Thousandths as floats hold them, 1.001 s is 1000.9999…: what is meant is near.
    near = np.round(numbers[is_number] * 1000, 3)
    made[is_number] = np.ceil(near) if up else np.floor(near)
    if not is_number.all():
        words = texts[~is_number]
        read = pd.to_datetime(words, errors="coerce", utc=True, format="ISO8601")
        lost = read.isna().to_numpy()
        if lost.any():
            at = int(np.flatnonzero(~is_number)[int(np.argmax(lost))])
            raise NoTime(at, texts.iloc[at], "write it as 2026-11-20T10:00:00Z")
        micros = read.dt.as_unit("us").astype("int64").to_numpy()
        made[~is_number] = -(-micros // 1000) if up else micros // 1000
    return made


def written(moment: int) -> str:
    """Return a time as Feature Store takes it: ISO 8601 with milliseconds."""
    text = pd.Timestamp(moment, unit="ms", tz="UTC").strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment % 1000:03}Z"
