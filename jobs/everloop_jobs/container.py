"""The container that a processing job runs in: its folders, its spec, and how it ends."""

import json
import math
import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("EVERLOOP_ML_ROOT", "/opt/ml"))  # another root only in tests
INPUT = ROOT / "processing" / "input"
OUTPUT = ROOT / "processing" / "output"


class JobError(Exception):
    """Ends the job with exit code 1; the message reaches people as the job's ExitMessage."""


def spec() -> dict[str, Any]:
    """Return the model's validated spec, as install_model wrote it beside the bundle."""
    path = INPUT / "code" / "spec.json"
    if not path.exists():
        raise JobError("spec.json is not beside the bundle; push the model again")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack a tar.gz into a folder; members that reach outside are refused."""
    if not archive.exists():
        raise JobError(f"{archive.relative_to(INPUT)} is missing among the job's inputs")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder


def output(name: str) -> Path:
    folder = OUTPUT / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_json(path: Path, value: Any) -> None:
    """Write JSON that every reader takes: NaN and infinity become null."""
    path.write_text(json.dumps(_finite(value), indent=1, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def leave_message(text: str) -> None:
    """Write the ExitMessage: AWS takes the first 1,024 bytes of UTF-8."""
    path = ROOT / "output" / "message"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode()[:1024].decode(errors="ignore").encode())


def run(main: Callable[[], str]) -> None:
    """Run a job; what `main` returns is its ExitMessage."""
    try:
        message = main()
    except JobError as error:
        leave_message(str(error))
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    leave_message(message)
    print(message)
