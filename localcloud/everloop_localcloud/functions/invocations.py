"""Invoking functions: synchronously, dry, or for later; the one way into an environment."""

import base64
import json
from typing import Any

from everloop_localcloud.functions.environment import Outcome, invocation_of
from everloop_localcloud.functions.metrics import Metrics, append_log, lines_of, platform_lines
from everloop_localcloud.functions.names import LATEST
from everloop_localcloud.functions.part import Part
from everloop_localcloud.functions.queue import EventQueue
from everloop_localcloud.functions.state import FunctionsState
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

LARGEST_EVENT = 6_291_456  # bytes of a synchronous invocation's payload
LARGEST_ASYNC_EVENT = 1_048_576
_TAIL = 4096


class Invocations(Part):
    """Invoke, in all of its types."""

    def __init__(self, state: FunctionsState) -> None:
        super().__init__(state)
        self.metrics = Metrics(state.cloud)
        self.queue = EventQueue(
            state.cloud, state.pool.limit, self._run_event, self._event_settings, self.metrics.count
        )

    def start(self) -> None:
        self.metrics.start()
        self.queue.start()

    def stop(self) -> None:
        self.queue.stop()
        self.metrics.stop()

    def run(
        self,
        name: str,
        payload: bytes,
        *,
        client_context: str = "",
        request_id: str = "",
    ) -> tuple[Outcome, list[str]]:
        """Run a function on a payload; return how it ended, and the lines of its log.

        Raises AwsError TooManyRequestsException where the function may not run now.
        """
        record = self.state.record(name)
        reserved = record.get("ReservedConcurrentExecutions")
        try:
            environment = self.state.pool.acquire(
                name,
                reserved,
                lambda: str(self.state.record(name)["RevisionId"]),
                lambda: self.state.plan(name),
            )
        except AwsError as error:
            if error.status == 429:
                self.metrics.count(name, Throttles=1)
            raise
        usable = False
        try:
            concurrent = self.state.pool.concurrency(name)
            invocation = invocation_of(payload, record["FunctionArn"], client_context, request_id)
            outcome = environment.invoke(invocation)
            usable = outcome.usable
        finally:
            self.state.pool.release(environment, usable)
        if record.get("LoggingConfig", {}).get("LogFormat") == "JSON":
            now = f"{self.cloud.clock.now():%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
            lines = platform_lines(outcome, invocation, record["MemorySize"], now)
        else:
            lines = lines_of(outcome, invocation, record["MemorySize"])
        append_log(self.cloud, environment, lines)
        self.metrics.count(
            name,
            Invocations=1,
            Errors=0 if outcome.error is None else 1,
            Duration=outcome.duration_ms,
            ConcurrentExecutions=concurrent,
        )
        return outcome, lines

    @operation
    def invoke(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        record = self.state.record(request["FunctionName"], request.get("Qualifier"))
        name = record["FunctionName"]
        if request.get("TenantId") or request.get("DurableExecutionName"):
            raise AwsError(
                "InvalidParameterValueException",
                "the local cloud does not support TenantId or DurableExecutionName of Invoke",
            )
        self._check_permission(call, record)
        kind = request.get("InvocationType", "RequestResponse")
        payload = _payload(request, LARGEST_ASYNC_EVENT if kind == "Event" else LARGEST_EVENT)
        if kind == "DryRun":
            return {"StatusCode": 204}
        if kind == "Event":
            self.queue.put(name, payload)
            return {"StatusCode": 202}
        outcome, lines = self.run(
            name, payload, client_context=_context(request.get("ClientContext", ""))
        )
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "Payload": outcome.payload,
            "ExecutedVersion": LATEST,
        }
        if outcome.error is not None:
            answer["FunctionError"] = outcome.error
        if request.get("LogType") == "Tail":
            tail = "\n".join(lines).encode() + b"\n"
            answer["LogResult"] = base64.b64encode(tail[-_TAIL:]).decode()
        return answer

    def _run_event(self, name: str, payload: bytes, request_id: str) -> Outcome:
        return self.run(name, payload, request_id=request_id)[0]

    def _event_settings(self, name: str) -> dict[str, Any] | None:
        with self.state.lock:
            record = self.state.records.get(name)
            if record is None:
                return None
            return {
                "FunctionArn": record["FunctionArn"],
                "Role": record["Role"],
                "DeadLetterConfig": record.get("DeadLetterConfig", {}),
                **record.get("EventInvokeConfig", {}),
            }

    def _check_permission(self, call: Call, record: dict[str, Any]) -> None:
        """Let an AWS service in only by the function's own policy; roles are not judged here."""
        if not call.principal.endswith(".amazonaws.com"):
            return
        if not any(
            statement["Principal"].get("Service") in (call.principal, "*")
            for statement in record.get("Policy", [])
            if isinstance(statement["Principal"], dict)
        ):
            raise AwsError(
                "AccessDeniedException",
                f"User: {call.principal} is not authorized to perform: lambda:InvokeFunction on "
                f"resource: {record['FunctionArn']} because no resource-based policy allows the "
                "lambda:InvokeFunction action",
                403,
            )


def _payload(request: dict[str, Any], largest: int) -> bytes:
    """Return the event as JSON bytes. Raises AwsError for what is no JSON, or too large."""
    given = request.get("Payload") or b"{}"
    payload: bytes = given if isinstance(given, bytes) else given.read()
    if len(payload) > largest:
        raise AwsError(
            "RequestTooLargeException",
            f"Request must be smaller than {largest} bytes for the InvokeFunction operation",
            413,
            Type="User",
        )
    try:
        json.loads(payload)
    except ValueError as error:
        raise AwsError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
            Type="User",
        ) from error
    return payload


def _context(encoded: str) -> str:
    if not encoded:
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:
        raise AwsError(
            "InvalidRequestContentException", "ClientContext is not base64 of JSON"
        ) from error
