"""Child processes that never outlive the cloud, however it ends, and leave nothing behind.

Each child leads a process group of its own, and may be contained (containment.py). One reaper
process holds the read end of a pipe; when the cloud is gone, for whatever reason, the pipe closes
and the reaper kills what is registered: groups, and what has a mark in its environment.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from everloop_localcloud.kernel import containment
from everloop_localcloud.kernel.cgroups import Group

_PARENT_SECONDS = 5.0  # real: for a parent to bury what was killed
_BEGIN_SECONDS = 5.0  # real: for a command to begin that is to be told of its end

_REAPER = """
import os, shutil, signal, sys, time
from pathlib import Path
groups, folders, marks, controls = set(), set(), set(), set()
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
    elif verb == "+mark":
        marks.add(what.encode())
    elif verb == "-mark":
        marks.discard(what.encode())
    elif verb == "+group":
        controls.add(what)
    elif verb == "-group":
        controls.discard(what)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
def marked():
    for path in Path("/proc").glob("[0-9]*/environ") if marks else ():
        try:
            if marks.intersection(path.read_bytes().split(b"\\0")):
                yield int(path.parent.name)
        except OSError:
            pass
while found := list(marked()):
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
for control in controls:
    for attempt in range(200):
        try:
            for pid in (Path(control) / "cgroup.procs").read_text().split():
                os.kill(int(pid), signal.SIGKILL)
            os.rmdir(control)
        except FileNotFoundError:
            break
        except OSError:
            time.sleep(0.02)
for folder in folders:
    shutil.rmtree(folder, ignore_errors=True)
"""


class Processes:
    """Starts, stops and at the very end kills the children of one cloud."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # With their marks; None for those that are contained by their group alone.
        self._children: dict[subprocess.Popen[bytes], str | None] = {}
        self._groups: dict[subprocess.Popen[bytes], Group] = {}
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
        whole: bool = False,
        mark: str = "",
        limit: int = 0,
    ) -> subprocess.Popen[bytes]:
        """Start a command with exactly `env`, as leader of its own process group.

        What is `whole` ends with all that it started, and no process of it may have more than
        `limit` bytes of data (0: any number). `mark` is a variable of `env`, as NAME=value, by
        which what is left of a command is found: what has one has a parent of its own, too. Ask
        for exit codes here, not the child.
        """
        words, variables = [str(part) for part in command], dict(env)
        group: Group | None = None
        if whole:
            group = Group(limit)
            words, more = containment.whole(words, limit, group.path)
            variables |= more
            mark = next((f"{name}={value}" for name, value in more.items()), "")
        elif mark:
            words = containment.apart(words)
        child = subprocess.Popen(
            words,
            env=variables,
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        with self._lock:
            self._children[child] = mark if whole or mark else None
            if group is not None:
                self._groups[child] = group
        self._tell(f"+ {child.pid}")
        if mark:
            self._tell(f"+mark {mark}")
        if group is not None and group.path:
            self._tell(f"+group {group.path}")
        return child

    def wait(self, child: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        """Wait for a child's end (real seconds; raises subprocess.TimeoutExpired) and forget it."""
        code = child.wait(timeout)
        self._forget(child)
        return containment.exit_code(code)

    def stop(self, child: subprocess.Popen[bytes], grace: float = 5.0) -> int:
        """End a child and all it started: SIGTERM, then after `grace` real seconds SIGKILL.

        A command that is still about to begin is told once it has begun: a signal that came before
        would reach nobody, and the command would run to the end of its grace.
        """
        latest = time.monotonic() + min(grace, _BEGIN_SECONDS)
        while child.poll() is None and not containment.begun(child.pid):
            if time.monotonic() > latest:
                break
            time.sleep(0.005)
        self._signal(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
        self._kill(child)
        code = child.wait()
        self._forget(child)
        return containment.exit_code(code)

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
            self._kill(child)
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

    def _kill(self, child: subprocess.Popen[bytes]) -> None:
        """Kill a child with all it started; what has a parent of its own is buried by that."""
        if self._children.get(child) is not None and child.poll() is None:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                containment.end(child.pid, child.args)
                child.wait(_PARENT_SECONDS)
        self._signal(child, signal.SIGKILL)  # also what the child left behind in its group

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            mark = self._children.pop(child, None)
            group = self._groups.pop(child, None)
        if group is not None:
            group.end()
            self._tell(f"-group {group.path}")
        if mark:
            self._signal(child, signal.SIGKILL)  # its parent ended before it, if that was killed
            containment.end_marked(mark)
            self._tell(f"-mark {mark}")
        self._tell(f"- {child.pid}")

    def _tell(self, line: str) -> None:
        assert self._reaper.stdin is not None
        with self._lock:
            if not self._reaper.stdin.closed:
                self._reaper.stdin.write(line.encode() + b"\n")
                self._reaper.stdin.flush()
