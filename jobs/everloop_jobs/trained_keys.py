"""Which rows a version was trained on: a digest of each key, eight bytes, kept with its baseline.

Two versions are compared fairly on rows that neither has seen. A split by hand, drawn anew for each
training, puts rows that the champion learned from into the candidate's holdout.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import keys
from container import JobError
from row_names import RowNames, name_of, parts

NAME = "trained-keys.bin"
_REPEATED = 0.01  # a larger share of keys that come again, and the column names no row
_ROWS = 200_000  # at a time
Digests = NDArray[np.uint64]


def write(made: Path, names: RowNames, folder: Path) -> None:
    """Write the digests of all keys of train and validation; nothing where no key names a row."""
    tables = [made / part / "data.csv" for part in ("train", "validation")]
    parts = [part for path in tables for part in _keys(path, names)]
    if not parts:
        return
    every = np.concatenate(parts)
    known = np.unique(every)
    if len(known) >= (1 - _REPEATED) * len(every):
        known.astype("<u8").tofile(folder / NAME)


def seen(column: Iterable[object], folder: Path) -> NDArray[np.bool_] | None:
    """Return which keys a version was trained on; None where that is not known.

    `folder` is its baseline. Versions of before have no digests.
    """
    path = folder / NAME
    if not path.exists():
        return None
    if path.stat().st_size % 8:
        raise JobError(f"{folder.name}/{NAME} is cut off")
    known = np.fromfile(path, dtype="<u8")
    return np.isin(_digests(column), known)


def _keys(path: Path, names: RowNames) -> Iterator[Digests]:
    columns = list(names.columns)
    if not columns or not path.exists():
        return
    if not set(columns) <= {*pd.read_csv(path, nrows=0).columns}:
        return
    reader = pd.read_csv(path, usecols=columns, dtype=str, keep_default_na=False, chunksize=_ROWS)
    with reader as chunks:
        for chunk in chunks:
            yield _digests(names.of_frame(chunk))


def _digests(column: Iterable[object]) -> Digests:
    """Return a digest of each key. Written as a number or as text, 007 and 7 are one key here."""
    written = [
        name_of(keys.same(parts(key), numbers=True)) if key.startswith("[") else key
        for key in map(str, column)
    ]
    same = pd.Series(keys.same(written, numbers=True), dtype=object)
    digests: Digests = pd.util.hash_array(same.to_numpy(), categorize=False).astype(np.uint64)
    return digests
