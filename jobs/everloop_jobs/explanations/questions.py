"""What a model is asked to explain it: rows of its holdout, each time with one column changed.

A file for each column, since a model may be slow: what is not reached in time is left out whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metrics import Array, Units

REPEATS = 3  # shuffles of a column
_GRID = 8  # values of a column, of which each is given to every row
_GRID_ROWS = 50
_MOST = 50_000  # rows in all, so that wide tables are asked by fewer
_LEAST = 50  # rows, below which a column's part is chance
_SEED = 7


@dataclass(frozen=True)
class Questions:
    """`sample` are positions in the holdout; `grids` the values that a column was given."""

    folder: Path
    sample: Array
    columns: list[str]
    grids: Mapping[str, list[str]]

    @property
    def grid_rows(self) -> int:
        return min(_GRID_ROWS, len(self.sample))

    def file(self, column: str) -> Path:
        return self.folder / f"{self.columns.index(column):05d}.csv"


def asked(
    rows: pd.DataFrame, most: int, folder: Path, units: Units | None = None
) -> Questions | None:
    """Write a file for each column; None where the holdout is too small to say anything.

    With `units`, the unit of each row, whole units are taken: a ranking of half a query is none.
    """
    columns = [str(name) for name in rows.columns]
    least = max(1, _MOST // max(1, len(columns)) - _GRID * _GRID_ROWS) // REPEATS
    count = min(len(rows), most, max(_LEAST, least))
    if count < _LEAST or not columns:
        return None
    random = np.random.default_rng(_SEED)
    sample = _sample(len(rows), count, units, random)
    folder.mkdir(parents=True)
    count = len(sample)
    some = rows.iloc[sample].reset_index(drop=True)
    grids = {name: _grid(rows[name]) for name in columns}
    made = Questions(folder, sample, columns, grids)
    for name in columns:
        parts = []
        for _ in range(REPEATS):
            shuffled = some[name].to_numpy()[random.permutation(count)]
            parts.append(some.assign(**{name: shuffled}))
        few = some.iloc[: made.grid_rows]
        parts += [few.assign(**{name: value}) for value in grids[name]]
        pd.concat(parts, ignore_index=True).to_csv(made.file(name), index=False)
    return made


def _sample(rows: int, count: int, units: Units | None, generator: np.random.Generator) -> Array:
    """Return positions of about `count` rows, of whole units where these are small, in order."""
    if units is not None:
        sizes = np.bincount(units)
        order = generator.permutation(len(sizes))
        many = max(1, int(np.searchsorted(np.cumsum(sizes[order]), count, side="right")))
        sample = np.flatnonzero(np.isin(units, order[:many]))
        if len(sample) <= 2 * count:
            return sample
    return np.sort(generator.choice(rows, count, replace=False))


def _grid(cells: pd.Series) -> list[str]:
    """Return values of a column as they are written, in order: quantiles, or the usual words."""
    known = cells[cells != ""]
    numbers = pd.to_numeric(known, errors="coerce")
    if len(known) and numbers.notna().all() and numbers.nunique() > 1:
        ordered = known.iloc[np.argsort(numbers.to_numpy(), kind="stable")]
        at = np.linspace(0.05, 0.95, _GRID) * (len(ordered) - 1)
        return list(dict.fromkeys(ordered.iloc[at.round().astype(int)]))
    return [str(name) for name in known.value_counts().index[:_GRID]]


def number(value: Any) -> float:
    """Return a grid's value as a number; NaN where it is a word."""
    try:
        return float(value)
    except ValueError:
        return float("nan")
