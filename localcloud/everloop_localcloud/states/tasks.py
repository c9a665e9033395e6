"""Task states: schedule, call, and wait for the answer, the job's end or the task token."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from everloop_localcloud.kernel.task_tokens import token_for
from everloop_localcloud.states import errors, json_text, resources
from everloop_localcloud.states.errors import StateError, Stopped
from everloop_localcloud.states.query import Query
from everloop_localcloud.states.walk import Visit, Walk
from everloop_localcloud.states.world import TaskCall, Waiting


def perform(branch: Walk, visit: Visit, query: Query) -> Any:
    """Do one attempt of a Task state; return the result. Raises StateError."""
    return _Attempt(branch, visit, query).result()


class _Attempt:
    def __init__(self, branch: Walk, visit: Visit, query: Query) -> None:
        self._branch = branch
        self._visit = visit
        self._world = branch.run.world
        self._again = visit.resumed and "submitted" in visit.mark
        try:
            self._resource = resources.parse(visit.definition["Resource"])
        except resources.Unknown as error:
            raise StateError(errors.RUNTIME, str(error), located=True, terminal=True) from error
        self._waiting = self._await_token()
        self._call = self._made(query)
        self._timeout = query.seconds("TimeoutSeconds")
        self._heartbeat = query.seconds("HeartbeatSeconds")

    def _await_token(self) -> Waiting | None:
        if not self._resource.waits_for_token:
            return None
        run, mark = self._branch.run, self._visit.mark
        token = mark.get("token") if self._visit.resumed else None
        if token is None:
            token = token_for(run.arn, self._visit.event, self._world.uuid())
        mark["token"] = token
        self._visit.context["Task"] = {"Token": token}
        return self._world.expect(token, run.arn)

    def _made(self, query: Query) -> TaskCall:
        run, visit = self._branch.run, self._visit
        return TaskCall(
            resource=self._resource,
            arguments=query.arguments(),
            execution_arn=run.arn,
            role_arn=query.role() or run.machine.role_arn,
            key=f"{run.arn}#{visit.event}#{visit.mark['retries']}",
            token=visit.mark.get("token"),
            entered=visit.entered,
            resumed=visit.resumed,
        )

    def result(self) -> Any:
        known = self._visit.resumed and "scheduled" in self._visit.mark
        if not known:
            self._scheduled()
        deadline = self._visit.mark.get("deadline") if known else None
        if deadline is None and self._timeout is not None:
            deadline = self._world.now() + timedelta(seconds=self._timeout)
        submitted = None
        try:
            submitted = self._submitted(deadline)
            result = self._answered(submitted, deadline)
            self._check_size(result)
        except StateError as error:
            self._failed(error)
            raise
        finally:
            token = self._visit.mark.get("token")
            if token is not None and self._over():
                self._world.forget(token)
        self._record("Succeeded", {"output": json_text.dumps(result), **_whole("output")})
        return result

    def _over(self) -> bool:
        """Whether this task is not gone on with: only an interrupted execution goes on."""
        run = self._branch.run
        return not run.scope.cancelled or run.ending_is_known

    def _record(self, kind: str, details: dict[str, Any]) -> None:
        if self._resource.bare_lambda:
            self._branch.record(f"LambdaFunction{kind}", details)
            return
        named = {"resourceType": self._resource.type, "resource": self._resource.name}
        self._branch.record(f"Task{kind}", {**named, **details})

    def _scheduled(self) -> None:
        arguments = json_text.dumps(self._call.arguments)
        limits: dict[str, Any] = {}
        if self._timeout is not None:
            limits["timeoutInSeconds"] = self._timeout
        if self._resource.bare_lambda:
            details = {"resource": self._resource.arn, "input": arguments, **_whole("input")}
            self._record("Scheduled", {**details, **limits})
            self._branch.record("LambdaFunctionStarted")
            return
        if self._heartbeat is not None:
            limits["heartbeatInSeconds"] = self._heartbeat
        region = self._branch.run.machine.arn.split(":")[3]
        self._record("Scheduled", {"region": region, "parameters": arguments, **limits})
        self._record("Started", {})

    def _submitted(self, deadline: datetime | None) -> Any:
        """Make the call, or take what was answered before the execution was interrupted."""
        if self._again:
            return self._visit.mark["submitted"]
        if self._waiting is not None:
            self._branch.keep(self._visit, deadline=deadline, scheduled=True)
            if self._waiting.outcome is not None:
                return None
        late = self._end if self._resource.waits_for_job else None
        answer = self._bounded(lambda: self._world.submit(self._call), deadline, late)
        if self._waiting is not None or self._resource.waits_for_job:
            self._record("Submitted", {"output": json_text.dumps(answer), **_whole("output")})
            self._branch.keep(self._visit, submitted=answer, deadline=deadline, scheduled=True)
        return answer

    def _answered(self, submitted: Any, deadline: datetime | None) -> Any:
        if self._waiting is not None:
            return self._token_answer(self._waiting, deadline)
        if not self._resource.waits_for_job:
            return submitted
        stopped = self._world.signal()
        try:
            return self._bounded(
                lambda: self._world.follow(self._call, submitted, stopped), deadline
            )
        except Stopped:
            if self._over():
                self._world.halt(self._call, submitted)
            raise
        except StateError as error:
            if error.error == errors.TIMEOUT:
                self._world.halt(self._call, submitted)
            raise
        finally:
            stopped.set()

    def _end(self, submitted: Any) -> None:
        """Stop a job that was still being made when its task was given up."""
        if self._over():
            self._world.halt(self._call, submitted)

    def _bounded(
        self,
        work: Callable[[], Any],
        deadline: datetime | None,
        late: Callable[[Any], None] | None = None,
    ) -> Any:
        """Do work on a thread of its own, so that a timeout or a stop need not wait for it.

        What it gives after that goes to `late`.
        """
        done = self._world.signal()
        found: list[Any] = []
        failed: list[StateError] = []
        given_up = threading.Event()
        deciding = threading.Lock()

        def do() -> None:
            try:
                answer = work()
                with deciding:
                    found.append(answer)
                    unwanted = given_up.is_set()
                if unwanted and late is not None:
                    late(answer)
            except StateError as error:
                failed.append(error)
            finally:
                done.set()

        self._world.spawn(do)
        left = None
        if deadline is not None:
            left = max(0.0, (deadline - self._world.now()).total_seconds())
        try:
            if not self._branch.scope.wait(done, left):
                raise StateError(errors.TIMEOUT)
        except (Stopped, StateError):
            with deciding:
                given_up.set()
                there = list(found)
            if there and late is not None:
                late(there[0])
            raise
        if failed:
            raise failed[0]
        if not found:
            raise StateError(errors.RUNTIME, "The task's call broke down; see the cloud's log.")
        return found[0]

    def _token_answer(self, waiting: Waiting, deadline: datetime | None) -> Any:
        began = self._world.now()
        while waiting.outcome is None:
            moments = [deadline] if deadline is not None else []
            if self._heartbeat is not None:
                moments.append((waiting.beat or began) + timedelta(seconds=self._heartbeat))
            left = None
            if moments:
                left = (min(moments) - self._world.now()).total_seconds()
            if left is not None and left <= 0:
                late = deadline is not None and deadline <= self._world.now()
                raise StateError(errors.TIMEOUT if late else errors.HEARTBEAT_TIMEOUT)
            self._branch.scope.wait(waiting.signal, left)
        outcome = waiting.outcome
        if "output" in outcome:
            return outcome["output"]
        raise StateError(outcome.get("error"), outcome.get("cause"))

    def _check_size(self, result: Any) -> None:
        if json_text.size(result) <= errors.LARGEST_PAYLOAD:
            return
        arn = self._visit.definition["Resource"]
        raise StateError(errors.DATA_LIMIT, errors.too_large(arn))

    def _failed(self, error: StateError) -> None:
        details: dict[str, Any] = {}
        if error.error is not None:
            details["error"] = error.error
        if error.cause is not None:
            details["cause"] = error.cause
        timed_out = error.error in (errors.TIMEOUT, errors.HEARTBEAT_TIMEOUT)
        waits = self._waiting is not None or self._resource.waits_for_job
        if timed_out:
            self._record("TimedOut", details)
        elif waits and "submitted" not in self._visit.mark and not self._token_came():
            self._record("SubmitFailed", details)
        else:
            self._record("Failed", details)

    def _token_came(self) -> bool:
        return self._waiting is not None and self._waiting.outcome is not None


def _whole(member: str) -> dict[str, Any]:
    return {f"{member}Details": {"truncated": False}}
