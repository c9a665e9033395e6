"""A model at a glance: what serves, what is newest, what runs, what was decided last."""

from collections.abc import Sequence
from dataclasses import dataclass

from everloop.decisions.releases import Package, Serving
from everloop.records.run import RUNNING, WAITING, Run
from everloop.views.timeline import TimelineEntry


@dataclass(frozen=True)
class Model:
    """`training` is empty while no run is under way or waits for AWS."""

    model: str
    serves: int | None
    endpoint: str
    newest: int | None
    approval: str
    training: str
    paused: str
    last: TimelineEntry | None


def model(
    name: str,
    packages: Sequence[Package],
    serving: Serving | None,
    runs: Sequence[Run],
    decided: Sequence[TimelineEntry],
    *,
    paused: str = "",
) -> Model:
    """Return a model at a glance; decisions come the oldest first."""
    newest = max(packages, key=lambda package: package.version, default=None)
    under_way = [run for run in runs if run.outcome in (RUNNING, WAITING)]
    run = max(under_way, key=lambda run: run.started_at, default=None)
    return Model(
        model=name,
        serves=serving.version if serving and serving.status != "Failed" else None,
        endpoint=serving.status if serving else "none",
        newest=newest.version if newest else None,
        approval=newest.approval if newest else "",
        training=f"{run.name} {run.outcome}" if run else "",
        paused=paused,
        last=decided[-1] if decided else None,
    )
