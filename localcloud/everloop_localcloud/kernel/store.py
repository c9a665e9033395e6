"""State that survives SIGKILL: tables of JSON values in memory, written through to SQLite."""

import base64
import json
import sqlite3
import threading
from collections.abc import Iterator, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Any


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be stored: {value!r}")


def _decode(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        if "$time" in value:
            return datetime.fromisoformat(value["$time"])
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
    return value


class Table(MutableMapping[str, dict[str, Any]]):
    """A persistent dict of dicts. Assigning writes; call `save` after changing one in place."""

    def __init__(self, store: "Store", name: str) -> None:
        self._store = store
        self._name = name
        self._rows = store.load(name)

    def __getitem__(self, key: str) -> dict[str, Any]:
        return self._rows[key]

    def __setitem__(self, key: str, value: dict[str, Any]) -> None:
        self._rows[key] = value
        self._store.write(self._name, key, value)

    def __delitem__(self, key: str) -> None:
        del self._rows[key]
        self._store.write(self._name, key, None)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._rows))

    def __len__(self) -> int:
        return len(self._rows)

    def save(self, key: str) -> None:
        """Write the row again after it was changed in place."""
        self._store.write(self._name, key, self._rows[key])


class Shelf:
    """Rows that stay on the disk, by keys in their order: for what is many and seldom read again.

    A row that was got is a copy: put it to change it.
    """

    def __init__(self, store: "Store", name: str) -> None:
        self._store = store
        self._name = name

    def put(self, key: str, value: dict[str, Any]) -> None:
        self._store.write(self._name, key, value)

    def delete(self, low: str, end: str) -> None:
        """Delete the rows whose keys are in [low, end)."""
        self._store.delete(self._name, low, end)

    def rows(self, low: str = "", end: str = "\U0010ffff") -> list[tuple[str, dict[str, Any]]]:
        """Return the rows whose keys are in [low, end), in order of their keys."""
        return self._store.rows(self._name, low, end)


class Store:
    """One SQLite file. A write that returned is there after the process was killed."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._tables: dict[str, Table] = {}
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # WAL without fsync outlives a killed process; only a power cut could take the last writes.
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute(
            "create table if not exists row (name text, key text, value text,"
            " primary key (name, key)) without rowid"
        )

    def table(self, name: str) -> Table:
        """Return the table of this name; always the same object."""
        with self._lock:
            known = self._tables.get(name)
        if known is None:
            known = self._tables.setdefault(name, Table(self, name))
        return known

    def load(self, name: str) -> dict[str, dict[str, Any]]:
        with self._lock:
            rows = self._db.execute("select key, value from row where name = ?", (name,)).fetchall()
        return {key: json.loads(value, object_hook=_decode) for key, value in rows}

    def shelf(self, name: str) -> Shelf:
        """Return the rows of this name without holding them; never beside a table of the name."""
        return Shelf(self, name)

    def rows(self, name: str, low: str, end: str) -> list[tuple[str, dict[str, Any]]]:
        asked = "select key, value from row where name = ? and key >= ? and key < ? order by key"
        with self._lock:
            found = self._db.execute(asked, (name, low, end)).fetchall()
        return [(key, json.loads(value, object_hook=_decode)) for key, value in found]

    def delete(self, name: str, low: str, end: str) -> None:
        asked = "delete from row where name = ? and key >= ? and key < ?"
        with self._lock:
            self._db.execute(asked, (name, low, end))

    def write(self, name: str, key: str, value: dict[str, Any] | None) -> None:
        with self._lock:
            if value is None:
                self._db.execute("delete from row where name = ? and key = ?", (name, key))
            else:
                text = json.dumps(value, default=_encode, separators=(",", ":"))
                self._db.execute("insert or replace into row values (?, ?, ?)", (name, key, text))

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return, per table, how many rows it has and how many bytes they are as text."""
        asked = "select name, count(*), sum(length(value)) from row group by name"
        with self._lock:
            found = self._db.execute(asked).fetchall()
        return {name: (rows, size) for name, rows, size in found}

    def close(self) -> None:
        with self._lock:
            self._db.close()


def copied(value: Any) -> Any:
    """Copy dicts and lists all the way down; leave everything else, such as streams, as it is."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [copied(item) for item in value]
    return value
