"""The laptop's cloud as a process: start it, deploy the stack to it, stop it."""

import contextlib
import http.client
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from everloop import stack_names
from everloop_cli import local_cloud, stack_files, states
from everloop_cli.trouble import Trouble

STACK = "everloop"
REGION = "us-east-1"  # the only one there is
_FIRST_ROOM = 150_000_000  # bytes, of the built stack and a first state
_MORE_ROOM = 20_000_000


def environment(state: Path, stack: str = STACK) -> dict[str, str]:
    """Return the variables that point AWS's clients to the cloud of this state folder.

    Raises Trouble where no cloud runs on it.
    """
    running = describe(state)
    if running is None:
        raise Trouble(f"no cloud runs on {state}: start it with  {command('up', state, stack)}")
    return variables(str(running["url"]), state)


def variables(url: str, state: Path | None = None) -> dict[str, str]:
    """Return what a client's environment needs; with a state folder, also where secrets count."""
    secret = "laptop"
    with contextlib.suppress(OSError, TypeError):
        secret = (state / "secret").read_text().strip()  # type: ignore[operator]
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": os.environ.get("USER") or "laptop",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,  # else one that is set would come before
    }


def command(name: str, state: Path, stack: str = STACK) -> str:
    """Return a command of ours as one types it for this state folder and stack."""
    of = "" if stack == STACK else f" --stack {shlex.quote(stack)}"
    where = "" if state == states.default(stack) else f" --state {shlex.quote(str(state))}"
    return f"everloop {name}{of}{where}"


def describe(state: Path) -> dict[str, Any] | None:
    """Return the running cloud of this folder: pid, port, url, speed; None where none runs."""
    try:
        description: dict[str, Any] = json.loads((state / "cloud.json").read_text())
        with urllib.request.urlopen(f"{description['url']}/_everloop/health", timeout=5) as answer:
            # Another server may have the port by now, and another process the number.
            return (
                description if answer.headers["X-Everloop-Pid"] == str(description["pid"]) else None
            )
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return None


def up(
    state: Path,
    *,
    stack: str,
    say: Callable[[str], None],
    parameters: Sequence[str] = (),
    any_template: bool = False,
    **chosen: Any,
) -> dict[str, Any]:
    """Start the cloud unless it runs, and deploy template.yaml to it. Returns its description.

    Raises Trouble where the cloud is not installed, and for the state of another template, unless
    `any_template`.
    `parameters` are the template's, each as NAME=VALUE. `chosen` are options of
    `python -m everloop_localcloud`, by name; a running cloud keeps its own.
    """
    local_cloud.check_installed()
    wrong = stack_names.problem(stack, REGION)
    if wrong is not None:
        raise Trouble(wrong)
    running = describe(state)
    if running is None:
        _check_room(state)
    template = stack_files.template(state)
    if not any_template:
        states.check(state, template)
    if (upgrade := states.upgrade(state)) is not None:
        say(upgrade)
    if running is None:
        running = _start(state, chosen)
        say(
            f"cloud up at {running['url']}, {running['speed']:g} times real time, "
            f"pid {running['pid']}"
        )
    else:
        say(f"cloud is up already at {running['url']}, pid {running['pid']}")
        for difference in differences(running, chosen):
            say(
                f"it keeps running with {difference}: to change that, "
                f"{command('down', state, stack)}  and then  up  again"
            )
    say(f"its state lies in {state.resolve()}")
    _deploy(running["url"], state, template, stack, parameters, say)
    states.record(state, template)
    return running


def differences(running: Mapping[str, Any], chosen: Mapping[str, Any]) -> list[str]:
    """Say in what a running cloud differs from what is requested now."""
    from everloop_localcloud import options

    has = {"port": running["port"], "speed": running["speed"], **running.get("options", {})}
    lines = []
    for name, value in chosen.items():
        if name not in has or has[name] == value or (name == "port" and value == 0):
            continue
        now, requested = (" ".join(options.words({name: each})) for each in (has[name], value))
        lines.append(f"{now or 'no --' + name.replace('_', '-')}, not {requested}")
    return lines


def _check_room(state: Path) -> None:
    """Raise Trouble at once where the folder cannot hold a cloud: it cannot be written, or full."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state) as probe:
            probe.write(b"0" * 65536)
            probe.flush()
        free = shutil.disk_usage(state).free
    except OSError as error:
        raise Trouble(
            f"--state {state} cannot be written to: {error.strerror or error}. Make room or "
            "choose another folder"
        ) from error
    room = _MORE_ROOM if (state / "build").exists() else _FIRST_ROOM
    if free < room:
        raise Trouble(
            f"the disk of {state.resolve()} is full: {free / 1e6:.0f} MB are free, and the cloud "
            f"with the stack takes {room / 1e6:.0f} MB. Make room, or choose another folder with "
            "--state"
        )


def _start(state: Path, chosen: Mapping[str, Any]) -> dict[str, Any]:
    from everloop_localcloud import options

    # -P: what lies in the folder it runs in is not what it imports.
    program = [sys.executable, "-P", "-m", "everloop_localcloud", "--state", str(state.resolve())]
    program += options.words(dict(chosen))
    output = state / "cloud.out"
    with output.open("wb") as sink:
        child = subprocess.Popen(
            program,
            cwd=state,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        running = describe(state)
        if running is not None and running.get("pid") == child.pid:
            return running
        if child.poll() is not None:
            last_words = output.read_text(errors="replace").strip()[-2000:].removeprefix("error: ")
            raise Trouble(f"the cloud did not start: {last_words or 'it ended without a word'}")
        time.sleep(0.05)
    child.kill()
    raise Trouble(f"the cloud did not answer within 60 s; see {output}")


def _deploy(
    url: str,
    state: Path,
    template: Path,
    stack: str,
    parameters: Sequence[str],
    say: Callable[[str], None],
) -> None:
    program = [sys.executable, "-P", "-m", "everloop_localcloud.cloudformation.deploy"]
    program += ["--template", str(template), "--stack", stack]
    program += ["--build", str((state.parent if state.name == "demo" else state) / "build")]
    program += [word for each in parameters for word in ("--parameter", each)]
    env = {**os.environ, **variables(url, state)}
    child = subprocess.Popen(
        program,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
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
