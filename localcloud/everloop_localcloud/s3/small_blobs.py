"""The bytes of small objects, in one SQLite file: to make a file costs more than to fill it."""

import sqlite3
import threading
from pathlib import Path


class SmallBlobs:
    """Bytes by name. What was written is there after the process was killed."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # As the store's: WAL without fsync outlives a killed process.
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=off")
        self._db.execute("create table if not exists blob (name text primary key, data blob)")

    def write(self, name: str, data: bytes) -> None:
        with self._lock:
            self._db.execute("insert into blob values (?, ?)", (name, data))

    def read(self, name: str) -> bytes:
        """Return the bytes. Raises FileNotFoundError."""
        with self._lock:
            row = self._db.execute("select data from blob where name = ?", (name,)).fetchone()
        if row is None:
            raise FileNotFoundError(name)
        return bytes(row[0])

    def delete(self, name: str) -> None:
        with self._lock:
            self._db.execute("delete from blob where name = ?", (name,))

    def names(self) -> list[str]:
        with self._lock:
            return [name for (name,) in self._db.execute("select name from blob")]

    def close(self) -> None:
        with self._lock:
            self._db.close()
