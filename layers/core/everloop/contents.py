"""What an archive holds, whatever its times say: the same members make the same digest.

A tar and its gzip name the second at which they were written, the user, and the order of files. So
two trainings that bring the same model bring other bytes; their contents are the same.
"""

import hashlib
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from everloop.names import digest

_PIECE: Final = 1024 * 1024
_MOST_BYTES: Final = 20 * 1024**3  # unpacked: beyond that an archive is compared as a whole
_MOST_MEMBERS: Final = 100_000
_BROKEN: Final = (
    *(tarfile.TarError, EOFError, OSError, zlib.error),
    *(ValueError, OverflowError, MemoryError),
)


@dataclass(frozen=True)
class Contents:
    """An archive: the sha256 (hex) of all its bytes, and of each member by its name.

    There are no members where it is no archive that can be read: then its bytes are its contents.
    """

    sha256: str
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The sha256 of names and bytes of members; times, owners and their order say nothing."""
        return digest(dict(self.members)) if self.members else self.sha256


def contents_of(stream: IO[bytes]) -> Contents:
    """Read a stream to its end, once. What is no archive, or a broken one, is taken as a whole."""
    read = _Hashed(stream)
    try:
        members = _members(read)
    except _BROKEN:
        if read.failed:  # the stream itself, which says nothing of what it would have held
            raise
        members = {}
    while read.read(_PIECE):
        pass
    return Contents(read.sha256.hexdigest(), members)


def differences(first: Contents, second: Contents) -> list[str]:
    """Say which members of two archives are not the same; nothing where their contents are."""
    if first.digest == second.digest:
        return []
    if not first.members or not second.members:
        return ["the archive as a whole: one of the two cannot be read by its members"]
    found = []
    for name in sorted({*first.members, *second.members}):
        one, two = first.members.get(name), second.members.get(name)
        if one != two:
            word = "is new" if one is None else "is missing" if two is None else "has other bytes"
            found.append(f"{name} {word}")
    return found


class _Hashed:
    """A stream that is hashed as it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()
        self.failed = False

    def read(self, size: int = -1) -> bytes:
        self.failed = True
        piece = self._stream.read(size)
        self.failed = False
        self.sha256.update(piece)
        return piece


def _members(stream: Any) -> dict[str, str]:
    """Return what members of an archive hold, by name; directories hold nothing."""
    found: dict[str, str] = {}
    unpacked = 0
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            unpacked += member.size
            if unpacked > _MOST_BYTES or len(found) >= _MOST_MEMBERS:
                return {}
            name = member.name.removeprefix("./")
            if member.isfile():
                found[name] = _bytes_of(archive, member)
            elif not member.isdir():
                found[name] = f"link to {member.linkname}"
    return found


def _bytes_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    made = hashlib.sha256()
    file = archive.extractfile(member)
    while file is not None and (piece := file.read(_PIECE)):
        made.update(piece)
    return made.hexdigest()
