"""The Python of a job: the image's packages, and over them what its requirements.txt asks for.

Each job has an environment of its own, so that `pip install` in a script changes no other job and
not the cloud. What a requirements.txt brings is installed once, by pip, and kept: a job that asks
for the same again needs no network.
"""

import fcntl
import hashlib
import os
import re
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LIMIT = 1800  # seconds for one installation
_PASSED = ("HOME", "PATH", "LANG", "NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "SSL_CERT_FILE")


class NotInstalled(Exception):
    """pip could not install a requirements.txt; the text is what AWS's toolkit would say."""


def environment(
    folder: Path, image: Path, requirements: Path | None = None, pins: Path | None = None
) -> Path:
    """Make a job's environment in `folder`; returns its Python. Raises NotInstalled.

    `image` is the Python that stands in for the job's image; `pins` are the versions that its
    packages have there.
    """
    layers = _image_packages(image)
    if pins is not None:
        layers = [_installed(pins, image, layers), *layers]
    wanted = [] if requirements is None else _wanted(requirements)
    if requirements is None or not wanted:
        return _skeleton(folder, image, layers)
    if all(re.match(r"[A-Za-z0-9]", line) and "file:" not in line for line in wanted):
        return _skeleton(folder, image, [_installed(requirements, image, layers), *layers])
    python = _skeleton(folder, image, layers)  # options and files: what they bring may change
    _pip(python, requirements)
    return python


def _wanted(requirements: Path) -> list[str]:
    lines = (line.strip() for line in requirements.read_text(errors="replace").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _image_packages(image: Path) -> list[Path]:
    if image != Path(sys.executable):
        raise ValueError(f"{image} stands in for no image")
    return [Path(place) for place in site.getsitepackages()]


def _skeleton(folder: Path, image: Path, layers: list[Path]) -> Path:
    """Write a virtual environment that also sees `layers`, the first of them first."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (packages / "layers.pth").write_text("".join(f"{layer}\n" for layer in layers))
    base = Path(getattr(sys, "_base_executable", image))
    (folder / "pyvenv.cfg").write_text(
        f"home = {base.parent}\nversion = {sys.version.split()[0]}\n"
    )
    programs = folder / "bin"
    programs.mkdir()
    for name in ("python", "python3"):
        (programs / name).symlink_to(base)
    python = programs / "python3"
    for name in ("pip", "pip3"):  # the image's own would install into the image
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{python}" -m pip "$@"\n')
        program.chmod(0o755)
    return python


def _installed(requirements: Path, image: Path, layers: list[Path]) -> Path:
    """Return the folder of the packages that a requirements.txt asks for, installed if need be.

    What the layers have already is not installed again.
    """
    text = requirements.read_bytes()
    below = "".join(f"{layer} " for layer in layers[:-1])
    told = f"{sys.version} {image} {below}".encode() + text
    kept = _kept() / hashlib.sha256(told).hexdigest()[:32]
    with _locked(kept.with_suffix(".lock")):
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=kept.parent) as place:
                python = _skeleton(Path(place) / "new", image, layers)
                _pip(python, requirements)
                packages = next((Path(place) / "new" / "lib").glob("*/site-packages"))
                (packages / "layers.pth").unlink()
                os.rename(packages, kept)
    return kept


def _pip(python: Path, requirements: Path) -> None:
    words = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    words += ["-r", requirements.name]
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED or (name.lower() == name and name.endswith("_proxy"))
        or name.startswith("PIP_")
    }  # fmt: skip
    try:
        done = subprocess.run(
            words,
            cwd=requirements.parent,
            env=passed,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(_failure(f"not done after {_LIMIT} s", "", python)) from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstalled(
            _failure(" ".join(said) or done.stderr[-500:], str(done.returncode), python)
        )


def _failure(said: str, code: str, python: Path) -> str:
    command = f"{python.name} -m pip install -r requirements.txt"
    return (
        f'InstallRequirementsError: ExitCode {code} ErrorMessage "{said[:700]}" Command "{command}"'
    )


def _kept() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "everloop" / "packages"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a user without a home of its own
        folder = Path(tempfile.gettempdir()) / f"everloop-packages-{os.getuid()}"
        folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, so that two jobs, or two clouds, install the same only once."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
