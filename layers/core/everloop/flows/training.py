"""Training: start the machine of a window, and start it again where something was left undone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from everloop import names
from everloop.aws import arrivals, ledger, machines, pipelines
from everloop.decisions import Decision
from everloop.decisions.governor import failed_for_its_code, may_train
from everloop.decisions.infrastructure import trouble
from everloop.decisions.windows import GIVEN_UP, completeness, left_over, trained_with
from everloop.flows import awaited, shortages
from everloop.records.installation import Installation
from everloop.records.lease import TRAINING
from everloop.records.run import DATA, REGISTERED, VIOLATION, Run
from everloop.records.window import ClosedWindow, Window
from everloop.spec import policy


@dataclass(frozen=True)
class TrainingStart:
    """What became of the wish to train, and the execution it led to."""

    decision: Decision
    execution: str = ""


@dataclass(frozen=True)
class Plan:
    """A training that may be started: an attempt at a window, and how long it waits for quiet.

    One of a window that is `frozen` is noted there first. To begin it twice is to begin it once.
    """

    decision: Decision
    window: int = 0
    attempt: int = 0
    cause: str = ""
    quiet: int = 0
    frozen: bool = False


def start(installed: Installation, window: int, attempt: int, cause: str, quiet: int) -> str:
    """Start the train machine of a window; the same attempt twice is one. Return its ARN."""
    name = names.train_execution(installed.model, window, attempt)
    payload = {
        "model": installed.model,
        "window": window,
        "cause": cause,
        "quiet_seconds": quiet,
    }
    return machines.start(machines.TRAIN, name, payload).arn


def begin(installed: Installation, planned: Plan) -> TrainingStart:
    """Start what was planned, if it was decided to."""
    if not planned.decision.go:
        return TrainingStart(planned.decision)
    if planned.frozen:
        arrivals.set_attempt(installed.model, planned.window, planned.attempt)
    arn = start(installed, planned.window, planned.attempt, planned.cause, planned.quiet)
    return TrainingStart(planned.decision, arn)


def take_up(installed: Installation, arn: str) -> None:
    """Let a run go on where AWS lacked what it needed; what its steps brought so far stays."""
    execution = pipelines.describe(arn)
    if not execution.ended:
        return
    ending = pipelines.ending(arn)
    if ending.package_arn or ending.chosen:
        return
    lacked = trouble(ending.reason or execution.failure_reason) or awaited.lacked(
        installed, arn, ending.failed_step
    )
    if lacked is not None:
        pipelines.resume(execution)


def start_on_data(installed: Installation, window: Window, now: datetime) -> TrainingStart:
    """Start what arrivals call for, unless a training runs (its end will look again)."""
    return begin(installed, _plan_on_data(installed, window, now))


def _plan_on_data(installed: Installation, window: Window, now: datetime) -> Plan:
    if not window.objects:
        return Plan(Decision(False, f"window {window.number} is empty"))
    decision = trains_on_data(installed, ledger.runs(installed.model))
    if not decision.go:
        return Plan(decision)
    return plan_open(installed, window, DATA, now)


def start_on_violation(installed: Installation, window: Window, now: datetime) -> TrainingStart:
    """Start what a violation calls for, on what has arrived."""
    if not window.objects:
        return start_left_over(installed, now)
    return start_open(installed, window, VIOLATION, now)


def start_open(installed: Installation, window: Window, cause: str, now: datetime) -> TrainingStart:
    return begin(installed, plan_open(installed, window, cause, now))


def plan_open(installed: Installation, window: Window, cause: str, now: datetime) -> Plan:
    lease = ledger.lease(installed.model, TRAINING)
    if lease.held(now):
        holder = lease.holder.rpartition(":")[2]
        return Plan(Decision(False, f"{holder} is training; what arrived is in the next dataset"))
    quiet = completeness(window, policy.data(installed.spec).quiet, now).wait_seconds
    decision = Decision(True, f"{window.objects} objects wait in window {window.number}")
    return Plan(decision, window.number, window.attempt, cause, quiet)


def trains_on_data(installed: Installation, runs: list[Run]) -> Decision:
    """Whether arrivals alone start a training: if the spec says so, or nothing is trained yet."""
    if installed.paused:
        return Decision(False, installed.paused)
    if DATA in policy.retrain(installed.spec).causes:
        return Decision(True, "[retrain] lets data train")
    if not any(run.outcome == REGISTERED for run in runs):
        return Decision(True, "no version exists yet")
    return Decision(False, "[retrain] lets data alone not train; it waits for another cause")


def untrained(installed: Installation, given_up: Collection[int] = ()) -> ClosedWindow | None:
    """Return the newest frozen window that nobody trained on, itself or in a later dataset.

    A window that was given up, or is held, is passed over, with those whose data is in its dataset:
    people were notified of them all.
    """
    windows = arrivals.newest_closed(installed.model)
    answered = [
        (number, GIVEN_UP if number in given_up else outcome)
        for number, outcome in _outcomes(windows)
    ]
    number = left_over(answered, policy.data(installed.spec).keep)
    return next((closed for closed in windows if closed.number == number), None)


def held_windows(installed: Installation) -> range:
    """Return the windows that nobody tries until something changes: AWS lacks what they need.

    A drop, a push and `everloop resume` are such changes.
    """
    held = shortages.held(installed, TRAINING)
    return range(1, int(held.subject) + 1) if held else range(0)


def trained_since(installed: Installation, window: int) -> int | None:
    """Return the later window, if there is one, whose training had this one's data, too."""
    outcomes = _outcomes(arrivals.newest_closed(installed.model))
    return trained_with(window, outcomes, policy.data(installed.spec).keep)


def _outcomes(windows: list[ClosedWindow]) -> list[tuple[int, str | None]]:
    return [(closed.number, closed.outcome) for closed in windows]


def may_train_frozen(
    installed: Installation, closed: ClosedWindow, runs: list[Run], now: datetime
) -> Decision:
    """Whether a window that is frozen and untrained may be trained now.

    Its own run may be known already, from an attempt that died: it has its place in the budget.
    """
    name = ""
    if closed.digest:
        fingerprint = (closed.digest, installed.bundle_digest)
        name = names.training_run(installed.model, closed.number, *fingerprint, closed.again)
    limits = policy.retrain(installed.spec)
    return may_train(DATA, runs, limits, now, name=name, paused=installed.paused)


def start_left_over(installed: Installation, now: datetime, *, but: int = 0) -> TrainingStart:
    """Start the training of what was frozen and not trained, else of what has arrived meanwhile.

    `but` is the window that just ended.
    """
    return begin(installed, plan_left_over(installed, now, but=but))


def plan_left_over(installed: Installation, now: datetime, *, but: int = 0) -> Plan:
    model = installed.model
    last = untrained(installed, held_windows(installed))
    if last is not None and last.number != but:
        allowed = may_train_frozen(installed, last, ledger.runs(model), now)
        if not allowed.go:
            return Plan(allowed)
        decision = Decision(True, f"window {last.number} is frozen and was not trained")
        return Plan(decision, last.number, last.attempt + 1, last.cause, frozen=True)
    return _plan_on_data(installed, arrivals.open_window(model), now)


def start_after_push(installed: Installation, now: datetime) -> TrainingStart:
    """Train again what failed for its code, now that there is other code; else what waits."""
    open_for_other_code(installed)
    if ledger.lease(installed.model, TRAINING).held(now):
        return TrainingStart(Decision(False, "a training runs; its end looks at what is left over"))
    return start_left_over(installed, now)


def start_after_end(model: str, window: int, now: datetime) -> TrainingStart:
    """Train what waits, once a window's training ended: that window with the code of a push that
    came meanwhile, if it failed for the code before, else what is left over.
    """
    installed = ledger.installed(model)  # as it is now: a push looks at outcomes that are written
    again = open_for_other_code(installed)
    return start_left_over(installed, now, but=0 if again else window)


def open_for_other_code(installed: Installation) -> bool:
    """Let the newest window be trained again, if it failed for other code than there is now.

    An older window's data is in its dataset, or was given up with it.
    """
    last = arrivals.last_closed(installed.model)
    if last is None or not failed_for_its_code(
        last.number, last.outcome, ledger.runs(installed.model), installed.bundle_digest
    ):
        return False
    assert last.outcome is not None
    return arrivals.clear_outcome(installed.model, last.number, last.outcome)
