"""What fairness is measured on: what really was and what a version said, row by row."""

from dataclasses import dataclass

import numpy as np

from metrics import Array


@dataclass(frozen=True)
class Choices:
    """Outcomes, 1 where favourable; `chance` is how probable the version called that, or NaN."""

    actual: Array
    said: Array
    chance: Array

    def of(self, index: Array) -> "Choices":
        return Choices(self.actual[index], self.said[index], self.chance[index])

    @property
    def cells(self) -> Array:
        """Counts of rows, by actual and said: (0, 0), (0, 1), (1, 0), (1, 1)."""
        counts = np.bincount((2 * self.actual + self.said).astype(int), minlength=4)
        return counts.astype(float)


@dataclass(frozen=True)
class Amounts:
    """Numbers: what was, and what was predicted."""

    actual: Array
    said: Array

    def of(self, index: Array) -> "Amounts":
        return Amounts(self.actual[index], self.said[index])
