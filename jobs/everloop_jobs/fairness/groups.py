"""Groups: which rows belong to which, by the columns that [fairness].groups names."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from container import JobError
from metrics import Array
from problems._classes import name_of

FILE = "groups.csv"  # beside data.csv: the columns that no model is given
_MOST = 50


@dataclass(frozen=True)
class Groups:
    """The groups of a column: row positions by name, and which of them is the reference."""

    column: str
    rows: Mapping[str, Array]
    reference: str
    unknown: int  # rows that name no group


def named(values: pd.Series, bands: list[float]) -> pd.Series:
    """Return the group that each cell names; empty where it names none."""
    text = values.fillna("").astype(str).str.strip()
    if not bands:
        return text.map(lambda cell: name_of(cell) if cell else "")
    labels = _labels(bands)
    numbers = pd.to_numeric(text, errors="coerce")
    return numbers.map(lambda n: "" if n != n else labels[bisect_right(bands, n)])


def _labels(bands: list[float]) -> list[str]:
    """Return the names of bands; each begins with its lower bound and ends before its upper."""
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(bands)]
    return [f"below {bands[0]:g}", *inner, f"{bands[-1]:g} and more"]


def of_holdout(rows: pd.DataFrame, folder: Path, spec: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return the columns of groups of a holdout's rows; None where the spec asks for none."""
    if not spec.get("fairness"):
        return None
    return columns_of(rows, folder, spec)


def columns_of(rows: pd.DataFrame, folder: Path, spec: Mapping[str, Any]) -> pd.DataFrame:
    """Return the columns of groups, of data.csv and of what is kept beside it.

    Raises JobError where one is in neither.
    """
    beside = folder / FILE
    more = (
        pd.read_csv(beside, dtype=str, keep_default_na=False)
        if beside.exists()
        else pd.DataFrame(index=rows.index)
    )
    if len(more) != len(rows):
        raise JobError(f"{folder.name}/{FILE} has {len(more)} rows, and data.csv {len(rows)}")
    found = {}
    for name in spec["fairness"]["groups"]:
        if name not in rows and name not in more:
            raise JobError(
                f"{folder.name} has no column {name!r}, one of [fairness].groups; preprocess.py "
                "must keep it, and [fairness].keep_out keeps it from the model"
            )
        found[name] = (rows[name] if name in rows else more[name]).reset_index(drop=True)
    return pd.DataFrame(found)


def groups_of(columns: pd.DataFrame, spec: Mapping[str, Any]) -> list[Groups]:
    """Return the groups of each column. Raises JobError as `reference_of` does."""
    bands = spec["fairness"]["bands"]
    return [
        of_names(column, named(columns[column], bands.get(column, [])), spec)
        for column in map(str, columns)
    ]


def of_names(column: str, names: pd.Series, spec: Mapping[str, Any]) -> Groups:
    """Return the groups of a column by what `named` made of it. Raises as `reference_of` does."""
    rows = {str(name): index for name, index in names.groupby(names).indices.items() if name}
    sizes = {name: len(index) for name, index in rows.items()}
    return Groups(column, rows, reference_of(column, sizes, spec), int((names == "").sum()))


def reference_of(column: str, sizes: Mapping[str, int], spec: Mapping[str, Any]) -> str:
    """Return the group that others are compared with: what was asked for, or the largest.

    Raises JobError where it is not there, and where the column's values are no groups.
    """
    if len(sizes) > _MOST:
        raise JobError(
            f"[fairness].groups: {column!r} has {len(sizes):,} values; at most {_MOST} are "
            f"groups. Of numbers make bands: [fairness] bands = {{ {column} = [25, 45, 65] }}"
        )
    if not sizes:
        raise JobError(f"[fairness].groups: no row has a value of {column!r}")
    asked = spec["fairness"]["reference"].get(column)
    if asked is None:
        return max(sorted(sizes), key=lambda name: sizes[name])
    name = name_of(asked)
    if name not in sizes:
        raise JobError(
            f"[fairness].reference: {column} = {asked!r}, and the groups there are "
            f"{', '.join(sorted(sizes)[:12])}; name one of them"
        )
    return name


def compared(found: Iterable[Groups], least: int) -> int:
    """Return how many groups have rows enough to be compared with their reference."""
    return sum(
        len(rows) >= least
        for groups in found
        for name, rows in groups.rows.items()
        if name != groups.reference
    )
