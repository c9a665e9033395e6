"""A fair sample of rows of which nobody knows how many come; the same rows give the same sample."""

import numpy as np
import pandas as pd

_MIX = np.uint64(0x9E3779B97F4A7C15)


class Sample:
    """Keeps the rows whose places hash lowest."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen = 0
        self._bar = np.uint64(2**64 - 1)
        self._parts: list[pd.DataFrame] = []
        self._ranks: list[np.ndarray] = []
        self._held = 0

    def add(self, rows: pd.DataFrame) -> None:
        places = ranks(self._seen, len(rows))
        self._seen += len(rows)
        low = places <= self._bar
        if not low.any():
            return
        self._parts.append(rows[low])
        self._ranks.append(places[low])
        self._held += int(low.sum())
        if self._held > 2 * self._size:
            self._thin()

    def _thin(self) -> None:
        places = np.concatenate(self._ranks)
        if len(places) > self._size:
            self._bar = np.partition(places, self._size - 1)[self._size - 1]
        low = places <= self._bar
        # A column that a file lacks is empty there, as a cell is.
        self._parts = [pd.concat(self._parts, ignore_index=True)[low].fillna("")]
        self._ranks = [places[low]]
        self._held = int(low.sum())

    def rows(self) -> pd.DataFrame:
        """Return the sample, in the order in which the rows came."""
        if not self._parts:
            return pd.DataFrame()
        self._thin()
        return self._parts[0].reset_index(drop=True)


def ranks(first: int, count: int) -> np.ndarray:
    """Return a number below 2**64 for each row from the first on: its place hashed (splitmix64)."""
    places = np.arange(first, first + count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = (places + np.uint64(1)) * _MIX
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


class Hashes:
    """Hashes of rows, to count those that are twice: all of up to some millions, of more a share.

    Equal rows have equal hashes, so what is thrown away is thrown away with all its likes.
    """

    def __init__(self, most: int = 2_000_000) -> None:
        self._most = most
        self._parts: list[np.ndarray] = []
        self._held = 0
        self.shift = 0  # of what came, one in 2**shift is kept

    def add(self, hashes: np.ndarray) -> None:
        kept = self._thinned(hashes, self.shift)
        self._parts.append(kept)
        self._held += len(kept)
        while self._held > self._most:
            self.shift += 1
            self._parts = [self._thinned(part, self.shift) for part in self._parts]
            self._held = sum(map(len, self._parts))

    def at(self, shift: int) -> np.ndarray:
        if not self._parts:
            return np.empty(0, np.uint64)
        return self._thinned(np.concatenate(self._parts), shift)

    @staticmethod
    def _thinned(hashes: np.ndarray, shift: int) -> np.ndarray:
        if not shift:
            return hashes
        return hashes[(hashes >> np.uint64(64 - shift)) == 0]
