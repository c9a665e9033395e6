"""A Python that has loaded what a job's image has; each job is a copy of it, a process of its own.

To load numpy, pandas and boto3 takes most of a short job's time, and half of what is left goes into
reading what boto3 knows of S3, which are files. A job's script and the modules beside it are loaded
by each job, and its sessions and clients are its own.
"""

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_LIBRARIES = ("boto3", "numpy", "pandas")


class Image:
    """Runs one script after the other; close it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
            )
        self._lines = self._control.makefile("rw")

    def run(
        self, script: Path, environment: Mapping[str, str], cwd: Path, seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a script as `python script` with exactly this environment."""
        said = [cwd / ".stdout", cwd / ".stderr"]
        job = {
            "script": str(script),
            "environment": dict(environment),
            "cwd": str(cwd),
            "said": [str(path) for path in said],
            "seconds": seconds,
        }
        self._lines.write(json.dumps(job) + "\n")
        self._lines.flush()
        code = json.loads(self._lines.readline())
        assert code is not None, f"{script.name} took longer than {seconds} s"
        texts = [path.read_text(errors="replace") for path in said]
        for path in said:
            path.unlink()
        return subprocess.CompletedProcess([str(script)], code, *texts)

    def close(self) -> None:
        self._lines.close()
        self._control.close()
        self._process.communicate()


def _serve(control: socket.socket) -> str | None:
    """Fork for each job; returns the script to run in a copy, nothing in the original."""
    for name in _LIBRARIES:
        __import__(name)
    _read_models()
    gc.freeze()
    with control, control.makefile("rw") as lines:
        for line in lines:
            job = json.loads(line)
            child = os.fork()
            if child == 0:
                _become(job)
                return str(job["script"])
            print(json.dumps(_ended(child, job["seconds"])), file=lines, flush=True)
    return None


def _read_models() -> None:
    """Read the files that a client for S3 needs; whoever makes a session then finds them read."""
    import botocore.session

    botocore.session.create_loader = cache(botocore.session.create_loader)
    botocore.session.Session().create_client("s3", region_name="us-east-1")


def _become(job: dict[str, object]) -> None:
    os.environ.clear()
    os.environ.update(job["environment"])  # type: ignore[call-overload]
    os.chdir(str(job["cwd"]))
    for number, path in enumerate(job["said"], start=1):  # type: ignore[arg-type,var-annotated]
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = [str(job["script"])]
    sys.path[0] = str(Path(str(job["script"])).parent)


def _ended(child: int, seconds: float) -> int | None:
    """Return a copy's exit code; None if it had to be killed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    _script = _serve(socket.socket(fileno=int(sys.argv[1])))
    if _script is not None:
        runpy.run_path(_script, run_name="__main__")
