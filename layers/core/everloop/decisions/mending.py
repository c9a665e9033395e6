"""Mending: what an event should have started for a model and did not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from everloop.decisions.windows import Window

RUNNING = "RUNNING"

START_TRAINING, WAKE, FREE_TRAINING, FREE_RELEASE = (
    "start-training",
    "wake",
    "free-training",
    "free-release",
)
TRAIN_FROZEN = "train-frozen"

# How long a thing may be as it is before it counts as forgotten: an event takes seconds, a batch
# of arrivals a few more, and mending what is on its way costs an attempt for nothing.
PATIENCE = timedelta(minutes=2)
_TRIES = 5


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


@dataclass(frozen=True)
class Mend:
    """One thing to mend, and why."""

    kind: str
    reason: str
    window: int = 0
    attempt: int = 0


def training_mends(
    window: Window,
    closed: Sequence[int],
    lease: Lease,
    *,
    machine_of_window: str | None,
    machine_of_holder: str | None,
    trains_on_data: bool,
    last_refused: bool,
    now: datetime,
) -> list[Mend]:
    """Decide what to mend of a model's training.

    `closed` are windows that are frozen and not trained yet; `machine_of_window` is the status of
    the open window's latest execution, `machine_of_holder` that of the execution that holds the
    lease; None where there is none.
    """
    mends = []
    holder_runs = machine_of_holder == RUNNING
    if lease.holder and not holder_runs:
        mends.append(
            Mend(
                FREE_TRAINING,
                f"{_last(lease.holder)} is {machine_of_holder or 'unknown'} and still held the "
                "training lease",
            )
        )
    elif lease.held(now) and lease.waits_for and _older(lease.since, now):
        mends.append(Mend(WAKE, f"looked whether {lease.waits_for} has ended", 0))
    if not trains_on_data:
        return mends
    if window.objects and machine_of_window != RUNNING and _older(window.last_at, now):
        attempt = window.attempt + (machine_of_window is not None)
        if attempt <= _TRIES:
            was = machine_of_window or "never started"
            mends.append(
                Mend(
                    START_TRAINING,
                    f"window {window.number} holds {window.objects} objects, and its training "
                    f"was {was}",
                    window.number,
                    attempt,
                )
            )
    elif closed and not window.objects and not holder_runs and not last_refused:
        mends.append(
            Mend(TRAIN_FROZEN, f"window {max(closed)} is frozen and was not trained", max(closed))
        )
    return mends


def _older(when: datetime | None, now: datetime) -> bool:
    return when is None or now - when >= PATIENCE


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]
