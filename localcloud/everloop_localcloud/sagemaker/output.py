"""What a job or a model server prints: read as long as it runs, and kept up to a size."""

import os
import select
import subprocess
import threading
from collections.abc import Callable, Sequence
from io import BufferedReader
from pathlib import Path
from typing import cast

MOST_BYTES = 64 * 1024**2  # of a job's output that are kept; more would fill the disk
_LONGEST_LINE = 256 * 1024  # CloudWatch cuts an event there, too
_END_SECONDS = 5.0  # real: for the rest of an ended process's output
_LOOK_SECONDS = 0.5
_LAST = 16 * 1024  # bytes, from which the last lines are taken


class Output:
    """The output of one child. `read` runs on a thread of its own and ends with the child.

    `tell` gets whole lines for a log stream, `heard` each of them; `file` gets the bytes.
    """

    def __init__(
        self,
        child: "subprocess.Popen[bytes]",
        file: Path | None,
        tell: Callable[[Sequence[str]], object] | None,
        heard: Callable[[str], object] = lambda line: None,
        most: int = MOST_BYTES,
    ) -> None:
        self._child = child
        self._file = file
        self._tell = tell
        self._heard = heard
        self._most = most
        self._came = 0
        self._full = False
        self._last = b""
        self._done = threading.Event()

    def tail(self) -> str:
        """Return the last lines, once there are no more to come."""
        self._done.wait(2 * _END_SECONDS)
        lines = self._last.decode("utf-8", "replace").strip().splitlines()
        return "\n".join([line for line in lines if line.strip()][-30:])[-4000:]

    def read(self) -> None:
        try:
            with cast(BufferedReader, self._child.stdout) as stream:
                if self._file is None:
                    self._read(stream.fileno(), None)
                else:
                    with self._file.open("wb", buffering=0) as file:
                        self._read(stream.fileno(), file.write)
        finally:
            self._done.set()

    def _read(self, source: int, write: Callable[[bytes], object] | None) -> None:
        rest = b""
        while chunk := self._chunk(source):
            self._last = (self._last + chunk)[-_LAST:]
            if write is not None and not self._full:
                write(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                whole, rest = [*whole, rest], b""
            self._pass_on([line.decode("utf-8", "replace") for line in whole])
            self._came += len(chunk)
        if rest:
            self._pass_on([rest.decode("utf-8", "replace")])

    def _pass_on(self, lines: list[str]) -> None:
        for line in lines:
            self._heard(line)
        if self._full or not lines:
            return
        if self._came >= self._most:
            self._full = True
            lines = [f"(what is printed after {self._most // 1024**2} MB is not kept)"]
        if self._tell is not None:
            self._tell(lines)

    def _chunk(self, source: int) -> bytes:
        """Return what was printed next; nothing at the end, also where a leaving holds it open."""
        poll = select.poll()
        poll.register(source, select.POLLIN | select.POLLHUP)
        left = _END_SECONDS
        while not poll.poll(_LOOK_SECONDS * 1000):
            if self._child.poll() is not None:
                left -= _LOOK_SECONDS
                if left <= 0:
                    return b""
        return os.read(source, 65536)
