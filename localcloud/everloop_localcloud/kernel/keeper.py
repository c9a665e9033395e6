"""Runs one command where there are no namespaces, and ends all that it left behind.

A program of its own: it becomes the parent of whatever its command orphans, also of what forked
twice and made a session of its own. Run as `python -I -S keeper.py COMMAND...`.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_SUBREAPER = 36  # prctl's PR_SET_CHILD_SUBREAPER
_NOW = signal.SIGUSR1  # the cloud asks to end everything


def main() -> None:
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # the command has them, too: the group is told
    signal.signal(_NOW, lambda *_: _kill_children())
    child = os.fork()
    if child == 0:
        _become(sys.argv[1:])
    for descriptor in (0, 1, 2):  # whoever reads what the command prints waits for its end
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == child:
            break
    _end_all()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _become(words: list[str]) -> None:
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, _NOW):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(words[0], words)
    except OSError as error:
        print(f"{words[0]}: {error.strerror}", file=sys.stderr, flush=True)
    finally:
        os._exit(127)


def _end_all() -> None:
    """Kill what is left, until nothing is: what a killed process had becomes ours."""
    while True:
        _kill_children()
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _kill_children() -> None:
    own = os.getpid()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent == own:
            with contextlib.suppress(OSError):
                os.kill(int(path.parent.name), signal.SIGKILL)


if __name__ == "__main__":
    main()
