"""AWS's default quotas, as an option: how often and how many at once; off unless asked for.

Numbers are those of us-east-1 in AWS's documents (the endpoints-and-quotas pages of each service,
November 2026) but for the ones marked as assumed, which AWS does not publish. Time is the cloud's:
at 60 times real time a quota of 1 per second is 60 per real second.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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


class Quotas:
    """What is left of each quota. Without quotas everything is always left."""

    def __init__(self, name: str | None, clock: Clock, under_way: Callable[[str], int]) -> None:
        """`under_way` tells how many jobs an operation of SageMaker lists as in progress."""
        if name not in (None, "aws"):
            raise ValueError(f"{name!r} is no set of quotas: aws is")
        self._on = name == "aws"
        self._clock = clock
        self._under_way = under_way
        self._lock = threading.Lock()
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        self._invoking = 0

    @contextlib.contextmanager
    def spending(self, service: str, operation: str, request: dict[str, Any]) -> Iterator[None]:
        """Take what a call needs, for as long as it runs. Raises AwsError where nothing is left."""
        if not self._on:
            yield
            return
        self._take(service, operation)
        if service == "sagemaker" and operation in INSTANCES:
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
            raise AwsError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{_instance_type(request)} for {quota.kind} "
                f"usage' is {quota.most} Instances, with current utilization of {found} "
                "Instances and a request delta of 1 Instances. Please use AWS Service Quotas to "
                "request an increase for this quota.",
            )

    def _begin_invocation(self) -> None:
        with self._lock:
            if self._invoking >= CONCURRENT_INVOCATIONS:
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
