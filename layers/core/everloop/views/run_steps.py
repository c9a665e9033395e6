"""A training run step by step: when each ran, on what, at which cost, and what it said last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from everloop.views.run import Run
from everloop.views.timeline import Outcome, TimelineEntry

_OUTCOMES: Final[dict[str, Outcome]] = {
    "Succeeded": "good",
    "Failed": "bad",
    "Executing": "info",
    "Starting": "info",
    "Stopping": "waiting",
    "Stopped": "waiting",
}


@dataclass(frozen=True)
class RunStep:
    """A step of a run; `took` and `ended` are None while it goes on.

    `cost` is of what AWS bills, by list prices; None without a price, and before the end.
    """

    step: str
    status: str
    outcome: Outcome
    began: datetime
    ended: datetime | None
    took: timedelta | None
    kind: str
    job: str
    instance: str
    instances: int
    cost: float | None
    failure: str


@dataclass(frozen=True)
class RunDetail:
    """A run, its steps in order, the newest lines of its job that ran last, and why it ended so."""

    run: Run
    execution: str
    steps: Sequence[RunStep]
    log_of: str
    log: Sequence[str]
    currency: str
    decisions: Sequence[TimelineEntry]

    @property
    def cost(self) -> float | None:
        known = [step.cost for step in self.steps if step.cost is not None]
        return sum(known) if known else None


def outcome(status: str) -> Outcome:
    return _OUTCOMES.get(status, "info")
