"""One execution environment: a process that runs one invocation of one function at a time."""

import json
import logging
import os
import secrets
import select
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

from everloop_localcloud.functions.role import has_group, may_log
from everloop_localcloud.functions.runtime import Invocation, Message, RuntimeApi
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.containment import below, exit_code

log = logging.getLogger(__name__)

LARGEST_ANSWER = 6_291_556  # AWS's limit of a synchronous answer, in bytes
_INIT_LIMIT = 10.0  # real seconds that AWS gives an environment to start, beside the timeout
_INTERPRETER: str = getattr(sys, "_base_executable", None) or sys.executable


@dataclass
class Plan:
    """All that one environment of a function is made from."""

    function: str
    revision: str
    handler: str
    timeout: float
    memory: int
    task: Path
    opt: Path
    runtime: Path
    variables: Mapping[str, str]
    log_group: str
    role: str


@dataclass
class Outcome:
    """How an invocation ended. `error` is None, `Unhandled`, or what AWS's header says."""

    payload: bytes
    error: str | None = None
    lines: list[str] = field(default_factory=list)
    duration_ms: float = 0.0
    init_ms: float | None = None
    memory_mb: int | None = None
    usable: bool = True


def python_path(plan: Plan) -> str:
    """Return where a function finds its modules: its code, the layers, the runtime, as on AWS."""
    python = plan.opt / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folders = (plan.task, python / "lib" / version / "site-packages", python, plan.runtime)
    return os.pathsep.join(str(folder) for folder in folders)


class Environment:
    """Starts at once; `invoke` waits until it is up. After a fault it is not usable again."""

    def __init__(self, cloud: Account, plan: Plan, work: Path) -> None:
        self.plan = plan
        self.used = time.monotonic()
        self.log_stream = (
            f"{cloud.clock.now():%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}"  # as AWS names them
        )
        self.had_group = has_group(cloud, plan.log_group)
        self.logs = may_log(cloud, plan.role, plan.log_group, self.log_stream)
        self._cloud = cloud
        self._work = work / secrets.token_hex(8)
        self._began = time.monotonic()
        self._init_ms: float | None = None
        self._up = False
        self._closed = threading.Lock()
        self._api = RuntimeApi(LARGEST_ANSWER)
        temporary = self._work / "tmp"
        temporary.mkdir(parents=True)
        cloud.processes.own_folder(self._work)
        self._output, writing = os.pipe()
        os.set_blocking(self._output, False)
        self._output_lock = threading.Lock()
        self._pending = b""
        self._lines: list[str] = []
        try:
            self._child = cloud.processes.start(
                # No site-packages of the interpreter: what runs sees what Lambda would show it.
                [_INTERPRETER, "-S", "-P", "-u", "-m", "awslambdaric", plan.handler],
                env=self._variables(temporary),
                cwd=plan.task,
                stdout=writing,
                stderr=subprocess.STDOUT,
                mark=f"AWS_LAMBDA_LOG_STREAM_NAME={self.log_stream}",
            )
        finally:
            os.close(writing)
        threading.Thread(target=self._watch, name="environment", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation to its end, whatever that is."""
        init_ms = None
        if not self._up:
            message = self._hear(_INIT_LIMIT + self.plan.timeout)
            if message is None or message.kind != "ready":
                return self._broken(invocation, message)
            init_ms = (time.monotonic() - self._began) * 1000
            self._up = True
        deadline_ms = int((time.time() + self.plan.timeout) * 1000)
        began = time.monotonic()
        self._api.inbox.put((invocation, deadline_ms))
        end = began + self.plan.timeout
        while True:
            message = self._hear(end - time.monotonic())
            if (
                message is None
                or message.kind == "exit"
                or message.request_id in (invocation.request_id,)
            ):
                break
        duration = (time.monotonic() - began) * 1000
        if message is not None and message.kind == "response":
            outcome = Outcome(message.body)
        elif message is not None and message.kind == "error":
            outcome = Outcome(message.body, "Unhandled")
        elif message is not None and message.kind == "too-large":
            text = "Response payload size exceeded maximum allowed payload size"
            text = f"{text} ({LARGEST_ANSWER} bytes)."
            outcome = Outcome(_fault("Function.ResponseSizeTooLarge", text), "Unhandled")
            outcome.usable = False
        else:
            outcome = self._broken(invocation, message)
        outcome.duration_ms = duration if outcome.duration_ms == 0 else outcome.duration_ms
        outcome.init_ms = init_ms
        outcome.memory_mb = self._peak_memory()
        if outcome.usable:
            outcome.lines = self._take_lines()
        self.used = time.monotonic()
        return outcome

    def close(self) -> None:
        """Kill the process with all it started, and remove its working folder; safe to repeat."""
        if not self._closed.acquire(blocking=False):
            return
        self._cloud.processes.stop(self._child, grace=0)
        self._api.close()
        self._cloud.credentials.forget(self.plan.variables.get("AWS_ACCESS_KEY_ID", ""))
        shutil.rmtree(self._work, ignore_errors=True)
        self._cloud.processes.disown_folder(self._work)

    def _hear(self, seconds: float) -> Message | None:
        try:
            return self._api.outbox.get(timeout=max(0.0, seconds))
        except Empty:
            return None

    def _broken(self, invocation: Invocation, message: Message | None) -> Outcome:
        """Say how the environment failed: timed out, exited, or could not start."""
        prefix = f"RequestId: {invocation.request_id} Error: "
        if message is None:
            text = f"Task timed out after {self.plan.timeout:.2f} seconds"
            outcome = Outcome(_fault("Sandbox.Timedout", prefix + text), "Unhandled")
            said = f"{self._cloud.clock.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
            last = f"{said} {invocation.request_id} {text}"
        elif message.kind == "init-error":
            outcome, last = Outcome(message.body, "Unhandled"), ""
        else:
            text = "Runtime exited " + _reason(message.code)
            outcome = Outcome(_fault("Runtime.ExitError", prefix + text), "Unhandled")
            last = f"{prefix}{text}\tRuntime.ExitError"
        outcome.usable = False
        outcome.duration_ms = self.plan.timeout * 1000 if message is None else 0
        self.close()
        outcome.lines = [*self._take_lines(), *([last] if last else [])]
        return outcome

    def _variables(self, temporary: Path) -> dict[str, str]:
        """Build the environment from nothing: nothing of the host's reaches the function."""
        plan = self.plan
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "PYTHONIOENCODING": "utf-8",
            "TZ": ":UTC",
            "HOME": str(temporary),
            "TMPDIR": str(temporary),  # an environment's own /tmp
            "PYTHONPATH": python_path(plan),
            "_HANDLER": plan.handler,
            "LAMBDA_TASK_ROOT": str(plan.task),
            "LAMBDA_RUNTIME_DIR": str(plan.runtime),
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": plan.function,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(plan.memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": plan.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
            **plan.variables,
        }

    def _watch(self) -> None:
        """Read what the process prints while it runs, and tell when it has ended."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN | select.POLLHUP)
        open_ended = True
        while open_ended and self._child.poll() is None:
            poll.poll(1000)  # the write end may live on in a grandchild: look at the child, too
            open_ended = self._drain()
        code = exit_code(self._child.wait())
        self._drain()
        with self._output_lock:
            os.close(self._output)
            self._output = -1
        self._api.outbox.put(Message("exit", code=code))

    def _drain(self) -> bool:
        """Take what is in the pipe now; tell whether more may come."""
        with self._output_lock:
            while self._output >= 0:
                try:
                    read = os.read(self._output, 65536)
                except BlockingIOError:
                    return True
                if not read:
                    return False
                self._pending += read
                *whole, self._pending = self._pending.split(b"\n")
                self._lines += [line.decode("utf-8", "replace") for line in whole]
            return False

    def _take_lines(self) -> list[str]:
        self._drain()  # what was printed before the answer is in the pipe already
        with self._output_lock:
            if self._pending:
                self._lines.append(self._pending.decode("utf-8", "replace"))
                self._pending = b""
            lines, self._lines = self._lines, []
        # The runtime writes a carriage return where one record goes on in the next line.
        return [line.replace("\r", "\n").rstrip("\n") for line in lines]

    def _peak_memory(self) -> int | None:
        try:
            status = Path(f"/proc/{below(self._child.pid)}/status").read_text()
        except OSError:
            return None  # no /proc on this system, or the process is gone
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                return max(1, int(line.split()[1]) // 1024)
        return None


def _fault(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _reason(code: int) -> str:
    if code == 0:
        return "without providing a reason"
    if code < 0:
        names = {-9: "killed", -11: "segmentation fault", -6: "aborted", -15: "terminated"}
        return f"with error: signal: {names.get(code, -code)}"
    return f"with error: exit status {code}"


def invocation_of(payload: bytes, arn: str, context: str = "", request_id: str = "") -> Invocation:
    """Return a new invocation, with the identifiers AWS would give it."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    trace = f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"
    return Invocation(request_id or str(uuid.uuid4()), payload, arn, trace, context)
