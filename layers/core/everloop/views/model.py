"""A model at a glance: what serves, what is newest, what was trained last, what was decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from everloop.decisions.releases import Package, Serving
from everloop.records.run import RUNNING, WAITING
from everloop.records.run import Run as Kept
from everloop.views.run import Run, runs
from everloop.views.timeline import Outcome, TimelineEntry, approval_outcome


@dataclass(frozen=True)
class Step:
    """A step of the pipeline of a run that is under way."""

    step: str
    status: str


@dataclass(frozen=True)
class Model:
    """What a list of models shows of each.

    `serves` is the version in production, `endpoint` its endpoint's status, or "none". `run` is the
    training run that is under way, else the newest; `steps` are those of one under way. `paused`
    says why nothing new starts; it is empty while it may. `unwatched` says why AWS keeps nothing of
    its traffic that a monitor could look at; it is empty where it can.
    """

    model: str
    serves: int | None
    endpoint: str
    newest: int | None
    approval: str
    approval_outcome: Outcome
    run: Run | None
    steps: Sequence[Step]
    paused: str
    last: TimelineEntry | None
    unwatched: str = ""


def under_way(kept: Sequence[Kept]) -> Kept | None:
    """Return the run that is under way, else the newest; None before the first."""
    going = [run for run in kept if run.outcome in (RUNNING, WAITING)]
    return max(going or kept, key=lambda run: run.started_at, default=None)


def model(
    name: str,
    packages: Sequence[Package],
    serving: Serving | None,
    run: Kept | None,
    last: TimelineEntry | None,
    *,
    steps: Sequence[tuple[str, str]] = (),
    paused: str = "",
    unwatched: str = "",
) -> Model:
    """Return a model at a glance, by its run that `under_way` finds and its last decision."""
    newest = max(packages, key=lambda package: package.version, default=None)
    approval = newest.approval if newest else ""
    return Model(
        model=name,
        serves=serving.version if serving and serving.status != "Failed" else None,
        endpoint=serving.status if serving else "none",
        newest=newest.version if newest else None,
        approval=approval,
        approval_outcome=approval_outcome(approval),
        run=runs([run])[0] if run else None,
        steps=[Step(name, status) for name, status in steps],
        paused=paused,
        last=last,
        unwatched=unwatched,
    )
