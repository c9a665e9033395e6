"""Mending: what an event should have started for a model, and did not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from everloop.decisions import Decision

RUNNING, SUCCEEDED = "RUNNING", "SUCCEEDED"

# How long a thing may be as it is before it counts as forgotten: an event takes seconds, a batch
# of arrivals a few more, and mending what is on its way costs an attempt for nothing.
PATIENCE = timedelta(minutes=2)
MOST_ATTEMPTS = 5


@dataclass(frozen=True)
class Lease:
    """Who holds what, since when and until when. `waits_for` is what its machine sleeps on."""

    holder: str = ""
    epoch: int = 0
    until: datetime | None = None
    since: datetime | None = None
    waits_for: str = ""

    def held(self, now: datetime) -> bool:
        return bool(self.holder) and (self.until is None or self.until > now)


def is_abandoned(lease: Lease, holder_status: str | None) -> bool:
    """Whether a lease is held by a machine that does not run any more."""
    return bool(lease.holder) and holder_status != RUNNING


def next_attempt(
    attempt: int, status: str | None, waiting_since: datetime, now: datetime
) -> Decision:
    """Decide whether what waits since then needs an attempt, the same one or another.

    `status` is that of the machine of the latest attempt; None where it never started. The
    attempt to start is in the decision's facts.
    """
    if status == RUNNING:
        return Decision(False, f"attempt {attempt} is running")
    if now - waiting_since < PATIENCE:
        return Decision(False, "it is on its way")
    following = attempt if status is None else attempt + 1
    if following > MOST_ATTEMPTS:
        return Decision(False, f"{MOST_ATTEMPTS} attempts were made; a person must look")
    was = "was never started" if status is None else f"{status} at attempt {attempt}"
    return Decision(True, was, {"attempt": following})
