"""What Lambda writes about each invocation: lines to CloudWatch Logs, numbers to CloudWatch."""

import json
import threading
from collections import defaultdict
from queue import SimpleQueue
from typing import Any

from everloop_localcloud.functions.environment import Environment, Outcome
from everloop_localcloud.functions.runtime import Invocation
from everloop_localcloud.kernel.account import Account

_UNITS = {"Duration": "Milliseconds"}
_PAUSE = 0.5  # real seconds between two writes of metrics
_CHUNK = 1000  # data in one PutMetricData


def lines_of(outcome: Outcome, invocation: Invocation, memory: int) -> list[str]:
    """Return the lines of the log: START, what the function printed, END, REPORT."""
    billed = int(outcome.duration_ms + (outcome.init_ms or 0)) + 1
    facts = [
        f"REPORT RequestId: {invocation.request_id}",
        f"Duration: {outcome.duration_ms:.2f} ms",
        f"Billed Duration: {billed} ms",
        f"Memory Size: {memory} MB",
    ]
    if outcome.memory_mb is not None:
        facts.append(f"Max Memory Used: {outcome.memory_mb} MB")
    if outcome.init_ms is not None:
        facts.append(f"Init Duration: {outcome.init_ms:.2f} ms")
    return [
        f"START RequestId: {invocation.request_id} Version: $LATEST",
        *outcome.lines,
        f"END RequestId: {invocation.request_id}",
        "\t".join(facts) + "\t",
    ]


def platform_lines(outcome: Outcome, invocation: Invocation, memory: int, now: str) -> list[str]:
    """Return the lines of a log in JSON format."""
    request = invocation.request_id
    metrics: dict[str, Any] = {
        "durationMs": round(outcome.duration_ms, 3),
        "billedDurationMs": int(outcome.duration_ms + (outcome.init_ms or 0)) + 1,
        "memorySizeMB": memory,
    }
    if outcome.memory_mb is not None:
        metrics["maxMemoryUsedMB"] = outcome.memory_mb
    if outcome.init_ms is not None:
        metrics["initDurationMs"] = round(outcome.init_ms, 3)
    status = "success" if outcome.error is None else "error"
    start = {"requestId": request, "version": "$LATEST"}
    report = {"requestId": request, "metrics": metrics, "status": status}
    return [
        json.dumps({"time": now, "type": "platform.start", "record": start}),
        *outcome.lines,
        json.dumps({"time": now, "type": "platform.report", "record": report}),
    ]


class Metrics:
    """Counts at once and writes a moment later, so that no invocation waits for it."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self._queue: SimpleQueue[tuple[str, str, float]] = SimpleQueue()
        self._stopped = threading.Event()

    def start(self) -> None:
        if "cloudwatch" in self._cloud.apis:
            threading.Thread(target=self._run, name="lambda-metrics", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def count(self, function: str, **values: float) -> None:
        """Note values of AWS/Lambda's metrics for a function."""
        if "cloudwatch" in self._cloud.apis:
            for name, value in values.items():
                self._queue.put((function, name, value))

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE):
            if not self._queue.empty():
                self._cloud.spawn(self._write)  # a failed write is logged and does not end this

    def _write(self) -> None:
        grouped: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(self._queue.qsize()):
            function, name, value = self._queue.get()
            grouped[function, name].append(value)
        data = []
        for (function, name), values in grouped.items():
            for first in range(0, len(values), 150):  # AWS's limit of one datum
                datum: dict[str, Any] = {"MetricName": name, "Values": values[first : first + 150]}
                datum["Unit"] = _UNITS.get(name, "Count")
                datum["Timestamp"] = self._cloud.clock.now()
                data.append(datum)
                data.append({**datum, "Dimensions": [{"Name": "FunctionName", "Value": function}]})
        for first in range(0, len(data), _CHUNK):
            self._cloud.call(
                "cloudwatch",
                "PutMetricData",
                {"Namespace": "AWS/Lambda", "MetricData": data[first : first + _CHUNK]},
            )


def append_log(cloud: Account, environment: Environment, lines: list[str]) -> None:
    """Write an invocation's lines to the function's log group, where its role may.

    A group that was deleted meanwhile is made again only by a role that may do that.
    """
    if not (environment.logs and lines):
        return
    group, role = environment.plan.log_group, environment.plan.role
    gone = environment.had_group and not cloud.apis["logs"].has_group(group)
    make = {"logGroupName": group}
    if gone and not cloud.roles.grants(role, "logs", "CreateLogGroup", make):
        return
    cloud.apis["logs"].append(group, environment.log_stream, lines)
