"""`python -m everloop_localcloud`: one cloud on this machine, until SIGTERM or Ctrl-C."""

import argparse
import contextlib
import ctypes
import errno
import fcntl
import json
import logging
import logging.handlers
import os
import signal
import sqlite3
import sys
import threading
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from everloop_localcloud import options
from everloop_localcloud.cloud import SERVICES, Cloud, started
from everloop_localcloud.kernel.front.server import Front
from everloop_localcloud.sagemaker.engine import NoEngine

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h
_LOG_BYTES = 20 * 1024**2


class Trouble(Exception):
    """Why the cloud cannot start, and what to do about it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a cloud. Returns the process's exit code."""
    given = _parser().parse_args(arguments)
    try:
        return _run(given)
    except Trouble as trouble:
        print(f"error: {trouble}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m everloop_localcloud", description="An AWS account on this machine."
    )
    parser.add_argument(
        "--state", type=Path, default=Path(".everloop"), help="folder of all state (%(default)s)"
    )
    parser.add_argument(
        "--services", type=_services, help="only these services, with commas between (all)"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        default=bool(os.environ.get("LOCALCLOUD_STRICT")),
        help="check every answer against AWS's models; for tests (LOCALCLOUD_STRICT=1)",
    )
    options.add(parser)
    return parser


def _services(text: str) -> list[str]:
    names = text.split(",")
    unknown = sorted(set(names) - set(SERVICES))
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {unknown}; there are {', '.join(SERVICES)}")
    return names


def _give_memory_back() -> None:
    """Have glibc give back what was large: by itself it keeps it, for each of many threads."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_MMAP_THRESHOLD, 128 * 1024)
        mallopt(_M_ARENA_MAX, 2)


def _run(given: argparse.Namespace) -> int:
    _give_memory_back()
    if os.environ.get("LOCALCLOUD_TRACE"):
        tracemalloc.start()
    folder = given.state.resolve()
    chosen = options.chosen(given)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with _locked(folder):
        description = folder / "cloud.json"
        description.unlink(missing_ok=True)  # of a cloud that was killed
        _log_to(folder / "cloud.log")
        cloud, front = _started(folder, given, chosen)
        try:
            _describe(description, cloud, chosen)
            speed = f"{cloud.clock.speed:g} times real time"
            print(f"the cloud is up at {cloud.url}, {speed}, in {folder}")
            sys.stdout.flush()
            stopping.wait()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)  # the impatient may ask twice
            description.unlink(missing_ok=True)
            front.stop()
            cloud.stop()
    return 0


def _locked(folder: Path) -> IO[str]:
    """Take the folder for this process; the lock goes with the process, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / "cloud.lock", "w")  # noqa: SIM115 - held as long as the process runs
    except OSError as error:
        raise Trouble(f"--state {folder} cannot be written to: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Trouble(
            f"another local cloud{_whose(folder)} runs on {folder}: stop it, or choose another "
            "--state"
        ) from None
    return lock


def _whose(folder: Path) -> str:
    try:
        told = json.loads((folder / "cloud.json").read_text())
        return f" (process {told['pid']}, {told['url']})"
    except (OSError, ValueError, KeyError):
        return ""  # it is just starting or stopping


def _started(
    folder: Path, given: argparse.Namespace, chosen: dict[str, Any]
) -> tuple[Cloud, Front]:
    try:
        return started(
            folder,
            port=chosen["port"],
            speed=chosen["speed"],
            services=given.services,
            strict=given.strict,
            quotas=chosen["quotas"],
            no_capacity=chosen["no_capacity"],
            aws_starts=chosen["starts"] == "aws",
            rough_events=chosen["events"] == "rough",
            eventual=chosen["consistency"] == "eventual",
            docker_jobs=chosen["jobs"] == "docker",
            exact_images=chosen["images"] == "exact",
            allow_hosts=chosen["allow_host"],
            verify_secrets=chosen["verify_secrets"],
        )
    except NoEngine as error:
        raise Trouble(f"--jobs docker: {error}") from error
    except sqlite3.Error as error:
        raise Trouble(f"--state {folder} cannot be used: {error}") from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise Trouble(f"--state {folder} cannot be used: {error}") from error
        raise Trouble(
            f"port {chosen['port']} is taken by another program: stop it, or choose another --port"
        ) from error


def _describe(path: Path, cloud: Cloud, chosen: dict[str, Any]) -> None:
    """Tell other programs where the cloud is and how it was started, in one step."""
    told = {
        "pid": os.getpid(),
        "port": cloud.port,
        "url": cloud.url,
        "speed": cloud.clock.speed,
        "options": {**chosen, "port": cloud.port},
    }
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(told, indent=2) + "\n")
    fresh.replace(path)


def _log_to(path: Path) -> None:
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for noisy in ("botocore", "boto3", "urllib3", "werkzeug", "moto", "samtranslator"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
