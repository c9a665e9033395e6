"""A model's folder as one `bundle.tar.gz`: byte-identical for identical folders, opened safely.

The bundle is at once what script mode trains and serves from; nothing repacks it, and its digest is
its name.
"""

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from everloop.errors import BadInput

REQUIRED = ("model.toml",)
MAX_FILES = 1_000
MAX_PACKED_BYTES = 64 * 1024 * 1024  # gzip makes nothing much longer than it was
MAX_BYTES = 50 * 1024 * 1024  # unpacked; code and small tables, never data
_SKIPPED = {"__pycache__", "node_modules"}


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: its digest (sha256, hex) and its files by their names in it."""

    digest: str
    files: Mapping[str, bytes]

    def require(self, names: Iterable[str]) -> None:
        """Raise BadInput where a script is missing that the model's spec makes necessary."""
        missing = [name for name in names if name not in self.files]
        if missing:
            raise BadInput(_lacks(missing))

    def text(self, name: str) -> str:
        """Return a file as text. Raises BadInput where it is missing or no UTF-8."""
        if name not in self.files:
            raise BadInput(f"the bundle has no {name}; add it to the model's folder")
        try:
            return self.files[name].decode()
        except UnicodeDecodeError as error:
            raise BadInput(f"{name} is no UTF-8 text: {error}") from error


def pack(folder: Path) -> bytes:
    """Pack a folder. Hidden files stay out. Raises BadInput for links, or lacking files."""
    return packed(contents(folder))


def contents(folder: Path) -> dict[str, bytes]:
    """Read the files of a folder that belong into its bundle, by their names in it."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; give the model's folder, e.g. models/flight-delays")
    files = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") or part in _SKIPPED for part in relative.parts):
            continue
        if path.is_symlink():
            raise BadInput(f"{relative} is a link; put the file itself into the folder")
        if path.is_file() and path.suffix != ".pyc":
            files[relative.as_posix()] = path.read_bytes()
    return files


def packed(files: Mapping[str, bytes]) -> bytes:
    """Pack files as a bundle: the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files, key=lambda each: each.split("/")):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(files[name]))
    data = _deflated(buffer.getvalue())
    open_bundle(data)
    return data


def open_bundle(data: bytes) -> Bundle:
    """Open a bundle in memory; nothing is written or run.

    Raises BadInput for what is no tar.gz, inflates beyond the limits, reaches outside its folder,
    holds links or devices, names a file twice, or lacks one that every model has.
    """
    files: dict[str, bytes] = {}
    if len(data) > MAX_PACKED_BYTES:
        raise BadInput(
            f"the bundle has more than {MAX_PACKED_BYTES // 1024**2} MB; data goes to data/"
        )
    try:
        with tarfile.open(fileobj=io.BytesIO(_inflated(data)), mode="r:") as archive:
            for member in archive:
                name = _safe_name(member)
                if name is None:
                    continue
                if name in files:
                    raise BadInput(f"the bundle holds {name} twice; pack the folder again")
                if len(files) >= MAX_FILES:
                    raise BadInput(f"the bundle holds more than {MAX_FILES} files")
                content = archive.extractfile(member)
                assert content is not None  # regular files have content
                files[name] = content.read()
    # As tarfile raises, which reads each header in front of a file by calling itself.
    except (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError) as error:
        raise BadInput(
            f"the bundle is no tar archive: {error}; pack it with everloop push"
        ) from error
    missing = [name for name in REQUIRED if name not in files]
    if missing:
        raise BadInput(_lacks(missing))
    return Bundle(hashlib.sha256(data).hexdigest(), files)


def _lacks(missing: Iterable[str]) -> str:
    return f"the bundle lacks {', '.join(missing)}; a model's folder has them at its top"


def _deflated(plain: bytes) -> bytes:
    """Compress as gzip with a header that says nothing of when and where."""
    packed = bytearray(gzip.compress(plain, mtime=0))
    packed[9] = 255  # the operating system: unknown
    return bytes(packed)


def _inflated(data: bytes) -> bytes:
    """Inflate gzip up to the limit and no further, so that a bomb costs nothing."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(data, MAX_BYTES + 1)
    except zlib.error as error:
        raise BadInput(f"the bundle is no tar.gz: {error}; pack it with everloop push") from error
    if len(plain) > MAX_BYTES:
        raise BadInput(
            f"the bundle unpacks to more than {MAX_BYTES // 1024**2} MB; data goes to data/"
        )
    if not inflater.eof:
        raise BadInput("the bundle ends in the middle: it was cut off; upload it again")
    if inflater.unused_data:  # other readers would go on, and see files that were never checked
        raise BadInput("the bundle goes on after its end; pack it with everloop push")
    return plain


def _safe_name(member: tarfile.TarInfo) -> str | None:
    """Return a member's name inside the folder; None for a folder."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise BadInput(f"the bundle holds {member.name!r}, which lies outside its folder")
    if member.isdir():
        return None
    if path == PurePosixPath() or _unwritable(member.name):
        raise BadInput(f"the bundle holds a file named {member.name!r}; give it a name in UTF-8")
    if not member.isreg() or member.issparse():  # a sparse file's size may be anything
        kind = "a link" if member.issym() or member.islnk() else "no regular file"
        raise BadInput(f"{member.name} in the bundle is {kind}; only plain files are taken")
    return path.as_posix()


def _unwritable(name: str) -> bool:
    """Whether the archive's bytes were no UTF-8: tarfile leaves half characters in their place."""
    return any("\ud800" <= character <= "\udfff" for character in name)
