"""An account with nothing in it but what a service stands on: for parts that are built alone."""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.access.roles import Roles
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.clock import Clock
from everloop_localcloud.kernel.credentials import Credentials
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.processes import Processes
from everloop_localcloud.kernel.propagation import Propagation
from everloop_localcloud.kernel.quotas import Quotas
from everloop_localcloud.kernel.starts import Starts
from everloop_localcloud.kernel.store import Store


class LoneAccount:
    """Notes what is emitted and called; `answers` has what other services would answer."""

    account, region, port = "123456789012", "us-east-1", 0
    url = "http://127.0.0.1:0"
    strict, docker_jobs, rough_events, stopping = True, False, False, False
    no_capacity: frozenset[str] = frozenset()
    duplicate_events = 0.0
    exact_images = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started = threading.Event()
        self.clock = Clock(1.0, datetime(2026, 11, 2, tzinfo=UTC))
        self.store = Store(folder / "state.sqlite")
        self.propagation = Propagation(self.clock)
        self.processes = Processes()
        self.credentials = Credentials(self.account, self.clock, self.store)
        self.roles = Roles(self.account, self.region, self._no_role)
        self.quotas = Quotas(None, self.clock, lambda listing: 0, lambda *_: ({}, {}), {})
        self.starts = Starts()
        self.apis: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.spawned: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {}

    def caller(self) -> Call:
        root = f"arn:aws:iam::{self.account}:root"
        return Call(self.account, self.region, root, self.clock.now())

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def call(
        self,
        service: str,
        operation: str,
        params: dict[str, Any] | None = None,
        *,
        role_arn: str | None = None,
        principal: str | None = None,
    ) -> dict[str, Any]:
        if operation not in self.answers:
            raise AwsError("NotImplemented", f"nobody answers {service}:{operation}", 501)
        return self.answers[operation]

    def emit(
        self,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: Iterable[str] = (),
        when: datetime | None = None,
    ) -> None:
        self.events.append({"detail-type": detail_type, "detail": detail})

    def on_event(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        return lambda: None

    def measure(self, *_: Any, **__: Any) -> None:
        """Keep no metrics."""

    def spawn(self, action: Callable[..., None], *args: Any, name: str = "work") -> None:
        self.spawned.append(name)

    def count(self, principal: str, service: str, operation: str) -> None:
        """Count no calls."""

    def close(self) -> None:
        self.clock.stop()
        self.processes.close()
        self.store.close()

    @staticmethod
    def _no_role(operation: str, params: dict[str, Any]) -> dict[str, Any]:
        raise AwsError("NoSuchEntity", "there is no role", 404)
