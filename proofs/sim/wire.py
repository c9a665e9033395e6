"""The wire: where boto3's signed requests end, AWS answers in its own protocols, and faults strike.

botocore itself retries, backs off and parses; it only takes the time from the kernel.
"""

import inspect
import sys
from collections.abc import Iterator
from types import FrameType, SimpleNamespace
from typing import Any

import botocore.endpoint
import botocore.retries.bucket
import botocore.session
import botocore.useragent
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.endpoint_provider import RuleSetEndpoint
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.regions import EndpointRulesetResolver
from greenlet import getcurrent

from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.errors import AwsError
from proofs.sim import PRODUCT
from proofs.sim.kernel import START, Kernel
from proofs.sim.moments import LONG

_SERVICES = {
    "sfn": "stepfunctions",
    "eventbridge": "events",
    "application-auto-scaling": "application-autoscaling",
}
_PROTOCOLS = {"s3": "rest-xml", "sns": "query", "scheduler": "rest-json",
              "sagemaker-runtime": "rest-json", "lambda": "rest-json"}  # fmt: skip
_THROTTLED = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "s3": "SlowDown",
    "sns": "Throttling",
}
_ANYWHERE = RuleSetEndpoint(url="https://simulator.invalid", properties={}, headers={})
_OURS = (str(PRODUCT / "functions"), str(PRODUCT / "layers" / "core"))
_PLUMBING = ("/aws/clients.py", "/aws/table.py", "/contextlib.py")


class Crash(BaseException):
    """The function's process died here; no `except Exception` hears of it."""


class TimedOut(Crash):
    """Lambda ended the function at its time limit."""


class _Raw:
    """A response body as urllib3 gives it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()

    def read(self, amount: int | None = None, **_: Any) -> bytes:
        size = len(self._data) if amount is None else amount
        found, self._data = self._data[:size], self._data[size:]
        return found

    def close(self) -> None:
        self._data = b""

    release_conn = close


class _Time:
    """Stands in for `time` wherever somebody waits or measures."""

    def __init__(self, line: "Wire") -> None:
        self._line = line

    def sleep(self, seconds: float) -> None:
        self._line.kernel.pause(seconds)

    def time(self) -> float:
        return START.timestamp() + self._line.kernel.now

    perf_counter = time  # how long an endpoint takes is measured by the product

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"somebody asks for time.{name}, which the simulator does not give")


class _Condition:
    """Stands in for threading.Condition in botocore's token bucket: one greenlet runs at a time."""

    line: "Wire"

    def __init__(self, lock: Any = None) -> None:
        pass

    def __enter__(self) -> "_Condition":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, seconds: float) -> None:
        # A remainder too small to move the clock would be waited for without end.
        self.line.kernel.pause(max(seconds, 0.001))

    def notify(self) -> None:
        pass


class Wire:
    """One per process: it is plugged into botocore once, and carries one history after another."""

    def __init__(self) -> None:
        self._account: Any = None
        self.time = _Time(self)
        condition = type("Condition", (_Condition,), {"line": self})
        replaced: tuple[tuple[Any, str, Any], ...] = (
            (botocore.endpoint, "time", self.time),
            (botocore.retries.bucket, "time", self.time),
            (
                botocore.retries.bucket,
                "threading",
                SimpleNamespace(Lock=condition, Condition=condition),
            ),
            # Nobody reads these, and putting each together is a tenth of a call.
            (EndpointRulesetResolver, "construct_endpoint", lambda *_, **__: _ANYWHERE),
            (botocore.useragent.UserAgentString, "to_string", lambda _: "simulator"),
        )
        for where, name, ours in replaced:
            setattr(where, name, ours)

    @property
    def kernel(self) -> Kernel:
        kernel: Kernel = self._account.kernel
        return kernel

    def connect(self, account: Any) -> None:
        self._account = account

    def plug_into(self, session: botocore.session.Session) -> None:
        # Nobody checks who signed what: the caller is known. It is a sixth of a call.
        session.set_default_client_config(Config(signature_version=UNSIGNED))
        session.register("before-parameter-build.*.*", self._remember, unique_id="sim")
        session.get_component("event_emitter").register_first("before-send.*.*", self._send)

    def _remember(self, **given: Any) -> None:
        getcurrent().params = given["params"]

    def _send(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        called, operation = event_name.split(".")[1:]
        service = _SERVICES.get(called, called)
        invocation = self._account.functions.current()
        params = dict(getcurrent().params)
        site = f"{invocation.function.handler} {service}.{operation} {_place()}"
        kind = self._account.faults.at_call(service, site)
        self._travel(invocation, operation, kind, site)
        if kind:
            self._account.note(kind, f"{invocation.function.handler} {operation}")
        if kind == "crash-before":
            raise Crash(operation)
        if kind == "throttle":
            return self._failed(request, service, _throttled(service))
        if kind == "fault":
            told = AwsError("InternalServerError", "We encountered an internal error.", 500)
            return self._failed(request, service, told)
        try:
            result = self._account.call(invocation, service, operation, params)
        except AwsError as error:
            answer = wire.encode_error(service, _PROTOCOLS.get(service, "json"), error)
        else:
            protocol = _PROTOCOLS.get(service, "json")
            answer = wire.encode(service, operation, protocol, result)
        dies = self._account.moments.kills(invocation.function.handler, operation)
        if kind == "crash-after" or dies:
            raise Crash(operation)
        if kind == "lost":
            self.kernel.pause(3.0)
            if self._account.kernel.chance("lost").random() < 0.5:
                raise ReadTimeoutError(endpoint_url=request.url)
            raise ConnectionClosedError(endpoint_url=request.url)
        return self._answer(request, answer)

    def _travel(self, invocation: Any, operation: str, kind: str | None, site: str) -> None:
        """Let the call take its time; others go on meanwhile, and a function may run out of it."""
        dice = self._account.kernel.chance("wire")
        seconds = 0.005 + dice.random() * dice.choice((0.02, 0.02, 0.02, 1.0))
        held = self._account.moments.holds(invocation.function.handler, operation)
        if held is None and self._account.faults.stalls(site):
            held = LONG
        if held is not None:
            left = invocation.deadline - self.kernel.now
            seconds = max(seconds, min(dice.uniform(*held), left / 2))
        if kind == "slow":
            seconds = invocation.function.timeout + 1
        if self.kernel.now + seconds >= invocation.deadline:
            self.kernel.pause(max(0.0, invocation.deadline - self.kernel.now))
            raise TimedOut
        self.kernel.pause(seconds)

    def _failed(self, request: Any, service: str, error: AwsError) -> AWSResponse:
        found = wire.encode_error(service, _PROTOCOLS.get(service, "json"), error)
        return self._answer(request, found)

    def _answer(self, request: Any, answer: wire.Answer) -> AWSResponse:
        headers: Any = answer.headers  # a dict will do
        return AWSResponse(request.url, answer.status, headers, _Raw(answer.body))


def _throttled(service: str) -> AwsError:
    code = _THROTTLED.get(service, "ThrottlingException")
    return AwsError(code, "Rate exceeded", 503 if service == "s3" else 400)


def _place() -> str:
    """Return where in the product the call is made: file and line of its innermost own frame."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_OURS) and not name.endswith(_PLUMBING):
            return f"{name.rpartition('/')[2]}:{frame.f_lineno}"
        frame = frame.f_back
    raise LookupError(f"a call from nowhere: {inspect.stack()[2:6]}")
