"""Records of a feature group on the disk, one by id and event time, found by what was known when.

Where the offline store has several of an id and event time, the last one that was put counts: by
when it was put, then by when it was written, as AWS's sample queries have it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Row = tuple[str, int, int, int, bool, str]  # id, time, put, written, deleted, values as JSON
_TABLE = """
create table {name} (
    id text not null, at integer not null, put integer not null, written integer not null,
    deleted integer not null, vals text not null, primary key (id, at)
) without rowid
"""
_ADD = """
insert into {name} values (?, ?, ?, ?, ?, ?)
on conflict (id, at) do update set
    put = excluded.put, written = excluded.written, deleted = excluded.deleted,
    vals = excluded.vals
where (excluded.put, excluded.written, excluded.deleted, excluded.vals)
    > (put, written, deleted, vals)
"""
_NEWEST = """
select at, deleted, vals from records where id = ? and at <= ? order by at desc limit 1
"""
# What the drop has and the store has not. What somebody deleted there stays deleted.
_LACKING = """
from wanted left join records on records.id = wanted.id and records.at = wanted.at
where records.id is null or (records.vals != wanted.vals and not records.deleted)
"""


@dataclass(frozen=True)
class Known:
    """The newest record of an id at a time, and of when it is."""

    at: int
    values: list[str | None]


class History:
    """Two tables in one file: `records` of the store, and those that a drop wants there."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute("pragma journal_mode = off")
        self._database.execute("pragma synchronous = off")
        for name in ("records", "wanted"):
            self._database.execute(_TABLE.format(name=name))

    def close(self) -> None:
        self._database.close()

    def add(self, rows: Iterable[Row]) -> None:
        """Add records that the store has."""
        self._database.executemany(_ADD.format(name="records"), rows)

    def want(self, rows: Iterable[Row]) -> None:
        """Add records that the store should have; of the same id and time the last put counts."""
        self._database.executemany(_ADD.format(name="wanted"), rows)

    def wanted(self) -> int:
        return int(self._database.execute("select count(*) from wanted").fetchone()[0])

    def lacking(self) -> int:
        return int(self._database.execute(f"select count(*) {_LACKING}").fetchone()[0])

    def lacks(self) -> Iterator[tuple[str, int, list[str | None]]]:
        """Yield what the store lacks, the oldest first: the online store keeps the newest."""
        found = self._database.execute(
            f"select wanted.id, wanted.at, wanted.vals {_LACKING} order by wanted.at, wanted.id"
        )
        for id, at, values in found:
            yield id, at, json.loads(values)

    def at(self, id: str, moment: int) -> Known | None:
        """Return what was known of an id then; None where nothing was, or it was deleted."""
        found = self._database.execute(_NEWEST, (id, moment)).fetchone()
        if found is None or found[1]:
            return None
        return Known(found[0], json.loads(found[2]))

    def digest(self) -> tuple[int, str]:
        """Return how many records there are, and a digest of them, in whatever files they lie."""
        made, count = hashlib.sha256(), 0
        rows = self._database.execute("select id, at, deleted, vals from records order by id, at")
        for row in rows:
            made.update(json.dumps(row).encode() + b"\n")
            count += 1
        return count, made.hexdigest()


def as_text(values: Sequence[str | None]) -> str:
    return json.dumps(list(values), separators=(",", ":"))
