"""Labels that were dropped, in a table on disk: thousands of files take no more memory than one."""

import csv
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pandas as pd

import keys
from formats.dialect import MISSING, PANDAS, Dialect
from privacy.masking import Masking
from problems import Problem
from tables import problems_of, rows_of

_TABLE = """
create table labels (
    key text primary key, target not null, arrived text not null, used integer default 0
) without rowid
"""
# A label that says what was known already is nothing new: it keeps the time when it first came.
_TAKE = """
insert into labels (key, target, arrived) values (?, ?, ?)
on conflict (key) do update set target = excluded.target, arrived = excluded.arrived
where labels.target <> excluded.target
"""


@dataclass
class Labels:
    """What came of the label files. `bad` counts files that cannot be used and values that are
    no targets; `refused` says which files, when they came, and why."""

    files: int = 0
    rows: int = 0
    bad: int = 0
    empty: int = 0  # rows without a key or a value
    corrected: int = 0  # values that another replaced
    known: int = 0  # keys with a label
    used: int = 0  # of which a prediction is known, too
    refused: list[tuple[str, str, str]] = field(default_factory=list)


def take(
    table: sqlite3.Connection,
    files: Iterable[tuple[Path, str, str]],
    target: str,
    *,
    problem: Problem,
    numbers: bool,
    dialect: Dialect = PANDAS,
    hidden: Masking | None = None,
) -> Labels:
    """Read label files (path, name, when it came; in order) into the table `labels`.

    Their keys are `hidden` as those of captured traffic are, so that they find each other.

    Of several labels for one key the one that came last counts, of those in one file the last row.
    One bad file or value must not blind the monitor: what is wrong is counted and named.
    """
    table.execute(_TABLE)
    taken = Labels()
    for path, name, arrived in files:
        taken.files += 1
        table.execute("savepoint file")
        before = table.total_changes
        try:
            _take_file(table, path, name, arrived, target, taken, problem, numbers, dialect, hidden)
        except (ValueError, csv.Error, OSError, MemoryError, RecursionError) as error:
            table.execute("rollback to file")
            _refuse(taken, name, arrived, str(error) or type(error).__name__)
        table.execute("release file")
        taken.corrected += table.total_changes - before
    taken.corrected -= counted(table)
    return taken


def counted(table: sqlite3.Connection) -> int:
    """Return how many keys have a label."""
    return int(table.execute("select count(*) from labels").fetchone()[0])


def used(table: sqlite3.Connection) -> int:
    """Return how many keys with a label found a prediction."""
    return int(table.execute("select count(*) from labels where used = 1").fetchone()[0])


def _take_file(
    table: sqlite3.Connection,
    path: Path,
    name: str,
    arrived: str,
    target: str,
    taken: Labels,
    problem: Problem,
    numbers: bool,
    dialect: Dialect,
    hidden: Masking | None,
) -> None:
    columns = (*problem.row_names.columns, target)
    wrong = problems_of(path, name, {}, list(columns), dialect)
    if wrong:
        raise ValueError("; ".join(wrong))
    rows = bad = empty = 0
    for part in _parts(path, name, columns, dialect, problem):
        rows += len(part)
        known = part[~part.isin(list(MISSING)).any(axis=1)]
        empty += len(part) - len(known)
        labels = problem.labels_of(known[target])
        values = pd.Series(labels, known.index, dtype=object)
        fits = values.notna()
        bad += int((~fits).sum())
        own = {
            name: _hidden(_plain(known[name][fits], dialect), name, hidden) for name in columns[:-1]
        }
        named = keys.same(problem.row_names.of_frame(pd.DataFrame(own)), numbers)
        table.executemany(
            _TAKE, zip(named, values[fits].tolist(), [arrived] * len(named), strict=True)
        )
    if bad:
        print(f"bad labels: {name}: of {bad} none is {problem.rule}", file=sys.stderr)
    taken.rows, taken.bad, taken.empty = taken.rows + rows, taken.bad + bad, taken.empty + empty


def _hidden(values: pd.Series, name: str, hidden: Masking | None) -> pd.Series:
    if hidden is None or name not in hidden.columns:
        return values
    return values.map(lambda value: hidden.cell(name, value))


def _plain(values: pd.Series, dialect: Dialect) -> pd.Series:
    """Write keys that are numbers of the dialect with a point; others stay as they are."""
    if dialect.decimal == ".":
        return values
    return values.str.replace(
        rf"^([+-]?\d+){re.escape(dialect.decimal)}(\d+)$", r"\1.\2", regex=True
    )


def _parts(
    path: Path, name: str, columns: tuple[str, ...], dialect: Dialect, problem: Problem
) -> Iterator[pd.DataFrame]:
    is_class = problem.targets in ("any", "free")
    data = {"target": columns[-1], "columns": {}, "dialect": asdict(dialect)}
    data["target_is_class"] = is_class
    yield from rows_of(path, name, columns, data)


def _refuse(taken: Labels, name: str, arrived: str, why: str) -> None:
    print(f"bad labels: {why}", file=sys.stderr)
    taken.bad += 1
    taken.refused.append((name, arrived, why if why.startswith(name) else f"{name}: {why}"))
