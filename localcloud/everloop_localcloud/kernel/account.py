"""The account that a service lives in: what it may ask of its surroundings, and who calls.

Services know this interface and never the cloud that composes them, so each can be built alone.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from everloop_localcloud.kernel.access.roles import Roles
from everloop_localcloud.kernel.clock import Clock
from everloop_localcloud.kernel.credentials import Credentials
from everloop_localcloud.kernel.processes import Processes
from everloop_localcloud.kernel.propagation import Propagation
from everloop_localcloud.kernel.quotas import Quotas
from everloop_localcloud.kernel.starts import Starts
from everloop_localcloud.kernel.store import Store

Event = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """Who calls, where and when. `principal` is an IAM ARN; inside the cloud it is the role's."""

    account: str
    region: str
    principal: str
    time: datetime
    request_id: str = field(default_factory=lambda: secrets.token_hex(8).upper())


class Account(Protocol):
    """One account in one region. `apis` are its other services, by boto3's names."""

    folder: Path
    account: str
    region: str
    port: int
    strict: bool
    docker_jobs: bool
    exact_images: bool
    no_capacity: frozenset[str]
    started: threading.Event
    duplicate_events: float
    rough_events: bool
    clock: Clock
    store: Store
    processes: Processes
    credentials: Credentials
    roles: Roles
    quotas: Quotas
    starts: Starts
    propagation: Propagation

    @property
    def apis(self) -> Mapping[str, Any]: ...

    @property
    def url(self) -> str: ...

    @property
    def stopping(self) -> bool: ...

    def arn(self, service: str, resource: str) -> str: ...

    def call(
        self,
        service: str,
        operation: str,
        params: dict[str, Any] | None = None,
        *,
        role_arn: str | None = None,
        principal: str | None = None,
    ) -> dict[str, Any]:
        """Call any API of the cloud, as AWS names it. Raises AwsError, as a client would see it."""
        ...

    def emit(
        self,
        source: str,
        detail_type: str,
        detail: dict[str, Any],
        resources: Iterable[str] = (),
        when: datetime | None = None,
    ) -> None:
        """Put one of AWS's own events on the default bus."""
        ...

    def on_event(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with each of AWS's own events; returns how to end that."""
        ...

    def measure(
        self,
        namespace: str,
        name: str,
        dimensions: dict[str, str],
        value: float = 1.0,
        unit: str = "Count",
    ) -> None:
        """Put a value of one of AWS's own metrics."""
        ...

    def spawn(self, action: Callable[..., None], *args: Any, name: str = "work") -> None:
        """Run `action` on a thread of its own."""
        ...

    def count(self, principal: str, service: str, operation: str) -> None:
        """Count a call that came over the wire."""
        ...
