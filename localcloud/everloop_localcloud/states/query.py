"""What both query languages do for one state: read its input, shape its output, choose its way."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

ABSENT: Any = object()


@dataclass
class Reading:
    """What one state sees. `functions` are JSONata's bindings; `chance` and `uuid` JSONPath's."""

    definition: dict[str, Any]
    name: str
    value: Any
    context: dict[str, Any]
    variables: dict[str, Any]
    functions: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """Where a Choice state goes, with what."""

    next: str
    output: Any
    assigned: dict[str, Any]


class Query(Protocol):
    """One state, read in one query language."""

    def arguments(self) -> Any:
        """Return what a Task or Parallel state hands to its work."""

    def output(self, result: Any) -> Any:
        """Return the state's output, given the result of its work."""

    def passed(self) -> tuple[Any, dict[str, Any]]:
        """Return output and assigned variables of a state that does no work."""

    def assigned(self, result: Any) -> dict[str, Any]:
        """Return the variables that the state assigns; they see the values before them."""

    def choice(self) -> Choice | None:
        """Return where a Choice state goes; None where nothing matches and there is no default."""

    def wait_until(self, now: datetime) -> datetime:
        """Return when a Wait state ends."""

    def failure(self) -> tuple[str | None, str | None]:
        """Return error and cause of a Fail state."""

    def seconds(self, field: str) -> int | None:
        """Return TimeoutSeconds or HeartbeatSeconds of a Task, if there is one."""

    def items(self) -> list[Any]:
        """Return what a Map state goes over."""

    def item(self, context: dict[str, Any], value: Any) -> Any:
        """Return the input of one iteration; `context` tells the item."""

    def limit(self, field: str) -> float | None:
        """Return MaxConcurrency, ToleratedFailureCount or ToleratedFailurePercentage."""

    def caught(self, catcher: dict[str, Any], error: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Return output and assigned variables after a Catch."""

    def role(self) -> str | None:
        """Return the role that Credentials names for a Task."""
