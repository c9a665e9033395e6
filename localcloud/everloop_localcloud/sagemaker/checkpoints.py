"""A training job's checkpoints: a folder of the job and a prefix of S3, kept alike both ways."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.behalf import Behalf

Record = dict[str, Any]
_DEFAULT = "/opt/ml/checkpoints"
_SECONDS = 1.0  # real, between two looks at what a script has written


def check(request: Record) -> None:
    """Raise AwsError for a folder that no job has here, or a place that is none of S3's."""
    config = request.get("CheckpointConfig")
    if config is None:
        return
    _place(config)
    local = PurePosixPath(config.get("LocalPath") or _DEFAULT)
    if PurePosixPath("/opt/ml") not in local.parents or ".." in local.parts:
        raise validation(f"the local cloud keeps checkpoints below /opt/ml only: LocalPath {local}")


@contextmanager
def kept(job: Record, folder: Path, behalf: Behalf) -> Iterator[None]:
    """Bring what an earlier run left, and put to S3 what this one writes, until it has ended."""
    config = job.get("CheckpointConfig")
    if config is None:
        yield
        return
    bucket, prefix = _place(config)
    local = PurePosixPath(config.get("LocalPath") or _DEFAULT)
    here = folder / local.relative_to("/opt/ml")
    here.mkdir(parents=True, exist_ok=True)
    for key in behalf.keys(bucket, prefix):
        if not key.endswith("/"):
            path = here / key.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            behalf.download(bucket, key, path)
    known = _written(here)
    ended = threading.Event()
    trouble: list[Exception] = []

    def follow() -> None:
        try:
            while not ended.wait(_SECONDS):
                _put(here, known, bucket, prefix, behalf)
        except Exception as error:
            trouble.append(error)

    thread = threading.Thread(target=follow, name="checkpoints", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if trouble:
        raise trouble[0]
    _put(here, known, bucket, prefix, behalf)


def _put(
    here: Path, known: dict[str, tuple[int, int]], bucket: str, prefix: str, behalf: Behalf
) -> None:
    for name, state in _written(here).items():
        if known.get(name) == state:
            continue
        try:
            behalf.upload(here / name, bucket, prefix + name)
        except FileNotFoundError:  # the script has taken it away: it keeps its last ones only
            continue
        known[name] = state


def _written(here: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of what lies in a folder, by its name below it."""
    found = {}
    for path in sorted(here.rglob("*")):
        try:
            if path.is_file() and not path.is_symlink():
                stat = path.stat()
                found[path.relative_to(here).as_posix()] = (stat.st_size, stat.st_mtime_ns)
        except FileNotFoundError:  # it was renamed meanwhile
            continue
    return found


def _place(config: Record) -> tuple[str, str]:
    bucket, _, prefix = config["S3Uri"].removeprefix("s3://").partition("/")
    if not config["S3Uri"].startswith("s3://") or not bucket:
        raise validation(f"CheckpointConfig.S3Uri {config['S3Uri']!r} is no s3://bucket/prefix")
    return bucket, f"{prefix.rstrip('/')}/" if prefix else ""
