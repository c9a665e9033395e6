"""The executions of the local cloud: started, kept, taken up again after a kill, ended."""

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.states import json_text
from everloop_localcloud.states.cloud_world import CloudWorld
from everloop_localcloud.states.history import History
from everloop_localcloud.states.run import Ending, Run
from everloop_localcloud.states.tokens import Tokens
from everloop_localcloud.states.walk import Machine
from everloop_localcloud.states.world import Signal

_EXPRESS_SECONDS = 300.0
# https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
_COUNTED = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_LARGEST_IN_EVENT = 248 * 1024  # characters of input or output that a status event carries
Row = dict[str, Any]


@dataclass
class _Active:
    run: Run
    done: Signal


class Executions:
    """Standard executions are kept in the store, with their histories; express ones are not."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self.rows = cloud.store.table("stepfunctions.executions")
        self.revisions = cloud.store.table("stepfunctions.revisions")
        self._history = cloud.store.shelf("stepfunctions.history")
        self._marks = cloud.store.table("stepfunctions.checkpoints")
        self.tokens = Tokens(cloud)
        self.world = CloudWorld(cloud, self.tokens)
        self._lock = threading.Lock()
        self._active: dict[str, _Active] = {}

    # starting

    def keep(self, row: Row) -> None:
        """Keep a new standard execution; from here on it can be stopped, and survives a kill."""
        self._prepare(row, None)
        self.rows[row["arn"]] = row

    def launch(self, row: Row) -> None:
        """Tell that a new execution runs, and let it."""
        self._emit(row)
        self._go(row["arn"])

    def _machine(self, row: Row) -> Machine:
        revision = self.revisions[f"{row['machine']}#{row['revision']}"]
        return Machine(
            arn=row["machine"],
            name=row["machine"].rpartition(":")[2],
            role_arn=revision["roleArn"],
            definition=json_text.loads(revision["definition"]),
        )

    def _prepare(self, row: Row, mark: Row | None) -> None:
        arn = row["arn"]
        run = Run(
            machine=self._machine(row),
            arn=arn,
            name=row["name"],
            value=json_text.loads(row["input"]),
            started=row["started"],
            world=self.world,
            history=History(
                self._cloud.clock.now,
                lambda event: self._keep_event(arn, event),
                0 if mark is None else mark["previous"],
            ),
            checkpoint=lambda found: self._keep_mark(arn, found),
            resumed=mark,
        )
        with self._lock:
            self._active[arn] = _Active(run, self._cloud.clock.signal())

    def _go(self, arn: str) -> None:
        with self._lock:
            active = self._active[arn]
        self._cloud.spawn(self._follow, arn, active, name=f"execution {active.run.name}")

    def _follow(self, arn: str, active: _Active) -> None:
        try:
            self._cloud.started.wait()  # after a restart, tasks need every service
            ending = active.run.execute()
            if ending is not None:
                self._end(arn, ending)
        finally:
            with self._lock:
                self._active.pop(arn, None)
            active.done.set()

    def _keep_event(self, arn: str, event: Row) -> None:
        self._history.put(f"{arn}#{event['id']:06d}", event)

    def _keep_mark(self, arn: str, mark: Row) -> None:
        self._marks[arn] = dict(mark)
        self.tokens.sweep(arn, keep=mark.get("token"))

    def _end(self, arn: str, ending: Ending) -> None:
        row = {**self.rows[arn], "status": ending.status, "stopped": self._cloud.clock.now()}
        if ending.status == "SUCCEEDED":
            row["output"] = json_text.dumps(ending.output)
        row |= {"error": ending.error, "cause": ending.cause}
        self.rows[arn] = row
        self._marks.pop(arn, None)
        self.tokens.clear(arn)
        self._emit(row)

    # going on after a restart

    def resume(self) -> None:
        """Take up every execution that was under way, from its last checkpoint."""
        for arn, row in list(self.rows.items()):
            if row["status"] != "RUNNING":
                continue
            mark = self._marks.get(arn)
            last = 0 if mark is None else mark["previous"]
            # What happened after the checkpoint is done again, so its events are taken back.
            self._history.delete(f"{arn}#{last + 1:06d}", f"{arn}$")
            self.tokens.clear(arn, keep=None if mark is None else mark.get("token"))
            self._prepare(row, None if mark is None else dict(mark))
            self._go(arn)

    def interrupt(self) -> None:
        """End the threads of all executions; each goes on when the cloud starts again."""
        with self._lock:
            active = list(self._active.values())
        for one in active:
            one.run.stop(None)
        for one in active:
            one.done.wait(self._cloud.clock.speed)  # at most a real second

    # stopping and reading

    def stop(self, arn: str, error: str | None, cause: str | None) -> datetime:
        """Abort an execution; return when it ended, also if it had ended before."""
        with self._lock:
            active = self._active.get(arn)
        if active is not None:
            active.run.stop(Ending("ABORTED", error=error, cause=cause))
            active.done.wait()
        stopped: datetime = self.rows[arn]["stopped"]
        return stopped

    def events(self, arn: str) -> list[Row]:
        """Return the history of an execution, oldest first."""
        return [event for _, event in self._history.rows(f"{arn}#", f"{arn}$")]

    def express(self, machine: Machine, arn: str, name: str, value: Any) -> tuple[Run, History]:
        """Return an express execution that is ready to run; it is kept nowhere."""
        history = History(self._cloud.clock.now, lambda event: None)
        run = Run(
            machine=machine,
            arn=arn,
            name=name,
            value=value,
            started=self._cloud.clock.now(),
            world=self.world,
            history=history,
            longest=_EXPRESS_SECONDS,
        )
        return run, history

    def _emit(self, row: Row) -> None:
        """Tell the event bus and CloudWatch of a change of status."""
        machine = {"StateMachineArn": row["machine"]}
        self._cloud.measure("AWS/States", _COUNTED[row["status"]], machine)
        if row.get("stopped"):
            took = (row["stopped"] - row["started"]).total_seconds() * 1000
            self._cloud.measure("AWS/States", "ExecutionTime", machine, took, "Milliseconds")
        self._cloud.emit(
            "aws.states",
            "Step Functions Execution Status Change",
            _detail(row),
            [row["arn"]],
        )


def _detail(row: Row) -> Row:
    status = row["status"]
    redrivable = status in ("FAILED", "TIMED_OUT", "ABORTED")
    if redrivable:
        reason: str | None = f"Execution is {status} and is redrivable"
    elif status == "RUNNING":
        reason = "Execution is RUNNING and cannot be redriven"
    else:
        reason = f"Execution is {status} and cannot be redriven"
    stopped = row.get("stopped")
    detail: Row = {
        "executionArn": row["arn"],
        "stateMachineArn": row["machine"],
        "name": row["name"],
        "status": status,
        "startDate": _millis(row["started"]),
        "stopDate": None if stopped is None else _millis(stopped),
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
        "redriveStatusReason": reason,
        "error": row.get("error"),
        "cause": row.get("cause"),
    }
    for member in ("input", "output"):
        text = row.get(member)
        included = text is not None and len(json_text.dumps(text)) <= _LARGEST_IN_EVENT
        detail[member] = text if included else None
        detail[f"{member}Details"] = None if text is None else {"included": included}
    return detail


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
