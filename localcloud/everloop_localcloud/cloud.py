"""One cloud: its clock, its state, its services, and how they reach each other."""

import importlib
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from everloop_localcloud.behind.api import Behind
from everloop_localcloud.kernel import verification
from everloop_localcloud.kernel.access.roles import Roles
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api
from everloop_localcloud.kernel.clock import Clock, stamp
from everloop_localcloud.kernel.credentials import Credentials
from everloop_localcloud.kernel.front.server import Front
from everloop_localcloud.kernel.gate import Gate
from everloop_localcloud.kernel.processes import Processes
from everloop_localcloud.kernel.propagation import Propagation
from everloop_localcloud.kernel.quotas import Quotas
from everloop_localcloud.kernel.starts import Starts
from everloop_localcloud.kernel.store import Store, copied

log = logging.getLogger(__name__)

# Where each service of ours is. What is not here and not behind (moto) is refused by name.
SERVICES = {
    "sts": "everloop_localcloud.sts.api:Sts",
    "s3": "everloop_localcloud.s3.api:S3",
    "sqs": "everloop_localcloud.sqs.api:Sqs",
    "sns": "everloop_localcloud.sns.api:Sns",
    "logs": "everloop_localcloud.logs.api:Logs",
    "cloudwatch": "everloop_localcloud.cloudwatch.api:CloudWatch",
    "events": "everloop_localcloud.events.api:Events",
    "scheduler": "everloop_localcloud.scheduler.api:Scheduler",
    "lambda": "everloop_localcloud.functions.api:Functions",
    "stepfunctions": "everloop_localcloud.states.api:StepFunctions",
    "sagemaker": "everloop_localcloud.sagemaker.api:SageMaker",
    "sagemaker-runtime": "everloop_localcloud.sagemaker.runtime:SageMakerRuntime",
    "sagemaker-featurestore-runtime": (
        "everloop_localcloud.sagemaker.feature_store_runtime:FeatureStoreRuntime"
    ),
    "sagemaker-metrics": "everloop_localcloud.sagemaker.metrics:SageMakerMetrics",
    "application-autoscaling": (
        "everloop_localcloud.applicationautoscaling.api:ApplicationAutoScaling"
    ),
    "service-quotas": "everloop_localcloud.servicequotas.api:ServiceQuotas",
    "cloudformation": "everloop_localcloud.cloudformation.api:CloudFormation",
}

ROUGH_DUPLICATES = 0.1  # far more than on AWS, so that a short run meets some

Listener = Callable[[dict[str, Any]], None]


class Cloud:
    """An AWS account in one region, on one port of this machine.

    `folder` holds all state. `services` limits what is loaded (tests of one part). With `strict`,
    every answer is checked against botocore's output shapes. `duplicate_events` is the share of
    events that rules deliver twice, as AWS may; with `rough_events` some are, and all come late and
    out of order. With `eventual`, what was just made is not seen everywhere yet. `quotas` is "aws"
    for AWS's default quotas and throttles, "new-account" for those and what a new account gets.
    `allow_hosts` are names beside loopback's by which clients may call it. With `verify_secrets`, a
    signature must be made with its key's secret; users have the one of the folder's file `secret`.
    `no_capacity` are instance types that AWS has none of: jobs and endpoints fail for want of them.
    With `aws_starts`, jobs and endpoints begin when AWS's would (kernel/starts.json).
    With `exact_images`, jobs get the package versions of their images. With `docker_jobs`,
    SageMaker's jobs run in their own images; raises NoEngine where no Docker engine answers.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        speed: float = 1.0,
        services: Iterable[str] | None = None,
        account: str = "123456789012",
        region: str = "us-east-1",
        strict: bool = False,
        duplicate_events: float = 0.0,
        rough_events: bool = False,
        eventual: bool = False,
        quotas: str | None = None,
        docker_jobs: bool = False,
        exact_images: bool = False,
        allow_hosts: Iterable[str] = (),
        verify_secrets: bool = False,
        no_capacity: Iterable[str] = (),
        aws_starts: bool = False,
    ) -> None:
        self.folder = folder
        self.account = account
        self.region = region
        self.port = port
        self.strict = strict
        self.duplicate_events = ROUGH_DUPLICATES if rough_events else duplicate_events
        self.rough_events = rough_events
        self.gate = Gate(allow_hosts)
        self.docker_jobs = docker_jobs
        self.exact_images = exact_images
        self.no_capacity = frozenset(no_capacity)
        self.starts = Starts(aws=aws_starts)
        self.store = Store(folder / "state.sqlite")
        secret = folder / "secret"
        self.secret = verification.own_secret(secret) if verify_secrets else None
        self._meta = self.store.table("cloud")
        saved = self._meta.get("clock", {}).get("now")
        start = max(datetime.now(UTC), saved) if saved else datetime.now(UTC)
        self.clock = Clock(speed, start)  # time never runs backwards over a restart
        self.propagation = Propagation(self.clock, slow=eventual)
        self.processes = Processes()
        granted = self.store.table("quotas.granted")
        self.quotas = Quotas(quotas, self.clock, self._jobs_under_way, self._demand, granted)
        self.credentials = Credentials(account, self.clock, self.store)
        self.roles = Roles(account, region, partial(self.call, "iam"))
        self.behind = Behind(self)
        self._listeners: list[Listener] = []
        self._stopping = threading.Event()
        self._calls: Counter[tuple[str, str, str]] = Counter()
        self._counting = threading.Lock()
        self.started = threading.Event()  # set once every service has taken up its state
        self._timekeeper = threading.Thread(target=self._keep_time, name="keep-time", daemon=True)
        self.apis: dict[str, Api] = {}
        try:
            for name in SERVICES if services is None else services:
                module, _, attribute = SERVICES[name].partition(":")
                self.apis[name] = getattr(importlib.import_module(module), attribute)(self)
        except BaseException:
            self.abandon()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def stopping(self) -> bool:
        """Whether the cloud is being stopped: what ends now ends with it, not by itself."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Take up the saved state. The front must be listening already."""
        self.behind.start()
        for api in self.apis.values():
            api.start()
        self.started.set()
        self._timekeeper.start()

    def stop(self) -> None:
        """End every process and close the state; stopping twice is stopping once."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self.started.set()
        self.clock.stop()
        for api in self.apis.values():
            api.stop()
        self.processes.close()
        if self._timekeeper.is_alive():
            self._timekeeper.join()
        self._save_time()
        self.store.close()

    def abandon(self) -> None:
        """Let go of what was opened; for a cloud that was never started."""
        self.processes.close()
        self.store.close()

    def call(
        self,
        service: str,
        operation: str,
        params: dict[str, Any] | None = None,
        *,
        role_arn: str | None = None,
        principal: str | None = None,
    ) -> dict[str, Any]:
        """Call any API of this cloud from inside it; `operation` is AWS's name (`PutObject`).

        Raises AwsError, as a client would see it.
        """
        request = copied(params or {})
        api = self.apis.get(service)
        if api is None:
            return self.behind.call(service, operation, request, role_arn)
        who = principal or role_arn or f"arn:aws:iam::{self.account}:root"
        call = Call(self.account, self.region, who, self.clock.now())
        return dict(copied(api.perform(call, operation, request)))

    def emit(
        self,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: Iterable[str] = (),
        when: datetime | None = None,
    ) -> None:
        """Put one of AWS's own events on the default bus; listeners in the cloud hear it first."""
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": detail_type,
            "source": source,
            "account": self.account,
            "time": stamp(when or self.clock.now()),
            "region": self.region,
            "resources": list(resources),
            "detail": copied(detail),
        }
        for listener in list(self._listeners):
            listener(event)
        bus = self.apis.get("events")
        if bus is not None:
            bus.publish(event)  # type: ignore[attr-defined]

    def measure(
        self,
        namespace: str,
        name: str,
        dimensions: dict[str, str],
        value: float = 1.0,
        unit: str = "Count",
    ) -> None:
        """Put a value of one of AWS's own metrics, where the cloud has CloudWatch."""
        watch = self.apis.get("cloudwatch")
        if watch is not None:
            watch.put(namespace, name, value, dimensions, unit)  # type: ignore[attr-defined]

    def on_event(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each of AWS's own events; returns how to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def spawn(self, action: Callable[..., None], *args: Any, name: str = "work") -> None:
        """Run `action` on a thread of its own; a failure is logged, never lost in silence."""

        def run() -> None:
            try:
                action(*args)
            except Exception:
                if not self._stopping.is_set():
                    log.exception("%s failed", name)

        threading.Thread(target=run, name=name, daemon=True).start()

    def count(self, principal: str, service: str, operation: str) -> None:
        """Count a call that came over the wire: who made it, and what it was."""
        with self._counting:
            self._calls[principal, service, operation] += 1

    def counted(self) -> list[dict[str, Any]]:
        with self._counting:
            rows = sorted(self._calls.items())
        names = ("principal", "service", "operation")
        return [{**dict(zip(names, key, strict=True)), "calls": count} for key, count in rows]

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def _jobs_under_way(self, listing: str) -> int:
        """Return how many jobs an operation of SageMaker lists as in progress, for the quotas."""
        root = f"arn:aws:iam::{self.account}:root"
        call = Call(self.account, self.region, root, self.clock.now())
        listed = self.apis["sagemaker"].operations[listing]
        told = listed(call, {"StatusEquals": "InProgress", "MaxResults": 100}) or {}
        (found,) = (value for value in told.values() if isinstance(value, list))
        return len(found)

    def _demand(
        self, operation: str, request: dict[str, Any]
    ) -> tuple[Mapping[str, int], Mapping[str, int]]:
        """Return what a call of SageMaker asks for, and what is in use, for the quotas."""
        return self.apis["sagemaker"].demand(operation, request)  # type: ignore[attr-defined,no-any-return]

    def _keep_time(self) -> None:
        while not self._stopping.wait(1.0):
            self._save_time()

    def _save_time(self) -> None:
        self._meta["clock"] = {"now": self.clock.now()}


def started(folder: Path, **options: Any) -> tuple[Cloud, Front]:
    """Start a cloud with its front in this process: what tests and the program use."""
    cloud = Cloud(folder, **options)
    try:
        front = Front(cloud)
    except OSError:  # the port is taken
        cloud.abandon()
        raise
    cloud.port = front.port
    front.start()
    began = time.monotonic()
    cloud.start()
    log.debug("services were up after %.2f s", time.monotonic() - began)
    return cloud, front
