"""Lambda: the product's handlers in this process, with a deadline; faults kill them."""

import importlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent

from proofs.sim.stack import Function
from proofs.sim.wire import Crash, TimedOut
from proofs.template import REGION

# What a handler may end with. Anything else was not foreseen, and nobody retries it rightly.
FORESEEN = {"BadInput", "NotReady", "NoCapacity", "Conflict", "EverloopError", "Cancelled"}
FORESEEN |= {"Tampered"}


@dataclass(frozen=True)
class Outcome:
    """What an invocation answered; `error` is the type of what it raised, or how it died."""

    payload: bytes
    error: str | None = None


@dataclass
class Invocation:
    """One run of a function: what the judge knows its calls by."""

    function: Function
    id: int
    event: Any
    deadline: float
    memory: dict[Any, Any] = field(default_factory=dict)

    @property
    def role(self) -> str:
        return self.function.role

    @property
    def name(self) -> str:
        return self.function.handler


class _Context:
    function_name = "everloop"
    memory_limit_in_mb = 512

    def __init__(self, invocation: Invocation) -> None:
        self.invoked_function_arn = invocation.function.arn
        self.aws_request_id = f"request-{invocation.id:06d}"


def prepare(environment: dict[str, str]) -> None:
    """Give the product the template's environment."""
    os.environ.update(environment)
    os.environ.update(
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="simulated",
        AWS_SECRET_ACCESS_KEY="simulated",
        POWERTOOLS_TRACE_DISABLED="true",
    )
    os.environ.pop("AWS_ENDPOINT_URL", None)


class Functions:
    def __init__(self, account: Any) -> None:
        self._account = account
        self._count = 0

    def current(self) -> Invocation:
        found: Invocation = getcurrent().invocation
        return found

    def invoke(self, arn: str, event: Any) -> Outcome:
        """Run a function to its end, on the greenlet of whoever waits for it."""
        function = self._account.stack.functions[arn]
        kernel = self._account.kernel
        kernel.pause(kernel.chance("lambda").uniform(0.01, 0.4))
        self._count += 1
        given = json.loads(json.dumps(event))
        invocation = Invocation(function, self._count, given, kernel.now + function.timeout)
        invocation.memory["began"] = kernel.moment()
        here = getcurrent()
        before = getattr(here, "invocation", None)
        here.invocation = invocation
        self._account.note("invoke", f"{function.handler} {_about(given)}")
        try:
            handler = importlib.import_module(function.handler).handler
            answer = handler(given, _Context(invocation))
            outcome = Outcome(json.dumps(answer).encode())
        except TimedOut:
            outcome = _failure(
                "Sandbox.Timedout", f"Task timed out after {function.timeout} seconds"
            )
        except Crash as crash:
            outcome = _failure("Runtime.ExitError", f"Runtime exited at {crash}")
        except Exception as error:
            outcome = _failure(type(error).__name__, str(error))
            self._account.judge.raised(invocation, error)
        finally:
            here.invocation = before
        self._account.judge.ended(invocation, outcome)
        if outcome.error is None:
            self._account.moments.answered(function.handler, given, outcome.payload)
        said = outcome.error or outcome.payload.decode()[:160]
        self._account.note("returned", f"{function.handler}: {said}")
        return outcome


def _failure(kind: str, message: str) -> Outcome:
    return Outcome(json.dumps({"errorType": kind, "errorMessage": message}).encode(), kind)


def _about(event: Any) -> str:
    if "Records" in event:
        return f"{len(event['Records'])} messages"
    if "detail-type" in event:
        return f"{event['detail-type']} {event['id']}"
    return " ".join(
        str(event[k]) for k in ("model", "window", "epoch", "version", "stage") if k in event
    )
