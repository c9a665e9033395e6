"""Long bodies: they lie in a file from their first byte on, and are never held whole."""

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

PIECE = 1024 * 1024
LONG = 1024 * 1024  # bytes, above which a body is written to a file
INCOMING = "incoming"  # the folder of long bodies, on one file system with those that are kept


class Lying:
    """The bytes of a file, by pieces."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._size = size

    def __len__(self) -> int:
        return self._size

    def pieces(self) -> Iterator[bytes]:
        with self.path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                yield piece

    def read(self) -> bytes:
        return self.path.read_bytes()


class Spool(Lying):
    """A body on its way in. Whoever keeps it takes the file; else it goes with the request."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / secrets.token_hex(16), 0)
        self._file = self.path.open("xb", buffering=0)

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        self._size += len(view)
        while view:
            view = view[self._file.write(view) :]

    def take(self, target: Path) -> None:
        """Keep the file under another name, of the same file system."""
        self._file.close()
        os.replace(self.path, target)

    def close(self) -> None:
        """Let go of the file; safe to repeat, and after it was taken."""
        self._file.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


Body = bytes | Lying


def pieces(body: Body) -> Iterable[bytes]:
    return body.pieces() if isinstance(body, Lying) else (body,)


def sha256(body: Body) -> str:
    digest = hashlib.sha256()
    for piece in pieces(body):
        digest.update(piece)
    return digest.hexdigest()
