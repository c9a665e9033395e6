"""A training run as people are shown it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from everloop.billing.prices import Prices
from everloop.errors import BadInput
from everloop.names import window_of_run
from everloop.printed import regex
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
    """What was trained on which window, why, and how that ended; `took` is None until it has.

    `dataset` and `code` are digests, `job` is the training job, `metrics` are of the holdout, and
    `warnings` say where else the run should have been noted. `cost` is of the hours that AWS bills
    of its jobs; None where they or their price are not known.
    """

    name: str
    window: int | None
    cause: str
    status: str
    outcome: Outcome
    started_at: datetime
    took: timedelta | None
    rows: int | None
    dataset: str
    code: str
    job: str
    metrics: Mapping[str, float]
    warnings: Sequence[str]
    cost: float | None


@dataclass(frozen=True)
class Curve:
    """A metric over runs, or over what one run printed of it; the oldest value first."""

    metric: str
    values: Sequence[float]


def over_runs(shown: Iterable[Run]) -> list[Curve]:
    """Return how each metric went from run to run, as far as runs have it."""
    found: dict[str, list[float]] = {}
    for run in sorted(shown, key=lambda run: run.started_at):
        for name, value in run.metrics.items():
            found.setdefault(name, []).append(value)
    return [Curve(name, values) for name, values in found.items()]


def printed(metrics: Iterable[str], lines: Iterable[str]) -> list[Curve]:
    """Return what a training printed of these metrics, as  name=0.5  or  name: 0.5 ."""
    found: dict[str, list[float]] = {name: [] for name in metrics}
    forms = {name: re.compile(regex(name)) for name in found}
    for line in lines:
        for name, form in forms.items():
            found[name] += [float(value) for value in form.findall(line)]
    return [Curve(name, values) for name, values in found.items() if values]


def runs(kept: Iterable[Kept], prices: Prices | None = None) -> list[Run]:
    """Return training runs, the newest first, with what they cost by the region's prices."""
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
            dataset=run.dataset_digest,
            code=run.bundle_digest,
            job=run.job,
            metrics=run.metrics,
            warnings=run.warnings,
            cost=cost_of(run.used, prices),
        )
        for run in sorted(kept, key=lambda run: run.started_at, reverse=True)
    ]


def cost_of(used: Mapping[str, float] | None, prices: Prices | None) -> float | None:
    """Return what instance hours cost; None where nothing is known of them, or of prices."""
    if used is None or prices is None:
        return None
    try:
        return prices.cost(used)
    except BadInput:  # an instance of which the file has no price
        return None
