"""The column of times that a split goes by, read alike in all files."""

from typing import Any

import numpy as np
import pandas as pd

from formats.dialect import MISSING
from formats.header import clipped
from own_split.rule import BadRows


class Moments:
    """Times as numbers, or as microseconds since 1970: whichever the first rows have."""

    def __init__(self, column: str) -> None:
        self._time = column
        self.numbers: bool | None = None  # whether they are plain numbers

    def of(self, rows: pd.DataFrame, first: int) -> Any:
        """Return the rows' times; `first` is the number of the first. Raises BadRows."""
        values = rows[self._time]
        lost = values.isin(list(MISSING)).to_numpy()
        if lost.any():
            row = first + int(np.argmax(lost)) + 1
            raise BadRows(
                f"column {self._time!r}, which [data.split] goes by, is missing in row {row}; "
                "fill it, or leave such rows out"
            )
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
        finite = np.isfinite(numbers)
        if self.numbers is None:
            self.numbers = bool(finite.all())
        if self.numbers:
            self._refuse(values, ~finite, first, "the rows before have numbers")
            return numbers
        read = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
        self._refuse(values, read.isna().to_numpy(), first, "write it as 2026-11-20T10:00:00Z")
        return read.dt.as_unit("us").astype("int64").to_numpy()

    def written(self, moment: Any) -> Any:
        """Return a time as people write it."""
        if self.numbers:
            return float(moment)
        return pd.Timestamp(int(moment), unit="us", tz="UTC").isoformat()

    def _refuse(self, values: pd.Series, wrong: Any, first: int, fix: str) -> None:
        if wrong.any():
            at = int(np.argmax(wrong))
            raise BadRows(
                f"column {self._time!r} holds {clipped(str(values.iloc[at]))} in row "
                f"{first + at + 1}, which is no time; {fix}"
            )
