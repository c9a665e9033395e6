"""Walking through states one after the other: an execution's top level, a branch, an iteration."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop_localcloud.states import errors, iteration, json_text, retrying, tasks, timestamps
from everloop_localcloud.states.errors import StateError, Stopped
from everloop_localcloud.states.history import History
from everloop_localcloud.states.query import Query, Reading
from everloop_localcloud.states.scope import Scope
from everloop_localcloud.states.walk import Execution, Visit

_WORKING = ("Task", "Parallel", "Map")  # the states that Retry and Catch are for
Step = tuple[Any, str | None, dict[str, Any]]  # output, next state, assigned variables


@dataclass
class Branch:
    """A walk through states; `variables` are its own, seeded with those of the walk around it."""

    run: Execution
    scope: Scope
    history: History
    states: dict[str, Any]
    context: dict[str, Any]
    variables: dict[str, Any]
    previous: int
    checkpoint: Callable[[dict[str, Any]], None] | None = None

    def execute(self, start: str, value: Any) -> Any:
        """Walk from a state to the end; return the last output. Raises StateError or Stopped."""
        name: str | None = start
        while name is not None:
            value, name = self._through(self._enter(name, value))
        return value

    def resume(self, mark: dict[str, Any]) -> Any:
        """Go on in the state that a checkpoint tells of."""
        self.variables = json_text.copied(mark["variables"])
        visit = Visit(
            name=mark["state"],
            definition=self.states[mark["state"]],
            value=json_text.copied(mark["value"]),
            context=self._context(mark["state"], mark["entered"], mark["retries"]),
            event=mark["event"],
            entered=mark["entered"],
            mark=dict(mark),
            resumed=True,
        )
        value, name = self._through(visit)
        return value if name is None else self.execute(name, value)

    def record(self, kind: str, details: dict[str, Any] | None = None) -> int:
        """Add an event after the branch's last one. Raises Stopped once the branch is ended."""
        self.scope.check()
        self.previous = self.history.record(kind, self.previous, details)
        return self.previous

    def inner(
        self,
        scope: Scope,
        states: dict[str, Any],
        context: dict[str, Any],
        previous: int,
        *,
        history: History | None = None,
        variables: dict[str, Any] | None = None,
    ) -> "Branch":
        """Return a walk inside this one; what it assigns does not leak out."""
        return Branch(
            run=self.run,
            scope=scope,
            history=history or self.history,
            states=states,
            context=context,
            variables=self.variables if variables is None else variables,
            previous=previous,
        )

    def keep(self, visit: Visit, **changes: Any) -> None:
        """Remember how far a state of the top level has come."""
        visit.mark.update(changes, previous=self.previous)
        if self.checkpoint is not None:
            self.checkpoint(visit.mark)

    def query(self, visit: Visit) -> Query:
        return self.run.query(
            Reading(
                visit.definition,
                visit.name,
                visit.value,
                visit.context,
                self.variables,
                self.run.functions,
            )
        )

    def _context(self, name: str, entered: datetime, retries: int) -> dict[str, Any]:
        state: dict[str, Any] = {"Name": name, "EnteredTime": timestamps.written(entered)}
        if self.states[name]["Type"] in _WORKING:
            state["RetryCount"] = retries
        return {**self.context, "State": state}

    def _enter(self, name: str, value: Any) -> Visit:
        definition = self.states[name]
        entered = self.run.world.now()
        event = self.record(
            f"{definition['Type']}StateEntered",
            {
                "name": name,
                "input": json_text.dumps(value),
                "inputDetails": {"truncated": False},
            },
        )
        mark = {
            "state": name,
            "value": value,
            "variables": self.variables,
            "event": event,
            "entered": entered,
            "retries": 0,
            "counts": {},
        }
        context = self._context(name, entered, 0)
        visit = Visit(name, definition, value, context, event, entered, mark)
        self.keep(visit)
        return visit

    def _through(self, visit: Visit) -> tuple[Any, str | None]:
        """Do what the state does and leave it; return its output and the next state's name."""
        try:
            output, following, assigned = self._work(visit)
        except StateError as error:
            self._located(error, visit)
            raise
        except Stopped:
            self._aborted(visit)
            raise
        if json_text.size(output) > errors.LARGEST_PAYLOAD:
            raise StateError(errors.DATA_LIMIT, errors.too_large(visit.name), terminal=True)
        if visit.definition["Type"] == "Fail":
            return output, None
        self.variables = {**self.variables, **assigned}
        details: dict[str, Any] = {
            "name": visit.name,
            "output": json_text.dumps(output),
            "outputDetails": {"truncated": False},
        }
        if assigned:
            details["assignedVariables"] = {
                name: json_text.dumps(value) for name, value in assigned.items()
            }
            details["assignedVariablesDetails"] = {"truncated": False}
        self.record(f"{visit.definition['Type']}StateExited", details)
        return output, following

    def _located(self, error: StateError, visit: Visit) -> None:
        """Say in the cause where an error of the state itself arose, once."""
        if not error.located:
            return
        error.located = False
        error.cause = (
            f"An error occurred while executing the state '{visit.name}' (entered at the event id"
            f" #{visit.event}). {error.cause}"
        )
        if error.error == errors.QUERY_EVALUATION:
            details = {"error": error.error, "cause": error.cause, "state": visit.name}
            if error.location is not None:
                details["location"] = error.location
            self.record("EvaluationFailed", details)

    def _aborted(self, visit: Visit) -> None:
        """Note that a sibling ended this state; a stopped execution notes only its end."""
        kind = visit.definition["Type"]
        if not self.run.scope.cancelled and kind in (*_WORKING, "Wait"):
            self.previous = self.history.record(f"{kind}StateAborted", self.previous)

    def _work(self, visit: Visit) -> Step:
        definition = visit.definition
        kind = definition["Type"]
        following = None if kind == "Succeed" else definition.get("Next")
        if kind in _WORKING:
            return self._tried(visit)
        query = self.query(visit)
        if kind == "Choice":
            chosen = query.choice()
            if chosen is None:
                raise StateError(
                    "States.NoChoiceMatched",
                    "Failed to transition out of the state. The state does not point to a next"
                    " state.",
                    located=True,
                )
            return chosen.output, chosen.next, chosen.assigned
        if kind == "Fail":
            error, cause = query.failure()
            raise StateError(error, cause)
        if kind == "Wait":
            until = visit.mark.get("until") or query.wait_until(visit.entered)
            self.keep(visit, until=until)
            left = (until - self.run.world.now()).total_seconds()
            if left > 0:
                self.scope.sleep(left)
        output, assigned = query.passed()
        return output, following, assigned

    def _tried(self, visit: Visit) -> Step:
        """Do the work of a state until it succeeds, no retrier is left, or a catcher takes over."""
        definition = visit.definition
        while True:
            query = self.query(visit)
            try:
                result = self._attempt(visit, query)
                output = query.output(result)
                return output, definition.get("Next"), query.assigned(result)
            except StateError as error:
                self._located(error, visit)
                again = retrying.retry(definition, error, visit.mark["counts"])
                if again is not None:
                    self._wait_again(visit, again)
                    continue
                found = retrying.catcher(definition, error)
                if found is None:
                    raise
                _, rule = found
                output, assigned = query.caught(rule, error.output())
                return output, rule["Next"], assigned

    def _wait_again(self, visit: Visit, again: retrying.Retry) -> None:
        delay = again.delay
        if again.full_jitter:
            delay *= self.run.world.random()
        self.scope.sleep(delay)
        counts = dict(visit.mark["counts"])
        counts[str(again.index)] = counts.get(str(again.index), 0) + 1
        retries = visit.mark["retries"] + 1
        visit.context["State"]["RetryCount"] = retries
        visit.resumed = False
        for gone in ("token", "scheduled", "submitted", "deadline"):
            visit.mark.pop(gone, None)
        self.keep(visit, counts=counts, retries=retries)

    def _attempt(self, visit: Visit, query: Query) -> Any:
        kind = visit.definition["Type"]
        if kind == "Task":
            return tasks.perform(self, visit, query)
        if kind == "Parallel":
            return iteration.parallel(self, visit, query)
        return iteration.over_items(self, visit, query)
