"""What a model's jobs and its endpoint print, as CloudWatch has it; followed while it goes on."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from everloop.aws import logs, pipelines
from everloop.aws.logs import Line
from everloop.names import run_of_turn
from everloop.reading import models as reading
from everloop_cli.trouble import Trouble

_POLL_S, _LATE = 2.0, timedelta(minutes=2)  # CloudWatch has lines so much later, and not in order


@dataclass(frozen=True)
class Said:
    """A line, and the step whose job printed it, or "endpoint"."""

    step: str
    job: str
    time: datetime
    text: str


@dataclass(frozen=True)
class _Source:
    step: str
    job: str
    group: str
    prefix: str = ""


def of_run(model: str, run: str | None, newest: int) -> tuple[str, str]:
    """Return the run that is meant, and its pipeline's execution. Raises Trouble."""
    executions = pipelines.newest(model)
    if not executions:
        raise Trouble(
            f"{model} was never trained; what waits, and why: everloop status {model}. A training "
            f"now: everloop train {model} --because WHY"
        )
    named = {run_of_turn(each.display_name): each.arn for each in reversed(executions)}
    if run is None:
        return run_of_turn(executions[0].display_name), executions[0].arn
    if run not in named:
        known = [each.name for each in reading.trainings(model)][:newest]
        there = f"; there are {', '.join(known)}" if known else ""
        raise Trouble(
            f"{model} has no run {run!r} whose log is known{there}: everloop runs {model}"
        )
    return run, named[run]


def of_execution(arn: str, newest: int, *, follow: bool) -> Iterator[Said]:
    """Yield the newest lines of each job of an execution; with `follow` until it has ended."""
    seen: dict[str, set[str]] = {}
    since: dict[str, datetime] = {}
    while True:
        ended = not follow or pipelines.describe(arn).ended  # before the lines, or some are lost
        for step, kind, job in pipelines.step_jobs(arn):
            if kind in logs.GROUPS:
                source = _Source(step, job, logs.GROUPS[kind], f"{job}/")
                yield from _fresh(source, newest, seen.setdefault(job, set()), since)
        if ended:
            return
        time.sleep(_POLL_S)


def of_endpoint(model: str, newest: int, *, follow: bool) -> Iterator[Said]:
    """Yield the newest lines of the production endpoint; with `follow` for ever."""
    source = _Source("endpoint", model, f"/aws/sagemaker/Endpoints/{model}")
    seen: set[str] = set()
    since: dict[str, datetime] = {}
    while True:
        yield from _fresh(source, newest, seen, since)
        if not follow:
            return
        time.sleep(_POLL_S)


def _fresh(
    source: _Source, newest: int, seen: set[str], since: dict[str, datetime]
) -> Iterator[Said]:
    """Yield lines that were not seen yet; at the first time the newest ones."""
    began = since.get(source.job)
    found = logs.printed(source.group, source.prefix, began - _LATE if began else None)
    lines: deque[Line] = deque(
        (line for line in found if line.id not in seen), maxlen=None if began else newest
    )
    for line in lines:
        seen.add(line.id)
        since[source.job] = max(line.at, since.get(source.job, line.at))
        yield Said(source.step, source.job, line.at, line.text.rstrip("\n"))
