"""The container that a processing job runs in: its folders, its spec, and how it ends."""

import codecs
import json
import lzma
import math
import os
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("EVERLOOP_ML_ROOT", "/opt/ml"))  # another in_one_job, in tests
INPUT = ROOT / "processing" / "input"
OUTPUT = ROOT / "processing" / "output"


class JobError(Exception):
    """Ends the job with exit code 1; the message reaches people as the job's ExitMessage."""


def read_spec() -> dict[str, Any]:
    """Return the model's validated spec, as install_model wrote it beside the bundle."""
    return read_json(INPUT / "code" / "spec.json")


def read_json(path: Path) -> dict[str, Any]:
    """Read one of the job's inputs. Raises JobError where it is missing or no JSON."""
    name = path.relative_to(INPUT)
    try:
        document: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise JobError(f"{name} is missing among the job's inputs") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise JobError(f"{name} is no JSON: {error}") from error
    return document


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack a tar.gz into a folder; members that reach outside are refused."""
    if not archive.exists():
        raise JobError(f"{archive.relative_to(INPUT)} is missing among the job's inputs")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as opened:
            _extract(opened, folder)
    except (
        *(tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError),
        *(ValueError, OverflowError, RecursionError, MemoryError),  # of names, numbers and sizes
    ) as error:
        raise JobError(f"{archive.relative_to(INPUT)} cannot be unpacked: {error}") from error
    return folder


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(folder, filter="data")
        return
    home = folder.resolve()  # Python before 3.11.4 (or 3.10.12), as some images have it
    for member in archive:
        inside = (home / member.name).resolve().is_relative_to(home)
        if not inside or not (member.isfile() or member.isdir()):
            raise tarfile.ReadError(f"{member.name!r} is no plain file inside the archive")
        archive.extract(member, folder, set_attrs=False)


def output(name: str) -> Path:
    folder = OUTPUT / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_json(path: Path, value: Any) -> None:
    """Write JSON that every reader takes: NaN and infinity become null."""
    path.write_bytes(as_json(value))


def as_json(value: Any) -> bytes:
    """Return JSON that every reader takes: NaN and infinity are null."""
    return (json.dumps(_finite(value), indent=1, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


_TAIL = 8192  # characters of a script's errors that are kept for the message


def run_script(
    command: Sequence[str],
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run a model's script; returns its exit code and the last line that it wrote to stderr.

    What it writes is shown as it comes, whatever bytes they are.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    tail = ""
    with subprocess.Popen(
        command, cwd=cwd, stderr=subprocess.PIPE, env={**os.environ, **(environment or {})}
    ) as running:
        assert running.stderr is not None
        piece = b"-"
        while piece:
            piece = running.stderr.read1(65_536)
            text = decoder.decode(piece, final=not piece)
            tail = (tail + text)[-_TAIL:]
            sys.stderr.write(text)
        sys.stderr.flush()
    code = running.returncode
    last = tail.strip().splitlines()[-1:] or [f"exit code {code}"]
    return code, last[0]


def leave_message(text: str) -> None:
    """Write the ExitMessage: AWS takes the first 1,024 bytes of UTF-8."""
    path = ROOT / "output" / "message"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8", "replace")[:1024].decode(errors="ignore").encode())


def run(main: Callable[[], str]) -> None:
    """Run a job; what `main` returns is its ExitMessage."""
    try:
        message = main()
    except JobError as error:
        leave_message(str(error))
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        leave_message(f"{type(error).__name__}: {error}")  # people see it before they see the log
        raise
    leave_message(message)
    print(message.encode("utf-8", "replace").decode())
