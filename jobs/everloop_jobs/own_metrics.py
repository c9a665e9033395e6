"""A model's own metrics: functions of its metrics.py, run in a process of their own.

Each is `(target, score, weight) -> float`. The process has no network, no credentials and a limit
of time, whatever the functions do; what they raise is told by the metric's name.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from container import JobError
from metrics import Array, Metric

NAME = "metrics.py"
_SECONDS = 120.0  # that one call may take
# The environment without what signs requests, and without addresses of whom to ask for it.
_SECRETS = ("AWS_", "EVERLOOP_", "ECS_", "SAGEMAKER_")

# The process: lines of JSON come in, numbers behind them. Tables come once, then weights.
_PROGRAM = r"""
import importlib.util, json, os, sys

out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the functions print is no answer
home, names = sys.argv[1], sys.argv[2:]
FORBIDDEN = ("socket.", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork")
guarded = False

def hook(event, args):
    if guarded and event.startswith(FORBIDDEN):
        raise PermissionError(f"metrics.py may reach no network and start no program ({event})")

def answer(value=None, words=""):
    out.write(json.dumps([value, words]) + "\n")
    out.flush()

def told(error):
    return f"{type(error).__name__}: {error}"[:500]

def floats(count):
    return np.frombuffer(sys.stdin.buffer.read(8 * count)).copy()

import numpy as np, pandas as pd
sys.addaudithook(hook)
sys.path.insert(0, home)
found = {}
try:
    guarded = True
    spec = importlib.util.spec_from_file_location("metrics", os.path.join(home, "metrics.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["metrics"] = module
    spec.loader.exec_module(module)
    found = {name: getattr(module, name, None) for name in names}
    lacking = [name for name in names if not callable(found[name])]
    answer(words=f"it has no function {lacking[0]!r}" if lacking else "")
except BaseException as error:
    answer(words=told(error))
tables = {}
for line in iter(sys.stdin.buffer.readline, b""):
    asked = json.loads(line)
    if "table" in asked:
        target = floats(asked["rows"])
        score = floats(asked["rows"] * asked["width"]).reshape(asked["rows"], asked["width"])
        if asked["classes"]:
            classes = np.array([*asked["classes"], None, None], dtype=object)  # -1 and -2 are none
            target = classes[target.astype(int)]
            frame = pd.DataFrame(score[:, 1:], columns=asked["classes"])
            frame.insert(0, "label", classes[score[:, 0].astype(int)])
            score = frame
        elif asked["width"] == 1:
            score = score[:, 0]
        tables[asked["table"]] = (target, score)
        continue
    weight = floats(asked["rows"])
    try:
        target, score = tables[asked["of"]]
        answer(float(found[asked["name"]](target, score, weight)))
    except BaseException as error:
        answer(words=told(error))
"""


class OwnMetrics:
    """The functions of one metrics.py, for as many tables of targets and scores as are asked."""

    def __init__(
        self, code: Path, names: list[str], environment: Mapping[str, str] | None = None
    ) -> None:
        """`environment` has what the model's own packages need. Raises JobError."""
        if not (code / NAME).is_file():
            raise JobError(
                f"the model's folder has no {NAME}, and [evaluate.own] names {', '.join(names)}"
            )
        self.names = names
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_SECRETS)}
        self._directory = tempfile.TemporaryDirectory()
        program = Path(self._directory.name) / "own_metrics_process.py"
        program.write_text(_PROGRAM)
        self._running = subprocess.Popen(
            [sys.executable, str(program), str(code), *names],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=code,
            env={**kept, **(environment or {}), "HOME": self._directory.name},
        )
        self._tables = 0
        words = self._answer("it")[1]
        if words:
            self.close()
            raise JobError(f"{NAME} of the model cannot be used: {words}")

    def measured(
        self,
        target: Array,
        score: Array,
        classes: Sequence[str] = (),
        names: Sequence[str] | None = None,
    ) -> dict[str, Metric]:
        """Return the metrics on these targets and scores, as functions of the rows' weights.

        `names` are those that are meant, all without it. With `classes` the functions get their
        names: targets, and a table of `label` and a probability for each class. Else arrays, of one
        dimension where a score is one number.
        """
        self._tables += 1
        key, (rows, width) = self._tables, score.shape
        asked = {"table": key, "rows": rows, "width": width, "classes": list(classes)}
        self._send(asked, target, score)
        return {
            name: self._metric(name, key) for name in self.names if names is None or name in names
        }

    def once(self, name: str, target: Array, score: Array) -> float:
        """Return a metric on these rows alone, of one score each: nothing is kept of them."""
        rows = len(target)
        self._send({"table": 0, "rows": rows, "width": 1, "classes": []}, target, score)
        return self._metric(name, 0)(np.ones(rows))

    def close(self) -> None:
        if self._running.poll() is None:
            self._running.kill()
        self._running.wait()
        for pipe in (self._running.stdin, self._running.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self._directory.cleanup()

    def _metric(self, name: str, key: int) -> Metric:
        def value(weight: Array) -> float:
            self._send({"of": key, "name": name, "rows": len(weight)}, weight)
            number, words = self._answer(f"{name}()")
            if words:
                raise JobError(f"{NAME} of the model: {name}() raised {words}")
            return float(number)

        return value

    def _send(self, asked: dict[str, Any], *numbers: Array) -> None:
        assert self._running.stdin is not None
        try:
            self._running.stdin.write(json.dumps(asked).encode() + b"\n")
            for each in numbers:
                self._running.stdin.write(np.ascontiguousarray(each, dtype=float).tobytes())
            self._running.stdin.flush()
        except (BrokenPipeError, ValueError) as error:  # closed, once a function took too long
            raise JobError(f"{NAME} of the model: {self._end()}") from error

    def _answer(self, who: str) -> tuple[Any, str]:
        assert self._running.stdout is not None
        at, data, until = self._running.stdout.fileno(), b"", time.monotonic() + _SECONDS
        while not data.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0 or not select.select([at], [], [], left)[0]:
                self.close()
                raise JobError(f"{NAME} of the model: {who} took more than {_SECONDS:.0f} s")
            piece = os.read(at, 65_536)
            if not piece:
                raise JobError(f"{NAME} of the model: {self._end()}")
            data += piece
        number, words = json.loads(data)
        return number, str(words)

    def _end(self) -> str:
        return f"its process ended with exit code {self._running.wait()}"


@contextmanager
def of(
    spec: Mapping[str, Any], code: Path, environment: Mapping[str, str] | None = None
) -> Iterator[OwnMetrics | None]:
    """Give what a spec's [evaluate.own] names; None where it names nothing."""
    names = list(spec["evaluate"].get("own") or {})
    own = OwnMetrics(code, names, environment) if names else None
    try:
        yield own
    finally:
        if own is not None:
            own.close()
