"""The history of one execution: what happened, in order, as GetExecutionHistory tells it."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

# Which member of a history event holds the details; state events share theirs.
_DETAILS = {
    "StateEntered": "stateEnteredEventDetails",
    "StateExited": "stateExitedEventDetails",
}
LONGEST = 25_000  # events of one execution


class TooLong(Exception):
    """The history has as many events as AWS allows."""


class History:
    """Numbers events and hands each to `keep`."""

    def __init__(
        self, now: Callable[[], datetime], keep: Callable[[dict[str, Any]], None], last: int = 0
    ) -> None:
        self._now = now
        self._keep = keep
        self._lock = threading.Lock()
        self.last = last

    def record(
        self, kind: str, previous: int, details: dict[str, Any] | None = None, *, end: bool = False
    ) -> int:
        """Add an event and return its id. Raises TooLong unless it is the execution's `end`."""
        with self._lock:
            if self.last >= LONGEST - 1 and not end:
                raise TooLong
            self.last += 1
            event: dict[str, Any] = {
                "timestamp": self._now(),
                "type": kind,
                "id": self.last,
                "previousEventId": previous,
            }
            if details is not None:
                event[_member(kind)] = details
            self._keep(event)
            return self.last


def _member(kind: str) -> str:
    for suffix, name in _DETAILS.items():
        if kind.endswith(suffix):
            return name
    return kind[0].lower() + kind[1:] + "EventDetails"
