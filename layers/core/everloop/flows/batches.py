"""Batches: what came below score/ gathers in windows, and one window is scored after the other.

They are windows as those of datasets: each version of each object is in exactly one, whatever event
comes again. A window is closed by the machine that scores it, and has an outcome when it is scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from everloop import names
from everloop.aws import arrivals, ledger, machines, people, production
from everloop.decisions import Decision
from everloop.decisions.infrastructure import description
from everloop.decisions.repairs import NextAttempt, next_attempt
from everloop.flows import report, shortages
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.names import digest, to_score
from everloop.records.arrival import Arrival
from everloop.records.installation import Installation
from everloop.records.lease import SCORING
from everloop.records.window import FAILED_WITH, ClosedWindow
from everloop.spec import forms, policy

_LOOKED_AT = 500  # closed windows: ten days of a version that fails at each, 48 a day
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Waiting(Decision):
    """Whether something is scored now: which window, and which attempt at it is the latest."""

    window: int = 0
    attempt: int = 1
    since: datetime | None = None


def collect(
    model: str, installed: Installation | None, came: Sequence[Arrival], now: datetime
) -> None:
    """Put what came into the open window, and start what scores it."""
    added = arrivals.add(to_score(model), came)
    report.count("ObjectsToScore", model=model, value=added)
    logger.info("collected what is to be scored", model=model, objects=len(came), new=added)
    if installed is None or forms.of(installed.spec).has_endpoint:
        if added:
            _notify_kept(model, installed, came, now)
        return
    decision = start(installed, now)
    logger.info("looked at scoring", model=model, go=decision.go, why=decision.reason)


def start(installed: Installation, now: datetime, *, asked: bool = False) -> Decision:
    """Start the machine that scores what waits, if nothing else does; `asked` waits for nothing."""
    waiting = waits(installed, now, asked=asked)
    if not waiting.go:
        return waiting
    begin(installed, waiting, asked=asked)
    return waiting


def begin(installed: Installation, waiting: Waiting, *, asked: bool = False) -> str:
    """Start the machine of an attempt; the same attempt is one however often."""
    name = names.score_execution(installed.model, waiting.window, waiting.attempt)
    payload = {"model": installed.model, "window": waiting.window, "asked": asked}
    return machines.start(machines.SCORE, name, payload).arn


def waits(installed: Installation, now: datetime, *, asked: bool = False) -> Waiting:
    """Say which window is scored next, and whether it may be now."""
    against = _against(installed, now)
    if against:
        return Waiting(False, against)
    model, rules = to_score(installed.model), policy.batch(installed.spec)
    serving = production.serving(installed)
    if serving is None or serving.version is None:
        return Waiting(False, "no version is in production; what came is kept until one is")
    closed = arrivals.newest_closed(model, max(_LOOKED_AT, rules.per_day))
    today = sum(now - each.closed_at < _DAY for each in closed)
    again = _unanswered(model, closed, serving.version)
    if again is not None:
        reason = f"window {again.number} is closed and was not scored"
        return Waiting(True, reason, {}, again.number, again.attempt, again.closed_at)
    window = arrivals.open_window(model)
    if not window.objects:
        return Waiting(False, "nothing came that is not scored")
    if rules.schedule and not asked:
        return Waiting(False, f"{window.objects} objects wait for {rules.schedule}")
    if today >= rules.per_day:
        return Waiting(
            False,
            f"{today} batches were begun within a day, and deploy.batch.per_day is "
            f"{rules.per_day}; {window.objects} objects wait",
        )
    return Waiting(
        True,
        f"{window.objects} objects wait in window {window.number}",
        window=window.number,
        attempt=window.attempt,
        since=window.last_at,
    )


def repair(installed: Installation, now: datetime) -> tuple[str, NextAttempt] | None:
    """Start another attempt at what waits and nobody scores; None where nothing is to be done."""
    waiting = waits(installed, now)
    if not waiting.go or waiting.since is None:
        return None
    name = names.score_execution(installed.model, waiting.window, waiting.attempt)
    status = machines.status(machines.execution_arn(machines.SCORE, name))
    following = next_attempt(waiting.attempt, status, waiting.since, now)
    if following.given_up:
        serving = production.serving(installed)
        version = serving.version if serving else 0
        stream = to_score(installed.model)
        if arrivals.closed_window(stream, waiting.window) is None:
            return None  # it is open yet: what comes into it starts another attempt
        arrivals.note_outcome(stream, waiting.window, f"{FAILED_WITH}{version}")
        return name, following
    if not following.go:
        return None
    arrivals.set_attempt(to_score(installed.model), waiting.window, following.attempt)
    begin(installed, replace(waiting, attempt=following.attempt))
    return name, following


def _against(installed: Installation, now: datetime) -> str:
    """Say why nothing is scored now; empty where it may be."""
    if forms.of(installed.spec).has_endpoint:
        return "an endpoint serves this model; nothing is scored in batches"
    if installed.paused:
        return installed.paused
    held = shortages.held(installed, SCORING)
    if held is not None:
        return f"scoring is held: {description(held.trouble)}"
    lease = ledger.lease(installed.model, SCORING)
    if lease.held(now):
        holder = lease.holder.rpartition(":")[2]
        return f"{holder} scores; what came meanwhile is scored when it ends"
    return ""


def _unanswered(model: str, closed: Sequence[ClosedWindow], version: int) -> ClosedWindow | None:
    """Return the oldest window without scores; what failed with another version is tried again."""
    for window in reversed(closed):
        if window.outcome is None:
            return window
        failed = window.outcome.startswith(FAILED_WITH)
        if failed and window.outcome != f"{FAILED_WITH}{version}":
            if arrivals.clear_outcome(model, window.number, window.outcome):
                arrivals.set_attempt(model, window.number, window.attempt + 1)
            return arrivals.closed_window(model, window.number)
    return None


def _notify_kept(
    model: str, installed: Installation | None, came: Sequence[Arrival], now: datetime
) -> None:
    why = f"no model {model!r} is installed"
    if installed is not None:
        why = f"{model} is served by an endpoint, and scores nothing in batches"
    reason = f"{why}; {len(came)} objects below score/{model}/ are kept"
    report.decided(
        "collect",
        id=digest(sorted(arrival.id for arrival in came)),
        model=model,
        time=now,
        go=False,
        reason=reason,
        facts={"objects": len(came)},
    )
    people.notify(
        Message(
            kind="data-waits",
            model=model,
            happened="objects came to be scored, and nothing scores them",
            why=f"{reason}, and scored once it serves in batches.",
            id="not-in-batches",
            to_do=(
                'To let it score them: [deploy] serve = "batch" in model.toml, and',
                f"  everloop push models/{model}",
            ),
        ),
        installed.spec if installed else None,
        now,
    )
