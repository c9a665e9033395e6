"""Training runs: what was trained, why, and how it ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from everloop.moments import moment, text
from everloop.records.keys import Item, Key, Range, among, of_model
from everloop.records.writes import Put

DATA: Final = "data"  # causes
VIOLATION: Final = "violation"
REQUEST: Final = "request"  # a person's
SCHEDULE: Final = "schedule"
RUNNING, WAITING, REGISTERED, BELOW_BARS, FAILED, STOPPED = (
    "running",
    "waiting",  # for AWS: it has no quota, or no capacity, for one of its jobs
    "registered",
    "below-bars",
    "failed",
    "stopped",
)


@dataclass(frozen=True)
class Run:
    """A training run, as the ledger keeps it.

    Its name says what is trained; `execution` is the machine's that waited for it last: where a
    machine dies, the next attempt at the same data and code finds the same run.
    """

    name: str
    dataset_digest: str
    bundle_digest: str
    cause: str
    started_at: datetime
    outcome: str
    ended_at: datetime | None = None
    dataset_bytes: int = 0
    rows: int | None = None
    execution: str = ""
    # Quotas of the instances that its steps have where those are not the preferred ones, and how
    # often AWS refused others: each time another execution of the pipeline began.
    plan: Mapping[str, str] = field(default_factory=dict)
    turn: int = 0
    job: str = ""  # the training job; empty where several tried, or none is known
    metrics: Mapping[str, float] = field(default_factory=dict)  # on the holdout
    warnings: Sequence[str] = ()  # of where else it should have been noted
    # Instance hours of its jobs by item of billing/prices.json; None where nobody could read them.
    used: Mapping[str, float] | None = None


def of_machine(runs: Iterable[Run], execution: str) -> Run | None:
    """Return the run that a machine waits for: the newest, where a push came between two tries."""
    mine = (run for run in runs if run.execution == execution)
    return max(mine, key=lambda run: run.started_at, default=None)


def key(model: str, name: str) -> Key:
    return of_model(model, f"RUN#{name}")


def all_of(model: str) -> Range:
    return among(model, "RUN#")


def put(model: str, run: Run) -> Put:
    return Put(
        key(model, run.name),
        {
            "name": run.name,
            "execution": run.execution,
            "dataset_digest": run.dataset_digest,
            "bundle_digest": run.bundle_digest,
            "cause": run.cause,
            "started_at": text(run.started_at),
            "ended_at": text(run.ended_at) if run.ended_at else None,
            "outcome": run.outcome,
            "dataset_bytes": run.dataset_bytes,
            "rows": run.rows,
            "plan": dict(run.plan),
            "turn": run.turn,
            "job": run.job,
            "metrics": dict(run.metrics),
            "warnings": list(run.warnings),
            "used": None if run.used is None else dict(run.used),
        },
    )


def of(item: Item) -> Run:
    """Read a run; those of before are named as their execution, and count no bytes."""
    return Run(
        name=item.get("name") or item["execution"],
        execution=item["execution"],
        dataset_digest=item["dataset_digest"],
        bundle_digest=item["bundle_digest"],
        cause=item["cause"],
        started_at=moment(item["started_at"]),
        outcome=item["outcome"],
        ended_at=moment(item["ended_at"]) if item.get("ended_at") else None,
        dataset_bytes=int(item.get("dataset_bytes") or 0),
        rows=item.get("rows"),
        plan=item.get("plan") or {},
        turn=int(item.get("turn") or 0),
        job=str(item.get("job") or ""),
        metrics={name: float(value) for name, value in (item.get("metrics") or {}).items()},
        warnings=tuple(item.get("warnings") or ()),
        used=_used(item.get("used")),
    )


def _used(kept: Mapping[str, Any] | None) -> dict[str, float] | None:
    return None if kept is None else {name: float(amount) for name, amount in kept.items()}
