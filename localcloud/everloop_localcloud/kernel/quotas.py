"""AWS's quotas, as an option: how often and how many at once; off unless asked for.

`aws` are its defaults, `new-account` are those and what a new account gets of instances and of
concurrency (new_account.json, with its sources). What is asked for more is kept over restarts.

Numbers are those of us-east-1 in AWS's documents (the endpoints-and-quotas pages of each service,
November 2026) but for the ones marked as assumed, which AWS does not publish. Time is the cloud's:
at 60 times real time a quota of 1 per second is 60 per real second.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.clock import Clock
from everloop_localcloud.kernel.errors import AwsError


@dataclass(frozen=True)
class Rate:
    """A bucket of `size` calls that `refill` calls per second flow into."""

    size: float
    refill: float


@dataclass(frozen=True)
class Instances:
    """At most `most` jobs of a kind at once, as `listing` tells those under way."""

    most: int
    listing: str
    kind: str


_ONE, _TWO, _FIVE = Rate(1, 1), Rate(2, 2), Rate(5, 5)

RATES: dict[tuple[str, str], Rate] = {
    ("stepfunctions", "StartExecution"): Rate(1300, 300),
    ("stepfunctions", "DescribeExecution"): Rate(300, 15),
    ("stepfunctions", "ListExecutions"): Rate(200, 5),
    ("stepfunctions", "SendTaskSuccess"): Rate(3000, 500),
    ("stepfunctions", "SendTaskFailure"): Rate(3000, 500),
    ("events", "PutEvents"): Rate(10_000, 10_000),
    ("sagemaker-runtime", "InvokeEndpoint"): Rate(10_000, 10_000),
    # SageMaker: not adjustable.
    **{
        ("sagemaker", name): _ONE
        for name in (
            *("CreateTrainingJob", "CreateProcessingJob", "CreateTransformJob", "CreateModel"),
            *("CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint", "DeleteModel"),
            *("DeleteEndpointConfig", "DeleteEndpoint", "StopTrainingJob", "StopProcessingJob"),
            "StopTransformJob",
        )
    },
    **{
        ("sagemaker", name): _FIVE
        for name in (
            *("DescribeTrainingJob", "DescribeTransformJob", "DescribeEndpoint", "DescribeModel"),
            "DescribeEndpointConfig",
        )
    },
    **{
        ("sagemaker", name): _TWO
        for name in ("ListTrainingJobs", "ListEndpoints", "ListModels", "ListTransformJobs")
    },
    # SageMaker: assumed, AWS publishes none.
    ("sagemaker", "StartPipelineExecution"): _ONE,
    ("sagemaker", "CreateModelPackage"): _ONE,
    ("sagemaker", "UpdateModelPackage"): _ONE,
    ("sagemaker", "DescribePipelineExecution"): _FIVE,
    ("sagemaker", "DescribeModelPackage"): _FIVE,
    ("sagemaker", "DescribeProcessingJob"): _FIVE,
}

# Default quotas of instances; for many types AWS begins with none at all.
INSTANCES = {
    "CreateTrainingJob": Instances(4, "ListTrainingJobs", "training job"),
    "CreateProcessingJob": Instances(4, "ListProcessingJobs", "processing job"),
    "CreateTransformJob": Instances(4, "ListTransformJobs", "transform job"),
}

CONCURRENT_INVOCATIONS = 1000  # of a Region; new accounts have fewer


NEW_ACCOUNT = "new-account"
SETS = ("aws", NEW_ACCOUNT)
_CONCURRENCY = "Concurrent executions"

# What a call of SageMaker asks for and what is in use, both by the quota's name.
Demand = Callable[[str, dict[str, Any]], tuple[Mapping[str, int], Mapping[str, int]]]


@cache
def of_new_account() -> list[dict[str, Any]]:
    """Return the quotas of a new account: {service, code, name, value, source}."""
    text = Path(__file__).with_name("new_account.json").read_text("utf-8")
    found: list[dict[str, Any]] = json.loads(text)["quotas"]
    return found


class Quotas:
    """What is left of each quota. Without quotas everything is always left."""

    def __init__(
        self,
        name: str | None,
        clock: Clock,
        under_way: Callable[[str], int],
        demand: Demand,
        granted: MutableMapping[str, dict[str, Any]],
    ) -> None:
        """`under_way` tells how many jobs an operation of SageMaker lists as in progress.

        `granted` is where increases are kept, by the quota's name.
        """
        if name not in (None, *SETS):
            raise ValueError(f"{name!r} is no set of quotas: {' and '.join(SETS)} are")
        self._on = name is not None
        self._new = name == NEW_ACCOUNT
        self._demand = demand
        self._granted = granted
        self._clock = clock
        self._under_way = under_way
        self._lock = threading.Lock()
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        self._invoking = 0

    def known(self) -> list[dict[str, Any]]:
        """Return the quotas that can be asked for, as they are now."""
        return [{**each, "value": self._value(each)} for each in of_new_account()]

    def grant(self, name: str, value: float) -> None:
        self._granted[name] = {"value": value}

    def _value(self, quota: Mapping[str, Any]) -> float:
        return float(self._granted.get(quota["name"], quota)["value"])

    def _of(self, name: str) -> float:
        listed = {each["name"]: each for each in of_new_account()}
        return self._value(listed.get(name, {"name": name, "value": 0}))

    @contextlib.contextmanager
    def spending(self, service: str, operation: str, request: dict[str, Any]) -> Iterator[None]:
        """Take what a call needs, for as long as it runs. Raises AwsError where nothing is left."""
        if not self._on:
            yield
            return
        self._take(service, operation)
        if service == "sagemaker" and self._new:
            self._check_demand(operation, request)
        elif service == "sagemaker" and operation in INSTANCES:
            self._check_instances(INSTANCES[operation], request)
        if (service, operation) != ("lambda", "Invoke"):
            yield
            return
        self._begin_invocation()
        try:
            yield
        finally:
            with self._lock:
                self._invoking -= 1

    def _take(self, service: str, operation: str) -> None:
        rate = RATES.get((service, operation))
        if rate is None:
            return
        now = self._clock.now().timestamp()
        with self._lock:
            left, then = self._left.get((service, operation), (rate.size, now))
            left = min(rate.size, left + (now - then) * rate.refill)
            enough = left >= 1
            self._left[service, operation] = (left - 1 if enough else left, now)
        if not enough:
            raise AwsError("ThrottlingException", "Rate exceeded", 400)

    def _check_instances(self, quota: Instances, request: dict[str, Any]) -> None:
        found = self._under_way(quota.listing)
        if found >= quota.most:
            spot = "spot " if request.get("EnableManagedSpotTraining") else ""
            raise AwsError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{_instance_type(request)} for "
                f"{spot}{quota.kind} usage' is {quota.most} Instances, with current "
                f"utilization of {found} Instances and a request delta of 1 Instances. Please use "
                "AWS Service Quotas to request an increase for this quota.",
            )

    def _check_demand(self, operation: str, request: dict[str, Any]) -> None:
        """Refuse what an account has no instances for, in AWS's words."""
        asked, used = self._demand(operation, request)
        for name, delta in asked.items():
            most = int(self._of(name))
            if used.get(name, 0) + delta > most:
                raise AwsError(
                    "ResourceLimitExceeded",
                    f"The account-level service limit '{name}' is {most} Instances, with current "
                    f"utilization of {used.get(name, 0)} Instances and a request delta of {delta} "
                    "Instances. Please use AWS Service Quotas to request an increase for this "
                    "quota.",
                )

    def _begin_invocation(self) -> None:
        most = self._of(_CONCURRENCY) if self._new else CONCURRENT_INVOCATIONS
        with self._lock:
            if self._invoking >= most:
                raise AwsError(
                    "TooManyRequestsException",
                    "Rate Exceeded.",
                    429,
                    Type="User",
                    Reason="ConcurrentInvocationLimitExceeded",
                )
            self._invoking += 1


def _instance_type(request: dict[str, Any]) -> str:
    """Return the instance type that a job asks for, wherever its request has it."""
    for value in request.values():
        if isinstance(value, dict):
            found = value.get("InstanceType") or _instance_type(value)
            if found != "instances":
                return str(found)
    return "instances"
