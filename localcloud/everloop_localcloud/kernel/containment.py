"""Where a child runs: in a PID namespace, which ends whole, or below a keeper where there is none.

In a namespace a command sees no process but its own, so that it can signal nothing else, and what
it leaves behind is killed by the kernel with the namespace's first process, whatever it did. A
keeper is the parent of what its command orphans; what kills its keeper is found by its mark.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_MARK = "LOCALCLOUD_CHILD"  # in the environment of what a keeper runs
_KEEPER = Path(__file__).parent / "keeper.py"
# A parent that is not the cloud; as the first process of a namespace it ends that with its child.
# `&` takes standard input away unless it is handed over. A namespace counts its processes from a
# number of its own, so that those of two servers differ as they do on one machine.
_PARENT = """
bytes=$1 number=$2 group=$3; shift 3
unset PWD OLDPWD
trap : TERM INT HUP
[ "$bytes" = 0 ] || ulimit -d $((bytes / 1024))
exec 3<&0 4>&1 5>&2 </dev/null >/dev/null 2>&1
[ -z "$group" ] || echo 0 >"$group/cgroup.procs"
[ "$number" = 0 ] || echo "$number" >/proc/sys/kernel/ns_last_pid
"$@" <&3 3<&- >&4 4>&- 2>&5 5>&- &
child=$!
exec 3<&- 4>&- 5>&-
while wait "$child"; code=$?; kill -0 "$child"; do :; done
exit "$code"
"""
_BY_SIGNAL = {128 + number: -number for number in signal.Signals}


@cache
def namespace() -> tuple[str, ...] | None:
    """Return what gives a command a PID namespace here; None where the kernel allows none."""
    unshare = shutil.which("unshare")
    if unshare is None or not _parent():
        return None
    inside = ("-p", "-f", "--kill-child", "--mount-proc")
    options = [inside] if os.geteuid() == 0 else []
    for option in [*options, ("-U", "-r", *inside)]:
        words = (unshare, *option)
        probe = [*words, *_parent(), "0", "0", "", sys.executable, "-I", "-S", "-c", ""]
        if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return words
    return None


def whole(words: Sequence[str], limit: int, group: str) -> tuple[list[str], dict[str, str]]:
    """Return a command that ends with all it started, and what its environment has besides.

    `limit` is in bytes of data of each of its processes, 0 for none; `group` is a control group's
    folder, "" for none.
    """
    inside = namespace()
    if inside is not None:
        return [*inside, *_parent(), str(limit), str(_number()), group, *words], {}
    if sys.platform != "linux":
        return apart(words, limit, group), {}
    keeper = [sys.executable, "-I", "-S", str(_KEEPER)]
    # A command that kills its parent has not killed its keeper.
    return [*keeper, *apart(words, limit, group)], {_MARK: secrets.token_hex(12)}


def apart(words: Sequence[str], limit: int = 0, group: str = "") -> list[str]:
    """Return a command whose parent is not this process."""
    parent = _parent()
    return [*parent, str(limit), "0", group, *words] if parent else list(words)


def begun(pid: int) -> bool:
    """Say whether a child is its command by now, and no program on the way to it.

    Those on the way (a shell, `unshare`, a keeper) take a signal for themselves, or lose it. What
    has ended is not on the way.
    """
    words, last = _words(pid), pid
    while (next_one := below(last)) != last:
        words, last = _words(next_one), next_one
    # None at all: it is just becoming another program, or has ended and is not buried yet.
    return bool(words) and not any(word in (_PARENT, str(_KEEPER)) for word in words)


def end(pid: int, command: object) -> None:
    """Kill what a child's parent waits for, so that it ends by itself."""
    words = command if isinstance(command, list) else []
    if str(_KEEPER) in words:
        os.kill(pid, signal.SIGUSR1)
    elif "--kill-child" in words:  # not its first process: unshare fails over that
        os.kill(below(below(pid)), signal.SIGKILL)
    else:
        os.kill(below(pid), signal.SIGKILL)


@cache
def _parent() -> tuple[str, ...]:
    shell = shutil.which("sh")
    return () if shell is None else (shell, "-c", _PARENT, "sh")


def _number() -> int:
    """Return a number that few processes of this machine have."""
    try:
        most = int(Path("/proc/sys/kernel/pid_max").read_text())
    except (OSError, ValueError):
        return 0
    return most // 2 + secrets.randbelow(most // 2 - 1000)


def exit_code(code: int) -> int:
    """Return a child's exit code, negative for the signal that ended it."""
    return _BY_SIGNAL.get(code, code)


def end_marked(mark: str) -> None:
    """Kill every process that has a variable, `NAME=value`, and what it starts meanwhile."""
    while found := _marked(mark.encode()):
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _marked(mark: bytes) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes().split(b"\0"):  # of what has ended, it is empty
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _words(pid: int) -> list[str]:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ["?"]  # it is gone, or nothing here tells of processes
    return [word.decode(errors="replace") for word in line.split(b"\0") if word]


def below(pid: int) -> int:
    """Return the process that a parent of `apart` waits for."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    except (OSError, IndexError):
        return pid
