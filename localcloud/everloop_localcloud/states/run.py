"""One execution of a state machine, from its input to its end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop_localcloud.states import json_text, jsonata, timestamps
from everloop_localcloud.states.branch import Branch
from everloop_localcloud.states.errors import StateError, Stopped
from everloop_localcloud.states.history import History, TooLong
from everloop_localcloud.states.jsonata_query import JsonataQuery
from everloop_localcloud.states.jsonpath_query import JsonpathQuery
from everloop_localcloud.states.query import Query, Reading
from everloop_localcloud.states.scope import Scope
from everloop_localcloud.states.walk import Machine
from everloop_localcloud.states.world import World


@dataclass(frozen=True)
class Ending:
    """How an execution ended. `output` is set only if it succeeded."""

    status: str
    output: Any = None
    error: str | None = None
    cause: str | None = None


Keep = Callable[[dict[str, Any]], None]


def _nothing(mark: dict[str, Any]) -> None:
    """Keep no checkpoint: an express execution does not outlive its process."""


@dataclass
class Run:
    """An execution under way.

    `checkpoint` is given, at each step of the top level, what is needed to go on from there;
    `resumed` is the last such mark, if this execution was interrupted. `longest` limits it, in
    seconds, whatever the machine says.
    """

    machine: Machine
    arn: str
    name: str
    value: Any
    started: datetime
    world: World
    history: History
    checkpoint: Keep = _nothing
    resumed: dict[str, Any] | None = None
    longest: float | None = None
    scope: Scope = field(init=False)
    functions: dict[str, Any] = field(init=False)
    _ending: Ending | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.scope = Scope(self.world)
        self.functions = jsonata.functions(self.world.now, self.world.random, self.world.uuid)

    def context(self) -> dict[str, Any]:
        """Return the part of the context object that all states share."""
        return {
            "Execution": {
                "Id": self.arn,
                "Input": json_text.copied(self.value),
                "Name": self.name,
                "RoleArn": self.machine.role_arn,
                "StartTime": timestamps.written(self.started),
                "RedriveCount": 0,
            },
            "StateMachine": {"Id": self.machine.arn, "Name": self.machine.name},
        }

    def query(self, reading: Reading) -> Query:
        """Return the state in the query language that it is written in."""
        default = self.machine.definition.get("QueryLanguage", "JSONPath")
        if reading.definition.get("QueryLanguage", default) == "JSONata":
            return JsonataQuery(reading)
        return JsonpathQuery(reading, self.world.random, self.world.uuid)

    @property
    def ending_is_known(self) -> bool:
        """Whether the execution was stopped for good, and not only interrupted."""
        return self._ending is not None

    def stop(self, ending: Ending | None) -> None:
        """End the execution from outside; with None it is only interrupted, and may go on later."""
        if self._ending is None:
            self._ending = ending
        self.scope.cancel()

    def execute(self) -> Ending | None:
        """Run to the end and return it; None if the execution was interrupted."""
        limits = [self.machine.definition.get("TimeoutSeconds"), self.longest]
        given = [limit for limit in limits if limit is not None]
        timer = None
        if given:
            left = min(given) - (self.world.now() - self.started).total_seconds()
            timer = self.world.after(max(0.0, left), lambda: self.stop(Ending("TIMED_OUT")))
        try:
            ending: Ending | None = Ending("SUCCEEDED", self._walk())
        except StateError as error:
            ending = Ending("FAILED", error=error.error, cause=error.cause)
        except TooLong:
            cause = "The execution reached the maximum number of history events (25000)."
            ending = Ending("FAILED", error="States.Runtime", cause=cause)
        except Stopped:
            ending = self._ending
        finally:
            if timer is not None:
                timer.cancel()
        if ending is not None:
            self._record(ending)
        return ending

    def _walk(self) -> Any:
        definition = self.machine.definition
        if self.resumed is not None:
            return self._branch(self.resumed["previous"]).resume(self.resumed)
        details = {
            "input": json_text.dumps(self.value),
            "inputDetails": {"truncated": False},
            "roleArn": self.machine.role_arn,
        }
        first = self.history.record("ExecutionStarted", 0, details)
        # AWS's first state follows no event, as far as its history tells.
        return self._branch(0 if first == 1 else first).execute(definition["StartAt"], self.value)

    def _branch(self, previous: int) -> Branch:
        return Branch(
            run=self,
            scope=self.scope,
            history=self.history,
            states=self.machine.definition["States"],
            context=self.context(),
            variables={},
            previous=previous,
            checkpoint=self.checkpoint,
        )

    def _record(self, ending: Ending) -> None:
        kind = {
            "SUCCEEDED": "ExecutionSucceeded",
            "FAILED": "ExecutionFailed",
            "TIMED_OUT": "ExecutionTimedOut",
            "ABORTED": "ExecutionAborted",
        }[ending.status]
        details: dict[str, Any] = {}
        if ending.status == "SUCCEEDED":
            details = {
                "output": json_text.dumps(ending.output),
                "outputDetails": {"truncated": False},
            }
        if ending.error is not None:
            details["error"] = ending.error
        if ending.cause is not None:
            details["cause"] = ending.cause
        self.history.record(kind, self.history.last, details, end=True)
