"""Repairing: what an event should have started for a model, and did not."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from everloop.decisions import Decision
from everloop.records.lease import Lease

RUNNING, SUCCEEDED = "RUNNING", "SUCCEEDED"

# How long a thing may be as it is before it counts as forgotten: an event takes seconds, a batch
# of arrivals a few more, and repairing what is on its way costs an attempt for nothing.
PATIENCE = timedelta(minutes=2)
MOST_ATTEMPTS = 5
# A model takes some thirty calls, half a second: so many fit well into reconcile's time.
MOST_PER_TICK = 300


def turn(models: Sequence[str], after: str, most: int = MOST_PER_TICK) -> list[str]:
    """Return which models a tick looks at: at most so many, from the one behind `after` on, round.

    The names are sorted. Without it the last of very many would wait for ever.
    """
    first = bisect_right(models, after) if len(models) > most else 0
    return [*models[first:], *models[:first]][:most]


def is_abandoned(lease: Lease, holder_status: str | None, now: datetime) -> bool:
    """Whether a lease is held by a machine that does not run any more.

    One that AWS does not know may have begun a moment ago: DescribeExecution is eventually
    consistent.
    """
    if not lease.holder or holder_status == RUNNING:
        return False
    new = lease.since is not None and now - lease.since < PATIENCE
    return not (holder_status is None and new)


@dataclass(frozen=True)
class NextAttempt(Decision):
    """Which `attempt` is to be started; `given_up` says that there were enough."""

    attempt: int = 0
    given_up: bool = False


def next_attempt(
    attempt: int, status: str | None, waiting_since: datetime, now: datetime
) -> NextAttempt:
    """Decide whether what waits since then needs an attempt, the same one or another.

    `status` is that of the machine of the latest attempt; None where it never started.
    """
    if status == RUNNING:
        return NextAttempt(False, f"attempt {attempt} is running")
    if now - waiting_since < PATIENCE:
        return NextAttempt(False, "it is on its way")
    following = attempt if status is None else attempt + 1
    if following > MOST_ATTEMPTS and status != SUCCEEDED:  # else others were first: none failed
        reason = f"was {status} at attempt {attempt}, the last of {MOST_ATTEMPTS}"
        return NextAttempt(False, reason, given_up=True)
    was = "was never started" if status is None else f"{status} at attempt {attempt}"
    return NextAttempt(True, was, attempt=following)
