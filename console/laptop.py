"""The laptop's cloud as a process: start it, deploy the stack to it, stop it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from console.trouble import Trouble

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(".everloop")
PORT = 4566


def environment(state: Path = STATE) -> dict[str, str]:
    """Return the variables that point AWS's clients to the cloud of this state folder.

    Raises Trouble where no cloud runs on it.
    """
    running = describe(state)
    if running is None:
        raise Trouble(f"no cloud runs on {state}: start it with  everloop up")
    return variables(str(running["url"]))


def variables(url: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": os.environ.get("USER") or "laptop",
        "AWS_SECRET_ACCESS_KEY": "laptop",
        "AWS_DEFAULT_REGION": "us-east-1",  # the only one there is
    }


def describe(state: Path) -> dict[str, Any] | None:
    """Return the running cloud of this folder: pid, port, url, speed; None where none runs."""
    try:
        told: dict[str, Any] = json.loads((state / "cloud.json").read_text())
        with urllib.request.urlopen(f"{told['url']}/_everloop/health", timeout=5) as answer:
            return told if answer.status == 200 else None
    except (FileNotFoundError, ValueError, KeyError, urllib.error.URLError, OSError):
        return None


def up(
    state: Path,
    *,
    port: int,
    speed: float,
    stack: str,
    say: Callable[[str], None],
    options: Sequence[str] = (),
) -> dict[str, Any]:
    """Start the cloud unless it runs, and deploy template.yaml to it. Returns its description.

    `options` are passed on to `python -m localcloud`.
    """
    running = describe(state)
    if running is None:
        running = _start(state, port=port, speed=speed, options=options)
        say(
            f"cloud up at {running['url']}, {running['speed']:g} times real time, "
            f"pid {running['pid']}"
        )
    else:
        say(f"cloud is up already at {running['url']}, pid {running['pid']}")
    _deploy(running["url"], state, stack, say)
    return running


def _start(state: Path, *, port: int, speed: float, options: Sequence[str]) -> dict[str, Any]:
    state.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "localcloud", "--state", str(state.resolve())]
    command += ["--port", str(port), "--speed", f"{speed:g}", *options]
    output = state / "cloud.out"
    with output.open("wb") as sink:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told = describe(state)
        if told is not None and told.get("pid") == child.pid:
            return told
        if child.poll() is not None:
            raise Trouble(f"the cloud did not start: {output.read_text().strip()[-2000:]}")
        time.sleep(0.05)
    child.kill()
    raise Trouble(f"the cloud did not answer within 60 s; see {output}")


def _deploy(url: str, state: Path, stack: str, say: Callable[[str], None]) -> None:
    command = [sys.executable, "-m", "localcloud.cloudformation.deploy"]
    command += ["--template", str(ROOT / "template.yaml"), "--stack", stack]
    command += ["--build", str((state.parent if state.name == "demo" else state) / "build")]
    env = {**os.environ, **variables(url)}
    child = subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert child.stdout is not None
    lines = []
    for line in child.stdout:
        lines.append(line.rstrip())
        say(line.rstrip())
    if child.wait() != 0:
        raise Trouble("the stack could not be deployed:\n" + "\n".join(lines[-20:]))


def down(state: Path, *, wipe: bool, say: Callable[[str], None]) -> None:
    """Stop the cloud of this folder; with `wipe`, remove its state too."""
    running = describe(state)
    if running is None:
        say("no cloud is running")
    else:
        pid = int(running["pid"])
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 30
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if _alive(pid):
            os.kill(pid, signal.SIGKILL)
            say("the cloud did not stop within 30 s and was killed; its state is kept")
        else:
            say("cloud stopped")
    if wipe and state.exists():
        shutil.rmtree(state)
        say(f"state removed: {state}")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:  # a zombie of ours has ended, too
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return True
