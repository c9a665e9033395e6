"""What an execution may touch of the world around it: time, chance, concurrency, tasks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from everloop_localcloud.states.resources import Resource


class Signal(Protocol):
    """Set once by one thread; others wait for it in the cloud's seconds."""

    def set(self) -> None: ...

    def is_set(self) -> bool: ...

    def wait(self, seconds: float | None = None) -> bool: ...


class Timer(Protocol):
    def cancel(self) -> None: ...


@dataclass(frozen=True)
class TaskCall:
    """One call that a Task state makes. `key` is the same for the same attempt after a restart."""

    resource: Resource
    arguments: Any
    execution_arn: str
    role_arn: str
    key: str
    token: str | None = None
    entered: datetime | None = None
    resumed: bool = False


@dataclass
class Waiting:
    """A task that waits for its token: what came, and when somebody last gave a sign of life."""

    signal: Signal
    outcome: dict[str, Any] | None = None
    beat: datetime | None = None
    beats: int = field(default=0)


class World(Protocol):
    """Everything that blocks or depends on chance goes through here; a virtual one may do."""

    def now(self) -> datetime: ...

    def signal(self) -> Signal: ...

    def after(self, seconds: float, action: Callable[[], None]) -> Timer: ...

    def spawn(self, action: Callable[[], None]) -> None: ...

    def uuid(self) -> str: ...

    def random(self) -> float: ...

    def submit(self, call: TaskCall) -> Any:
        """Make the call and return its answer as Step Functions shapes it. Raises StateError."""

    def follow(self, call: TaskCall, submitted: Any, stopped: Signal) -> Any:
        """Wait until the job that was started ends; return its result. Raises StateError."""

    def halt(self, call: TaskCall, submitted: Any) -> None:
        """Stop the job that was started, if it can be."""

    def expect(self, token: str, execution_arn: str) -> Waiting:
        """Begin to wait for a task token; an answer that came before is in it already."""

    def forget(self, token: str) -> None:
        """Nobody waits for this token any more."""
