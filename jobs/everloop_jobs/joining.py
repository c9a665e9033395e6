"""Late labels joined with the predictions they are for, day by day, on disk.

A day's predictions are in the table while it is joined, and the labels. What is returned of a day
are its numbers and its labelled rows, which `counted` drops where this look does not judge them.
"""

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

import keys
from capture import INFERENCE, SCORE, TIME
from predictions import GROUPS, VERSION

_ROWS = 100_000  # at a time
_TABLE = """
create table predictions (
    key text, version integer, time text, score, file integer, row integer, groups text,
    primary key (key, version)
) without rowid
"""
# A key that was predicted several times on one day by one version: its latest prediction counts.
_TAKE = """
insert into predictions values (?, ?, ?, ?, ?, ?, ?)
on conflict (key, version) do update
set time = excluded.time, score = excluded.score, file = excluded.file, row = excluded.row,
    groups = excluded.groups
where excluded.time >= predictions.time
"""
_BETWEEN = 0  # stands for the version of what was answered while one was being replaced


@dataclass(frozen=True)
class Group:
    """The predictions of one day by one version, and those whose labels have come."""

    day: str
    version: int | None
    predictions: int
    labelled: int
    target: list[Any]  # as labels hold it
    score: list[Any]  # as cells hold it
    arrived: Counter[str]  # when how many of the labels came
    digest: str  # of keys, targets and scores: the same evidence has the same
    keys: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)  # as predictions keep them, or empty texts

    def counted(self) -> "Group":
        """Return its numbers without its rows, which nobody judges."""
        return replace(self, target=[], score=[], keys=[], groups=[])

    def fresh(self, until: str) -> int:
        """Return how many of the labels came at a time or after it."""
        return sum(count for arrived, count in self.arrived.items() if arrived >= until)


@dataclass
class Day:
    """What was joined of a day."""

    groups: list[Group] = field(default_factory=list)
    repeated: int = 0  # predictions that a later one of the same key and version replaced
    unreadable: list[str] = field(default_factory=list)


def open_table(path: Path) -> sqlite3.Connection:
    """Return a new database. What it holds is made again by every look."""
    table = sqlite3.connect(path, isolation_level=None)
    table.execute("pragma synchronous = off")
    table.execute(_TABLE)
    return table


def join(table: sqlite3.Connection, day: str, files: Sequence[Path], *, numbers: bool) -> Day:
    """Join a day's files with the table `labels`; mark there which were used."""
    joined = Day()
    table.execute("delete from predictions")
    table.execute("begin")
    sent = 0
    for number, path in enumerate(files):
        try:
            for part in _parts(path):
                sent += len(part)
                table.executemany(_TAKE, _values(part, number, numbers))
        except (ValueError, KeyError, OSError, EOFError) as error:
            joined.unreadable.append(f"{path.name}: {error}")
    table.execute(
        "update labels set used = 1 where used = 0 and key in (select key from predictions)"
    )
    counts = table.execute(
        "select version, count(*) from predictions group by version order by version"
    ).fetchall()
    joined.repeated = sent - sum(count for _, count in counts)
    for version, count in counts:
        joined.groups.append(_group(table, day, version, count))
    table.execute("commit")
    return joined


def labelled_rows(table: sqlite3.Connection, file: int) -> list[tuple[int, float | str]]:
    """Return row and target of what has a label in a file of the day that was joined last.

    Of a key that several versions answered only the latest row.
    """
    return table.execute(
        "select row, target from (select p.file, p.row, l.target, max(p.time) from predictions p "
        "join labels l on l.key = p.key group by p.key) where file = ? order by row",
        [file],
    ).fetchall()


def _parts(path: Path) -> Iterator[pd.DataFrame]:
    kinds = {INFERENCE: str, TIME: str, VERSION: "Int64", SCORE: str, GROUPS: str}
    there = set(pd.read_csv(path, nrows=0).columns)  # most files have no groups
    wanted = [name for name in kinds if name in there or name != GROUPS]
    reader = pd.read_csv(
        path, usecols=wanted, dtype=kinds, keep_default_na=False,
        na_values={VERSION: [""], SCORE: ["", "nan"]}, chunksize=_ROWS,
    )  # fmt: skip
    with reader as parts:
        yield from parts


def _values(part: pd.DataFrame, number: int, numbers: bool) -> Iterator[tuple[object, ...]]:
    return zip(
        keys.same(part[INFERENCE], numbers),
        part[VERSION].fillna(_BETWEEN).astype(int).tolist(),
        part[TIME].tolist(),
        _cells(part[SCORE]),
        [number] * len(part),
        part.index.tolist(),
        part[GROUPS].tolist() if GROUPS in part else [""] * len(part),
        strict=True,
    )


def _cells(column: pd.Series) -> list[Any]:
    """Return cells as they were before they were written: numbers are numbers, None is nothing."""
    numbers = pd.to_numeric(column, errors="coerce")
    cells: list[Any] = numbers.astype(object).where(numbers.notna(), column).tolist()
    return [None if cell != cell else cell for cell in cells]


def _group(table: sqlite3.Connection, day: str, version: int, predictions: int) -> Group:
    targets: list[Any] = []
    scores: list[Any] = []
    named: list[str] = []
    groups: list[str] = []
    arrived: Counter[str] = Counter()
    made = hashlib.sha256()
    for key, target, score, came, group in table.execute(
        "select p.key, l.target, p.score, l.arrived, p.groups from predictions p "
        "join labels l on l.key = p.key "
        "where p.version = ? and p.score is not null order by p.key",
        [version],
    ):
        made.update(f"{key}\n{target!r}\n{score!r}\n".encode(errors="surrogatepass"))
        targets.append(target)
        scores.append(score)
        named.append(key)
        groups.append(group)
        arrived[came] += 1
    return Group(
        day=day,
        version=version or None,
        predictions=predictions,
        labelled=len(targets),
        target=targets,
        score=scores,
        arrived=arrived,
        keys=named,
        groups=groups,
        digest=made.hexdigest(),
    )
