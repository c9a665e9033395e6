"""Child processes that never outlive the cloud, however it ends.

Each child leads a process group of its own. One reaper process holds the read end of a pipe; when
the cloud is gone, for whatever reason, the pipe closes and the reaper kills what is registered.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

_REAPER = """
import os, shutil, signal, sys
groups, folders = set(), set()
for line in sys.stdin:
    verb, _, what = line.rstrip("\\n").partition(" ")
    if verb == "+":
        groups.add(int(what))
    elif verb == "-":
        groups.discard(int(what))
    elif verb == "+dir":
        folders.add(what)
    elif verb == "-dir":
        folders.discard(what)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
for folder in folders:
    shutil.rmtree(folder, ignore_errors=True)
"""


class Processes:
    """Starts, stops and at the very end kills the children of one cloud."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-c", _REAPER],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def start(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: int | IO[Any] | None = subprocess.DEVNULL,
        stderr: int | IO[Any] | None = subprocess.STDOUT,
        stdin: int | IO[Any] | None = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a command with exactly `env`, as leader of its own process group."""
        child = subprocess.Popen(
            [str(part) for part in command],
            env=dict(env),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        with self._lock:
            self._children.add(child)
        self._tell(f"+ {child.pid}")
        return child

    def wait(self, child: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        """Wait for a child's end (real seconds; raises subprocess.TimeoutExpired) and forget it."""
        code = child.wait(timeout)
        self._forget(child)
        return code

    def stop(self, child: subprocess.Popen[bytes], grace: float = 5.0) -> int:
        """End a child and all it started: SIGTERM, then after `grace` real seconds SIGKILL."""
        self._signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
        self._signal(child, signal.SIGKILL)  # also what the child left behind in its group
        code = child.wait()
        self._forget(child)
        return code

    def own_folder(self, folder: Path) -> None:
        """Have the reaper remove this working folder if the cloud dies."""
        self._tell(f"+dir {folder}")

    def disown_folder(self, folder: Path) -> None:
        self._tell(f"-dir {folder}")

    def close(self) -> None:
        """Kill every child that still runs, and the reaper."""
        with self._lock:
            children = list(self._children)
        for child in children:
            self._signal(child, signal.SIGKILL)
        for child in children:
            child.wait()
            self._forget(child)
        assert self._reaper.stdin is not None
        self._reaper.stdin.close()
        self._reaper.wait()

    @staticmethod
    def _signal(child: subprocess.Popen[bytes], number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the group is gone already
            os.killpg(child.pid, number)

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._children.discard(child)
        self._tell(f"- {child.pid}")

    def _tell(self, line: str) -> None:
        assert self._reaper.stdin is not None
        with self._lock:
            if not self._reaper.stdin.closed:
                self._reaper.stdin.write(line.encode() + b"\n")
                self._reaper.stdin.flush()
