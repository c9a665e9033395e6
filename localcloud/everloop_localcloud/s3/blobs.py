"""The bytes of objects: written once under random names, and never changed."""

import hashlib
import io
import os
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from everloop_localcloud.kernel.bodies import INCOMING, LONG, Body, Lying, Spool
from everloop_localcloud.s3.small_blobs import SmallBlobs

_PIECE = 1024 * 1024
_SMALL = 32 * 1024  # bytes, up to which SQLite is faster than a file of its own
_SMALL_NAMES = "s"  # what their names begin with; those of files are hexadecimal


class Blobs:
    """Files of one folder, and one for all that are small.

    A blob counts once a row of the state names it; others are swept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._incoming = folder.parent / INCOMING
        shutil.rmtree(self._incoming, ignore_errors=True)  # of a cloud that was killed
        folder.mkdir(parents=True, exist_ok=True)
        self._small = SmallBlobs(folder.parent / f"{folder.name}-small.db")
        self._made = {part.name for part in folder.iterdir()}

    def close(self) -> None:
        self._small.close()

    def path(self, name: str) -> Path:
        """Return the file of a blob that is not small."""
        return self._folder / name[:2] / name[2:]

    def _new(self) -> str:
        """Return the name of a blob to come, with a folder for it."""
        name = secrets.token_hex(16)
        if name[:2] not in self._made:
            (self._folder / name[:2]).mkdir(exist_ok=True)
            self._made.add(name[:2])
        return name

    def write(self, data: Body) -> str:
        if isinstance(data, Spool):
            name = self._new()
            data.take(self.path(name))
            return name
        if isinstance(data, Lying):
            return self.take(data.path)
        if len(data) <= _SMALL:
            return self._write_small(data)
        name = self._new()
        with open(self.path(name), "wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
        return name

    def _write_small(self, data: bytes) -> str:
        name = _SMALL_NAMES + secrets.token_hex(16)
        self._small.write(name, data)
        return name

    def take(self, source: Path) -> str:
        """Copy a file in, of any size."""
        name = self._new()
        shutil.copyfile(source, self.path(name))
        return name

    def content(self, name: str) -> Body:
        """Return a blob's bytes; those of a long one stay where they are."""
        if name.startswith(_SMALL_NAMES):
            return self._small.read(name)
        path = self.path(name)
        return Lying(path, path.stat().st_size)

    def part(self, name: str, start: int, length: int) -> Body:
        """Return some of a blob's bytes; a long part is written to a file of its own."""
        with self.open(name) as file:
            file.seek(start)
            if length <= LONG:
                return file.read(length)
            spool = Spool(self._incoming)
            while length and (piece := file.read(min(length, _PIECE))):
                spool.write(piece)
                length -= len(piece)
        return spool

    def link(self, name: str) -> str:
        """Return a second name of the same bytes, which lives on when the first is deleted."""
        if name.startswith(_SMALL_NAMES):
            return self._write_small(self._small.read(name))
        other = self._new()
        try:
            os.link(self.path(name), self.path(other))
        except OSError:  # a file system without hard links
            shutil.copyfile(self.path(name), self.path(other))
        return other

    def join(self, names: Iterable[str]) -> str:
        """Write several blobs one after the other into a new one."""
        joined = self._new()
        with open(self.path(joined), "wb") as target:
            for name in names:
                with self.open(name) as source:
                    shutil.copyfileobj(source, target, _PIECE)
        return joined

    def open(self, name: str) -> BinaryIO:
        """Open a blob for reading. Raises FileNotFoundError."""
        if name.startswith(_SMALL_NAMES):
            return io.BytesIO(self._small.read(name))
        return open(self.path(name), "rb")

    def delete(self, name: str) -> None:
        """Forget a blob; who has it open reads on."""
        if name.startswith(_SMALL_NAMES):
            self._small.delete(name)
        elif name:
            self.path(name).unlink(missing_ok=True)

    def sweep(self, known: set[str]) -> None:
        """Delete what no row names: leavings of writes that a kill interrupted."""
        for name in self.names():
            if name not in known:
                self.delete(name)

    def names(self) -> list[str]:
        files = [
            folder.name + file.name
            for folder in self._folder.iterdir()
            for file in folder.iterdir()
        ]
        return files + self._small.names()


def md5_of(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest()


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)


class Stream:
    """`size` bytes of an open file from `start`: read, iterate or close, as a botocore body."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self.in_memory = isinstance(file, io.BytesIO)
        self._file = file
        self._left = size
        if size:
            file.seek(start)
        else:
            file.close()

    def read(self, amount: int | None = None) -> bytes:
        wanted = self._left if amount is None or amount < 0 else min(amount, self._left)
        if not wanted:
            return b""
        data = self._file.read(wanted)
        if not data:
            raise OSError(f"{self._left} bytes are missing at the end of a blob")
        self._left -= len(data)
        if not self._left:
            self._file.close()
        return data

    def send_to(self, connection: socket.socket) -> None:
        """Send what is left; the kernel copies it from the file, so Python never holds it."""
        if self._left:
            sent = connection.sendfile(self._file, self._file.tell(), self._left)
            if sent < self._left:
                raise OSError(f"{self._left - sent} bytes are missing at the end of a blob")
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(_PIECE):
            yield piece

    def iter_chunks(self, chunk_size: int = _PIECE) -> Iterator[bytes]:
        while piece := self.read(chunk_size):
            yield piece

    def iter_lines(self, keepends: bool = False) -> Iterator[bytes]:
        yield from self.read().splitlines(keepends)

    def close(self) -> None:
        self._left = 0
        self._file.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
