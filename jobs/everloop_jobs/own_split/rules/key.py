"""By the row's key: its hash says the part, so that a row stays where it is whatever comes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from own_split.rule import Codes, hashes, shares


class Hashed:
    """Holdout is what hashes lowest, then validation: a part only grows where its share does."""

    shown = False

    def __init__(self, data: Mapping[str, Any], column: str) -> None:
        self._data = data
        self.columns: tuple[str, ...] = (column,)

    def show(self, rows: pd.DataFrame, first: int, window: int) -> None:
        """Need not see them."""

    def settle(self) -> None:
        """Nothing is settled: a row's part is its own."""

    def parts(self, rows: pd.DataFrame, first: int, window: int) -> Codes:
        validation, holdout = shares(self._data)
        place = hashes(rows[self.columns[0]], self._data, first) / 2.0**64
        codes = np.where(place < holdout, 2, np.where(place < holdout + validation, 1, 0))
        return codes.astype(np.int8)

    def record(self) -> dict[str, Any]:
        return {"column": self.columns[0]}


def by_key(data: Mapping[str, Any]) -> Hashed:
    return Hashed(data, str(data["key"]))


RULE = by_key
