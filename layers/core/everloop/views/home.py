"""A model in a list of many: what serves since when, how it does, its looks, and its cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.decisions.monitoring import longest_pause
from everloop.moments import moment
from everloop.spec import policy
from everloop.views.look import Look
from everloop.views.model import Model
from everloop.views.run import Run
from everloop.views.timeline import TimelineEntry

_POINTS = 40  # of a small line, the newest


@dataclass(frozen=True)
class Point:
    """A value at a moment; `version` is what served, or was made, then."""

    at: str
    value: float
    version: int | None = None


@dataclass(frozen=True)
class Line:
    """A value over time. `bound` is where it is a violation, where one is known."""

    name: str
    points: Sequence[Point]
    bound: float | None = None


@dataclass(frozen=True)
class Cost:
    """What a model costs in a month, estimated: its endpoints, its looks, and new versions."""

    currency: str
    prices_of: str
    loops: float
    endpoints: float
    looks: float
    versions: float

    @property
    def all(self) -> float:
        return self.endpoints + self.looks + self.versions


@dataclass(frozen=True)
class Row:
    """A model as the first page shows it.

    `quality` is of labelled traffic where looks tell it, else of the holdout from run to run; its
    name says which. `next_look` is None where the schedule is no rate, or nothing looked yet.
    """

    model: Model
    since: str
    quality: Line | None
    drift: Line | None
    last_look: Look | None
    next_look: datetime | None
    schedule: str
    cost: Cost | None


def row(
    glance: Model,
    spec: Mapping[str, Any] | None,
    decided: Sequence[TimelineEntry],
    looks: Sequence[Look],
    runs: Sequence[Run],
    requested_at: datetime | None,
    cost: Cost | None,
) -> Row:
    """Return a model's row; `looks` and `runs` are the newest first."""
    schedule = policy.monitor_schedule(spec) if spec else ""
    return Row(
        model=glance,
        since=serving_since(glance.serves, decided),
        quality=quality(policy.judgement(spec).metric if spec else "", looks, runs),
        drift=drift(looks),
        last_look=looks[0] if looks else None,
        next_look=_next(schedule, requested_at),
        schedule=schedule,
        cost=cost,
    )


def serving_since(version: int | None, decided: Sequence[TimelineEntry]) -> str:
    """Return when a version came into service the last time; empty where the ledger says not."""
    for each in reversed(decided):
        if each.kind in ("serve", "rollback") and each.facts.get("serving") == version:
            return each.time if version is not None else ""
        if each.kind == "serve" and each.version == version and each.go:
            return each.time
    return ""


def quality(metric: str, looks: Sequence[Look], runs: Sequence[Run]) -> Line | None:
    """Return how good a model is over time, by one metric: live where known, else of holdouts."""
    live = [
        Point(look.time, value, look.version)
        for look in reversed(looks)
        if (value := look.quality.get(metric)) is not None
    ]
    held = [
        Point(f"{run.started_at:%Y-%m-%dT%H:%M:%SZ}", run.metrics[metric])
        for run in reversed(runs)
        if metric in run.metrics
    ]
    if len(live) > 1 or (live and not held):
        return Line(f"{metric}, live", live[-_POINTS:])
    return Line(f"{metric}, holdout", held[-_POINTS:]) if held else None


def drift(looks: Sequence[Look]) -> Line | None:
    """Return the worst drift of each look as a share of its threshold."""
    points = [
        Point(look.time, look.drift, look.version)
        for look in reversed(looks)
        if look.drift is not None
    ]
    return Line("drift", points[-_POINTS:], 1.0) if points else None


def releases(decided: Sequence[TimelineEntry]) -> list[Point]:
    """Return when which version came into service, as marks in a chart; the oldest first."""
    return [
        Point(each.time, float(each.version), each.version)
        for each in decided
        if each.kind == "serve" and each.go and each.version is not None
    ]


def _next(schedule: str, requested_at: datetime | None) -> datetime | None:
    if requested_at is None or not schedule.startswith("rate("):
        return None
    pause = longest_pause(schedule)
    return moment(requested_at + pause) if pause else None
