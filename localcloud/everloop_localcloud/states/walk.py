"""What the states of a machine see of the walk through them, and of the execution around it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from everloop_localcloud.states.history import History
from everloop_localcloud.states.query import Query, Reading
from everloop_localcloud.states.scope import Scope
from everloop_localcloud.states.world import World


@dataclass(frozen=True)
class Machine:
    """A state machine as an execution sees it: its definition does not change under way."""

    arn: str
    name: str
    role_arn: str
    definition: dict[str, Any]


@dataclass
class Visit:
    """One state that was entered. `mark` is its checkpoint; on the top level it is kept."""

    name: str
    definition: dict[str, Any]
    value: Any
    context: dict[str, Any]
    event: int
    entered: datetime
    mark: dict[str, Any]
    resumed: bool = False


class Execution(Protocol):
    """The execution that a walk belongs to."""

    machine: Machine
    arn: str
    world: World
    scope: Scope
    functions: dict[str, Any]

    @property
    def ending_is_known(self) -> bool: ...

    def context(self) -> dict[str, Any]: ...

    def query(self, reading: Reading) -> Query: ...


class Walk(Protocol):
    """A walk through states, as the work of one state sees it."""

    run: Execution
    scope: Scope
    history: History
    previous: int

    def execute(self, start: str, value: Any) -> Any: ...

    def record(self, kind: str, details: dict[str, Any] | None = None) -> int: ...

    def keep(self, visit: Visit, **changes: Any) -> None: ...

    def inner(
        self,
        scope: Scope,
        states: dict[str, Any],
        context: dict[str, Any],
        previous: int,
        *,
        history: History | None = None,
        variables: dict[str, Any] | None = None,
    ) -> "Walk": ...
