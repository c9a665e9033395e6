"""The stack deployed and at rest, once for all tests of a run: each cloud of theirs begins with it.

A deployment takes more of the processors than many a story that follows it. Of what is copied,
code that nobody changes is linked; its modules are compiled, which every process of a function
would else begin with.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

WHERE = "EVERLOOP_TESTS_PREPARED"  # a folder of this run, for all its processes
_CODE = ("lambda", "build")


def begin(state: Path, deploy: Callable[[Path], None]) -> None:
    """Make a state folder with the stack at rest in it; `deploy` leaves one, the first time."""
    shared = os.environ.get(WHERE)
    if shared is None:
        return
    folder = Path(shared)
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "state"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(made, ignore_errors=True)  # of an attempt that failed
            deploy(made)
            code = [str(made / "lambda" / kind) for kind in ("opt", "task")]
            subprocess.run([sys.executable, "-m", "compileall", "-q", *code], check=True)
            (folder / "made").touch()
    shutil.copytree(made, state, symlinks=True, copy_function=lambda *each: _take(made, *each))


def _take(made: Path, source: str, target: str) -> None:
    if Path(source).relative_to(made).parts[0] in _CODE:
        os.link(source, target, follow_symlinks=False)
    else:
        shutil.copy2(source, target)
