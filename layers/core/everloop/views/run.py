"""A training run as people are shown it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from everloop.names import window_of_run
from everloop.records.run import BELOW_BARS, FAILED, REGISTERED, RUNNING, STOPPED, WAITING
from everloop.records.run import Run as Kept
from everloop.views.timeline import Outcome

_OUTCOMES: Final[dict[str, Outcome]] = {
    RUNNING: "info",
    WAITING: "waiting",
    REGISTERED: "good",
    BELOW_BARS: "bad",
    FAILED: "bad",
    STOPPED: "info",
}


@dataclass(frozen=True)
class Run:
    """What was trained on which window, why, and how that ended; `took` is None until it has."""

    name: str
    window: int | None
    cause: str
    status: str
    outcome: Outcome
    started_at: datetime
    took: timedelta | None
    rows: int | None


def runs(kept: Iterable[Kept]) -> list[Run]:
    """Return training runs, the newest first."""
    return [
        Run(
            name=run.name,
            window=window_of_run(run.name),
            cause=run.cause,
            status=run.outcome,
            outcome=_OUTCOMES.get(run.outcome, "bad"),
            started_at=run.started_at,
            took=run.ended_at - run.started_at if run.ended_at else None,
            rows=run.rows,
        )
        for run in sorted(kept, key=lambda run: run.started_at, reverse=True)
    ]
