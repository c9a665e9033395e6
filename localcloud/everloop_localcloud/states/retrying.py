"""Retry and Catch: which rule an error meets, and how long to wait before the next try."""

from dataclasses import dataclass
from typing import Any

from everloop_localcloud.states import errors
from everloop_localcloud.states.errors import StateError

_INTERVAL = 1
_ATTEMPTS = 3
_BACKOFF = 2.0


def matches(names: list[str], error: StateError) -> bool:
    """Tell whether an ErrorEquals list names the error."""
    if error.terminal:
        return False
    for name in names:
        if name == error.error or name == "States.ALL":
            return True
        timed_out = error.error in (errors.TIMEOUT, errors.HEARTBEAT_TIMEOUT)
        if name == errors.TIMEOUT and timed_out:
            return True
        if name == errors.TASK_FAILED and not timed_out:
            return True
    return False


@dataclass(frozen=True)
class Retry:
    """The retrier that an error meets, and the longest wait before its next try, in seconds."""

    index: int
    delay: float
    full_jitter: bool


def retry(definition: dict[str, Any], error: StateError, counts: dict[str, int]) -> Retry | None:
    """Return how to try again; None where no retrier is left. `counts` is by retrier's index."""
    for index, rule in enumerate(definition.get("Retry", [])):
        if not matches(rule["ErrorEquals"], error):
            continue
        done = counts.get(str(index), 0)
        if done >= rule.get("MaxAttempts", _ATTEMPTS):
            return None
        delay = rule.get("IntervalSeconds", _INTERVAL) * rule.get("BackoffRate", _BACKOFF) ** done
        if "MaxDelaySeconds" in rule:
            delay = min(delay, rule["MaxDelaySeconds"])
        return Retry(index, delay, rule.get("JitterStrategy") == "FULL")
    return None


def catcher(definition: dict[str, Any], error: StateError) -> tuple[int, dict[str, Any]] | None:
    """Return the index and the rule of the Catch that an error meets."""
    for index, rule in enumerate(definition.get("Catch", [])):
        if matches(rule["ErrorEquals"], error):
            return index, rule
    return None
