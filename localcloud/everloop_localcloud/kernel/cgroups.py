"""Control groups, where this process may make some: a child's whole memory, and its whole end.

Both versions of cgroups are known: one tree for all controllers, or one for memory alone.
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import contextlib
import itertools
import os
import signal
import time
from functools import cache
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory.limit_in_bytes")  # of version 2, of version 1
_END_SECONDS = 5.0
_numbers = itertools.count(1)


@cache
def _home() -> Path | None:
    """Return the group of this process, if groups can be made in it; None where not."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        home = _ROOT / controllers / path.lstrip("/")
        probe = home / f"everloop-{os.getpid()}-probe"
        try:
            probe.mkdir()
            usable = any((probe / name).exists() for name in (*_LIMITS, "cgroup.kill"))
            probe.rmdir()
        except OSError:
            continue
        if usable:
            return home
    return None


class Group:
    """The control group of one child. `path` is "" where there are none."""

    def __init__(self, limit: int) -> None:
        self._folder: Path | None = None
        home = _home()
        if home is None:
            return
        folder = home / f"everloop-{os.getpid()}-{next(_numbers)}"
        try:
            folder.mkdir()
            for name in _LIMITS:
                if limit and (folder / name).exists():
                    (folder / name).write_text(str(limit))
        except OSError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            return
        self._folder = folder

    @property
    def path(self) -> str:
        return "" if self._folder is None else str(self._folder)

    def end(self) -> None:
        """Kill what is in the group, and remove it; safe to repeat."""
        deadline = time.monotonic() + _END_SECONDS
        while self._folder is not None and time.monotonic() < deadline:
            try:
                for pid in (self._folder / "cgroup.procs").read_text().split():
                    with contextlib.suppress(OSError):
                        os.kill(int(pid), signal.SIGKILL)
                self._folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:  # what was killed is not gone yet
                time.sleep(0.01)
            else:
                return
