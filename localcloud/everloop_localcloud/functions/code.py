"""Code of functions and layers on disk: zips by digest, unpacked once; and the runtime itself."""

import base64
import hashlib
import io
import os
import re
import secrets
import shutil
import stat
import threading
import zipfile
from functools import cache
from importlib import metadata
from pathlib import Path, PurePosixPath

from everloop_localcloud.kernel.errors import AwsError

LARGEST_UNPACKED = 262_144_000  # AWS's limit for a function with its layers, in bytes
_RUNTIME = ("awslambdaric", "boto3")


def sha256_of(content: bytes) -> str:
    """Return the digest as Lambda shows it: base64."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


class CodeStore:
    """Keeps zips by digest and unpacks each once; folders of other digests never change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def put(self, content: bytes) -> tuple[str, int]:
        """Keep a zip; return its digest (hex) and the size of what it holds, in bytes."""
        unpacked = _checked(content)
        digest = hashlib.sha256(content).hexdigest()
        path = self._zip(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{secrets.token_hex(4)}")
            partial.write_bytes(content)
            partial.replace(path)
        return digest, unpacked

    def task(self, digest: str) -> Path:
        """Return the folder that stands for /var/task."""
        return self._unpacked("task", [digest])

    def opt(self, digests: list[str]) -> Path:
        """Return the folder that stands for /opt: the layers over each other, in their order."""
        return self._unpacked("opt", digests)

    def runtime(self) -> Path:
        """Return the folder that stands for /var/runtime: awslambdaric and boto3, nothing else.

        They are the ones of the interpreter that runs the cloud, linked: same versions, no copy.
        """
        with self._lock:
            folder = self._folder / "runtime"
            sources = _distributions(_RUNTIME)
            linked = {
                entry.name: os.readlink(entry)
                for entry in (folder.iterdir() if folder.is_dir() else ())
                if entry.is_symlink()  # beside them Python keeps its __pycache__
            }
            if linked == {name: str(path) for name, path in sources.items()}:
                return folder
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            for name, path in sources.items():
                (folder / name).symlink_to(path)
            return folder

    def keep_only(self, digests: set[str], layered: list[list[str]]) -> None:
        """Remove what no function and no layer uses any more; for a cloud that is starting."""
        tasks = {_folder_name([digest]) for digest in digests}
        opts = {_folder_name(layers) for layers in layered}
        with self._lock:
            for kind, used in (("task", tasks), ("opt", opts), ("zips", digests)):
                parent = self._folder / kind
                for entry in parent.iterdir() if parent.is_dir() else ():
                    if entry.is_dir() and entry.name not in used:
                        shutil.rmtree(entry, ignore_errors=True)
                    elif entry.is_file() and entry.stem not in used:
                        entry.unlink()

    def _zip(self, digest: str) -> Path:
        return self._folder / "zips" / f"{digest}.zip"

    def _unpacked(self, kind: str, digests: list[str]) -> Path:
        name = _folder_name(digests)
        with self._lock:
            folder = self._folder / kind / name
            if not folder.exists():
                partial = self._folder / kind / f".{name}"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
                for digest in digests:
                    _unpack(self._zip(digest), partial)
                partial.rename(folder)
            return folder


def _folder_name(digests: list[str]) -> str:
    return hashlib.sha256("+".join(digests).encode()).hexdigest()[:32]


def _checked(content: bytes) -> int:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise AwsError(
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.",
        ) from error
    for entry in entries:
        path = PurePosixPath(entry.filename)
        if path.is_absolute() or ".." in path.parts:
            raise AwsError(
                "InvalidParameterValueException",
                f"The zip holds {entry.filename!r}: paths must stay inside the zip",
            )
    size = sum(entry.file_size for entry in entries)
    if size > LARGEST_UNPACKED:
        raise AwsError(
            "InvalidParameterValueException",
            f"Unzipped size must be smaller than {LARGEST_UNPACKED} bytes",
        )
    return size


def _unpack(path: Path, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            if stat.S_ISLNK(mode):
                # A link is kept as a link only if it stays inside.
                target = archive.read(entry).decode()
                place = folder / entry.filename
                inside = os.path.normpath(place.parent / target)
                if os.path.isabs(target) or not Path(inside).is_relative_to(folder):
                    raise AwsError(
                        "InvalidParameterValueException",
                        f"The zip's link {entry.filename!r} leads out of it, to {target!r}",
                    )
                place.parent.mkdir(parents=True, exist_ok=True)
                place.unlink(missing_ok=True)
                place.symlink_to(target)
                continue
            written = Path(archive.extract(entry, folder))
            if mode & 0o777 and not entry.is_dir():
                written.chmod((mode & 0o777) | 0o600)


@cache  # botocore alone has thousands of files, and every invocation asks
def _distributions(names: tuple[str, ...]) -> dict[str, Path]:
    """Return the top-level files and folders of these distributions and of all they need."""
    found: dict[str, Path] = {}
    todo, seen = list(names), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        distribution = metadata.distribution(name)
        for file in distribution.files or []:
            top = file.parts[0]
            if top not in ("..", "__pycache__") and top not in found:
                found[top] = Path(str(distribution.locate_file(top))).resolve()
        for requirement in distribution.requires or []:
            if "extra ==" not in requirement.replace("extra==", "extra =="):
                todo.append(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
    return found
