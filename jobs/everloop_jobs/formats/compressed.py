"""Files that are compressed from outside, read as what is in them, piece by piece."""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_KINDS = {
    b"\x1f\x8b\x08": "gzip",
    **{b"BZh%d1AY&SY" % level: "bzip2" for level in range(1, 10)},
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
ENDINGS = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz", "zstd": ".zst", "zip": ".zip"}
_PIECE = 1_048_576
BROKEN = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


class Unreadable(Exception):
    """A compressed file cannot be read as one file; the words say why and what to do."""


def kind_of(path: Path) -> str:
    """Return how a file is compressed; nothing where it is not, or is an archive of several."""
    with path.open("rb") as file:
        head = file.read(16)
    return next((kind for mark, kind in _KINDS.items() if head.startswith(mark)), "")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading; what is compressed is read as what is in it.

    Raises Unreadable for what is no single file, cut off or broken, also while it is read.
    """
    kind = kind_of(path)
    if not kind:
        with path.open("rb") as plain:
            yield plain
        return
    try:
        with _unpacking(path, kind) as unpacked:
            yield unpacked
    except BROKEN as error:
        raise Unreadable(
            f"is compressed with {kind} and cannot be unpacked: {error}; upload it again"
        ) from error


def head_of(path: Path, size: int) -> bytes:
    """Return the first bytes of what is in a file. Raises Unreadable."""
    with opened(path) as file:
        head = b""
        while len(head) < size and (piece := file.read(size - len(head))):
            head += piece
        return head


def unpack(path: Path, target: Path) -> None:
    """Write what is in a compressed file to another. Raises Unreadable, OSError for a full disk."""
    with target.open("wb") as written, opened(path) as file:
        while piece := file.read(_PIECE):
            try:
                written.write(piece)
            except OSError as error:
                raise DiskFull(str(error)) from error


class DiskFull(Exception):
    """What is in a file does not fit onto the disk."""


def plain_name(name: str) -> str:
    """Return a file's name without the ending of what it is compressed with."""
    for ending in ENDINGS.values():
        if name.lower().endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


@contextmanager
def _unpacking(path: Path, kind: str) -> Iterator[IO[bytes]]:
    if kind == "zip":
        with zipfile.ZipFile(path) as archive, archive.open(_single(archive)) as member:
            yield member
        return
    opener: Any = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open, "zstd": _zstd}[kind]
    with opener(path) as stream:
        yield stream


def _single(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    files = [each for each in archive.infolist() if not each.is_dir()]
    if len(files) != 1:
        raise Unreadable(f"is a zip archive of {len(files)} files; unpack it before it is dropped")
    if files[0].flag_bits & 1:
        raise Unreadable("is an encrypted zip archive; decrypt it before it is dropped")
    return files[0]


def _zstd(path: Path) -> IO[bytes]:
    try:
        import pyarrow
    except ImportError as error:
        raise Unreadable(
            "is compressed with zstd, which takes the package pyarrow to read; install it, or "
            "compress the file with gzip"
        ) from error
    return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"), _PIECE)
