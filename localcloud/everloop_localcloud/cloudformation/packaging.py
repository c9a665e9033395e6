"""Building what a template points to, as `sam build` does: code, and layers with their packages.

Everything is built for the interpreter that runs here, whatever the template's Runtime says, since
that is the one that the local cloud runs functions with. A digest of all that goes into a zip names
it: what was built once is not built again, and equal content gives equal bytes.
"""

import hashlib
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_SKIPPED = {"__pycache__", ".aws-sam", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
_PYTHON_BUILD = re.compile(r"^python3\.\d+$")


class BuildError(Exception):
    """Something that the template points to could not be built."""


Progress = Callable[[str], None]


def function_zip(source: Path, build_folder: Path, progress: Progress) -> Path:
    """Build the zip of a function's code, with the packages in its requirements.txt, if any."""
    _must_be_folder(source, "CodeUri")
    return _built(source, "", True, build_folder, progress)


def layer_zip(
    source: Path, build_method: str | None, build_folder: Path, progress: Progress
) -> Path:
    """Build the zip of a layer: as it is, or with its packages below python/ (`BuildMethod`).

    A Makefile builds for Lambda's machines, and is not run: where a requirements.txt lies beside
    it, the layer is built of that, for this machine, like any other.
    """
    _must_be_folder(source, "ContentUri")
    if build_method is None:
        return _built(source, "", False, build_folder, progress)
    by_make = build_method == "makefile" and (source / "requirements.txt").is_file()
    if not by_make and not _PYTHON_BUILD.match(build_method):
        raise BuildError(
            f"BuildMethod {build_method!r} of {source}: built here are python3.X, and makefile "
            "where a requirements.txt lies beside the Makefile"
        )
    return _built(source, "python/", True, build_folder, progress)


def _must_be_folder(source: Path, what: str) -> None:
    if not source.is_dir():
        raise BuildError(f"{what} {source} is no folder")


def _built(
    source: Path, prefix: str, installing: bool, build_folder: Path, progress: Progress
) -> Path:
    files = list(_files(source))
    requirements = source / "requirements.txt"
    packages = (
        _installed(requirements, build_folder, progress)
        if installing and requirements.exists()
        else None
    )
    digest = hashlib.sha256(f"{prefix}\0{packages.name if packages else ''}\0".encode())
    for name, path in files:
        own = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{name}\0{_mode(path):o}\0{own}\0".encode())
    target = build_folder / "zips" / f"{digest.hexdigest()}.zip"
    if target.exists():
        return target
    progress(f"building {source.name}")
    # A project's own file wins over a package's of the same name, as it does in `sam build`.
    content = dict(_files(packages)) if packages else {}
    content.update(files)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    partial.write_bytes(_zipped((prefix + name, path) for name, path in sorted(content.items())))
    partial.replace(target)
    return target


def _installed(requirements: Path, build_folder: Path, progress: Progress) -> Path:
    """Install packages into a folder named by what was asked for; return the folder."""
    text = requirements.read_bytes()
    machine = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}"
    digest = hashlib.sha256(text + b"\0" + machine.encode()).hexdigest()
    target = build_folder / "packages" / digest
    if target.exists():
        return target
    progress(f"installing the packages of {requirements.parent.name}/requirements.txt")
    partial = target.with_name(f".{digest}.{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    command = [*_installer(), "--target", str(partial), "--requirement", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise BuildError(f"the packages of {requirements} could not be installed:\n{tail}")
    shutil.rmtree(partial / "bin", ignore_errors=True)  # scripts of this machine's interpreter
    try:
        partial.rename(target)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)  # another build was faster
    return target


def _installer() -> list[str]:
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        return [str(uv), "pip", "install", "--quiet", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def _files(folder: Path) -> Iterable[tuple[str, Path]]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            if not name.endswith((".pyc", ".pyo")):
                path = Path(parent, name)
                yield path.relative_to(folder).as_posix(), path


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644


def _zipped(files: Iterable[tuple[str, Path]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | _mode(path)) << 16
            archive.writestr(entry, path.read_bytes(), compresslevel=1)
    return buffer.getvalue()
