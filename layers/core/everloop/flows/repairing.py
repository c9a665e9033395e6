"""Repairing a model: each place where an event may be lost is looked at, and taken on from."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from everloop import names
from everloop.aws import (
    approvals,
    arrivals,
    endpoints,
    functions,
    ledger,
    machines,
    monitoring,
    pipelines,
    production,
    registry,
    schedules,
)
from everloop.aws.alarms import Alarm
from everloop.aws.scaling import Scaled
from everloop.decisions import Decision
from everloop.decisions.approvals import APPROVED, PENDING
from everloop.decisions.monitoring import overdue
from everloop.decisions.releases import ReleaseDecision
from everloop.decisions.repairs import PATIENCE, RUNNING, SUCCEEDED, is_abandoned, next_attempt
from everloop.errors import BadInput, NoCapacity, NotReady
from everloop.flows import (
    alarming,
    batches,
    clearing,
    collecting,
    concluding,
    judging,
    making,
    reinstalling,
    releasing,
    resuming,
    scaling,
    shortages,
    training,
)
from everloop.moments import text
from everloop.records.installation import Installation
from everloop.records.lease import RELEASE, SCORING, TRAINING, Lease
from everloop.records.run import DATA
from everloop.records.shortage import judgement
from everloop.spec import forms, policy

MONITOR = "monitor"
_JUDGEMENTS = 3  # that fail before a person must look


@dataclass(frozen=True)
class Repair:
    """What was repaired, and why; or, where `stuck` names the fact, what only people can repair."""

    subject: str
    reason: str
    stuck: str = ""
    made_again: bool = False  # people hear of that: somebody deletes what we need


@dataclass(frozen=True)
class _Waits:
    """A window that waits for its training: since when, and which attempt is the latest."""

    number: int
    attempt: int
    since: datetime
    cause: str


def repairs(
    installed: Installation,
    now: datetime,
    known: Mapping[str, Alarm] | None = None,
    scaled: Mapping[str, Scaled] | None = None,
) -> Iterator[Repair]:
    """Repair what is to be repaired of a model, and yield each thing that was.

    `known` are the stack's alarms by name, and `scaled` is what AWS scales by endpoint; None where
    nobody could list them.
    """
    troubled: list[Exception] = []  # what must not keep the rest, and is raised at the end
    yield from _apart(_reinstalled(installed, now), "installation", now, troubled)
    yield from _lease(installed, TRAINING, now)
    yield from _window(installed, now)
    yield from _reproduction(installed, now)
    yield from _judgements(installed, now)
    lease = yield from _lease(installed, RELEASE, now)
    yield from _made_again(installed)
    yield from _batch(installed, now)
    decision = yield from _release(installed, now)
    if lease.left_behind and decision.looked and not decision.go:
        yield from _apart(_left_behind(installed, now), "left behind", now, troubled)
    yield from _schedule(installed)
    yield from _monitor(installed, now)
    if known is not None:
        yield from _apart(_alarms(installed, decision, known, now), "alarms", now, troubled)
    if scaled is not None and decision.looked and not decision.go:
        yield from _apart(_scaling(installed, decision, scaled), "scaling", now, troubled)
    if troubled:
        raise troubled[0]


def _apart(
    repaired: Iterator[Repair], subject: str, now: datetime, troubled: list[Exception]
) -> Iterator[Repair]:
    """Repair what others do not need; what only a person can repair is reported, once a day."""
    try:
        yield from repaired
    except (BadInput, NoCapacity) as error:
        yield Repair(subject, f"cannot be made again: {error}", f"{subject}:{now:%Y-%m-%d}")
    except Exception as error:  # raised once all else is repaired
        troubled.append(error)


def _lease(installed: Installation, kind: str, now: datetime) -> Generator[Repair, None, Lease]:
    """Look at who holds a lease; return it as it was found."""
    lease = ledger.lease(installed.model, kind)
    if lease.holder:
        yield from _held(installed, kind, lease, now)
    return lease


def _held(installed: Installation, kind: str, lease: Lease, now: datetime) -> Iterator[Repair]:
    model = installed.model
    status = machines.status(lease.holder)
    name = lease.holder.rpartition(":")[2]
    if is_abandoned(lease, status, now):
        if ledger.lease(model, kind) != lease:
            return  # another look was first: what is in staging by now is the next release's
        if kind == RELEASE and not _staging_is_gone(installed):
            return  # the next tick tries again; until then nobody else releases
        if ledger.free_lease(model, kind, lease.holder):
            yield Repair(name, f"{name} is {status or 'gone'} and still held the {kind} lease")
        return
    outcome = _resume(lease, now)
    if outcome.startswith("woke"):
        yield Repair(lease.waits_for, f"{outcome}; its event was lost")


def _staging_is_gone(installed: Installation) -> bool:
    """Delete what a dead release has left in staging; nobody else does if no other follows."""
    if policy.deploy(installed.spec).keep_staging:
        return True
    try:
        endpoints.delete(names.staging_endpoint(installed.model))
    except NotReady:
        return False  # it is still being created
    return True


def _resume(lease: Lease, now: datetime) -> str:
    if not lease.waits_for or (lease.since and now - lease.since < PATIENCE):
        return ""
    before = now - PATIENCE
    if lease.waits_for.startswith("endpoint/"):
        return resuming.resume_after_endpoint(
            lease.waits_for.removeprefix("endpoint/"), before=before
        )
    return resuming.resume_after_run(lease.waits_for, before=before)


def _window(installed: Installation, now: datetime) -> Iterator[Repair]:
    """Start the training of a window that is frozen and untrained, else of the open one.

    What was given up keeps nothing behind it: neither an older window, whose data its dataset has
    not, nor the open one.
    """
    model = installed.model
    if ledger.lease(model, TRAINING).held(now):
        return  # its end looks for what is left over
    runs = ledger.runs(model)
    for run, concluded in concluding.conclude_lost(installed, runs, now):
        yield Repair(run.name, f"nobody saw {run.name} end: {concluded.reason}")
        training.open_for_other_code(installed)
        runs = ledger.runs(model)
    given_up = set(training.held_windows(installed))
    while (last := training.untrained(installed, given_up)) is not None:
        waits = _Waits(last.number, last.attempt, last.closed_at, last.cause)
        allowed = training.may_train_frozen(installed, last, runs, now)
        if not (yield from _attempt(installed, waits, allowed, now)):
            return
        given_up.add(last.number)
    window = arrivals.open_window(model)
    if window.objects and window.last_at is not None:
        waits = _Waits(window.number, window.attempt, window.last_at, DATA)
        yield from _attempt(installed, waits, training.trains_on_data(installed, runs), now)
    elif window.marker and window.marked_at and now - window.marked_at > PATIENCE:
        collecting.notify_lone_marker(installed, window.marker, window.marked_at, now)


def _attempt(
    installed: Installation, waits: _Waits, allowed: Decision, now: datetime
) -> Generator[Repair, None, bool]:
    """Start another attempt at a window if it needs one; return whether it was given up."""
    if not allowed.go:
        return False
    name = names.train_execution(installed.model, waits.number, waits.attempt)
    status = machines.status(machines.execution_arn(machines.TRAIN, name))
    decision = next_attempt(waits.attempt, status, waits.since, now)
    what = f"the training of window {waits.number} {decision.reason}"
    if decision.given_up:
        yield Repair(name, what, f"gave-up:{name}")
        return True
    if decision.go:
        following = decision.attempt
        arrivals.set_attempt(installed.model, waits.number, following)
        arn = training.start(installed, waits.number, following, waits.cause, 0)
        yield Repair(arn, what)
    return False


def _judgements(installed: Installation, now: datetime) -> Iterator[Repair]:
    packages = registry.packages(installed.model)
    pending = {package.arn for package in packages if package.approval == PENDING}
    approved = {package.arn for package in packages if package.approval == APPROVED}
    shortages.end_settled(installed, pending, approved, now)
    for package in packages:
        if package.status != "Completed" or package.approval != PENDING:
            continue
        let_go = shortages.let_go(installed, judgement(package.version))
        attempt, failed = 0, 0
        while failed < _JUDGEMENTS:
            attempt += 1
            name = names.evaluate_execution(package.model, package.version, package.arn, attempt)
            status = machines.status(machines.execution_arn(machines.EVALUATE, name))
            if status == SUCCEEDED and let_go and let_go.subject == package.arn:
                continue  # it ended since AWS lacked what it needs, and that may be over
            if status in (None, RUNNING, SUCCEEDED):
                break
            failed += 1
        else:
            what = f"the judgement of version {package.version} is {status} after three attempts"
            yield Repair(package.arn, what, f"gave-up:{name}")
            continue
        if status is not None or now - package.modified_at < PATIENCE:
            continue
        started = judging.start_evaluation(package, attempt)
        if started.go:
            yield Repair(package.arn, f"version {package.version} waited for judgement")


def _reproduction(installed: Installation, now: datetime) -> Iterator[Repair]:
    """Let a version that was trained again be compared, where no event told of its end."""
    begun = installed.reproduction
    if begun is None or now - begun.started_at < PATIENCE:
        return
    ended = "it was not started"
    if begun.execution:
        try:
            execution = pipelines.describe(begun.execution)
        except pipelines.ExecutionGone:
            ended = "its execution is gone"
        else:
            if not execution.ended or now - execution.changed_at < PATIENCE:
                return
            ended = f"its execution is {execution.status}"
    functions.start("reproduce-version", {"model": installed.model, "time": text(now)})
    yield Repair(begun.name, f"{begun.name} was not compared: {ended}")


def _reinstalled(installed: Installation, now: datetime) -> Iterator[Repair]:
    """Make again what a push made, if somebody deleted it: trainings need it."""
    try:
        for made in reinstalling.reinstall(installed, now):
            yield Repair("installation", made, made_again=True)
    except reinstalling.NothingLeft as lost:
        yield Repair("installation", str(lost), f"lost:{installed.bundle_digest}")


def _made_again(installed: Installation) -> Iterator[Repair]:
    """Make again what production serves from, if somebody deleted it."""
    serving = production.serving(installed)
    if serving is None or serving.status != "InService":
        return
    has_endpoint = forms.of(installed.spec).has_endpoint
    subject = f"endpoint/{installed.model}" if has_endpoint else f"model/{serving.config}"
    try:
        if has_endpoint:
            restored = making.restore(installed, serving)
        else:
            restored = making.restore_model(installed, serving)
    except BadInput as error:  # not ours: a release gets on with something in its place
        if serving.version is not None:
            yield Repair(subject, str(error), f"lost:{serving.config}")
        return
    if restored:
        yield Repair(subject, restored, made_again=True)


def _release(installed: Installation, now: datetime) -> Generator[Repair, None, ReleaseDecision]:
    """Start the release that is due; return what was decided."""
    decision = releasing.start_wanted(installed, "reconcile", now)
    if decision.new:
        yield Repair(decision.execution, decision.reason)
    elif decision.stays:
        which = decision.stays
        word = approvals.all_of(installed.model).get(decision.serving or 0)
        if word is not None:  # reported once for each time that it is withdrawn
            which += f":{text(word.at)}"
        yield Repair(f"endpoint/{installed.model}", decision.reason, f"stays:{which}")
    return decision


def _batch(installed: Installation, now: datetime) -> Iterator[Repair]:
    """Start the scoring of what came, and of what was closed and is not scored."""
    if forms.of(installed.spec).has_endpoint:
        return
    yield from _lease(installed, SCORING, now)
    repaired = batches.repair(installed, now)
    if repaired is not None:
        name, attempt = repaired
        stuck = f"gave-up:{name}" if attempt.given_up else ""
        yield Repair(name, f"the scoring of a window {attempt.reason}", stuck)


def _left_behind(installed: Installation, now: datetime) -> Iterator[Repair]:
    """Delete what a release should have, when it ended, and could not."""
    gone = clearing.clear_left_behind(installed, now)
    if gone:
        yield Repair("left behind", f"{', '.join(gone)}: a release that ended could not delete it")


def _alarms(
    installed: Installation, decision: ReleaseDecision, known: Mapping[str, Alarm], now: datetime
) -> Iterator[Repair]:
    # While a release is under way, its own steps see to the endpoint's alarms.
    if not decision.go and decision.looked:
        for done in alarming.repair(installed, known, serves=decision.serves):
            yield Repair("alarms", done)
        alarming.catch_up(installed, known, now)


def _scaling(
    installed: Installation, decision: ReleaseDecision, scaled: Mapping[str, Scaled]
) -> Iterator[Repair]:
    # While a release is under way nothing scales, and its end sees to that.
    for done in scaling.repair(installed, scaled, serves=decision.serving is not None):
        yield Repair("scaling", done)


def _schedule(installed: Installation) -> Iterator[Repair]:
    wanted = (
        ("the monitor's", schedules.MONITOR, policy.monitor_schedule(installed.spec)),
        ("the training's", schedules.TRAIN, policy.training_schedule(installed.spec)),
        ("the scoring's", schedules.SCORE, policy.scoring_schedule(installed.spec)),
    )
    for whose, kind, expression in wanted:
        if expression is not None and schedules.state(installed.model, kind) is None:
            schedules.ensure(installed.model, kind, expression)
            yield Repair("schedule", f"{whose} schedule was missing", made_again=True)


def _monitor(installed: Installation, now: datetime) -> Iterator[Repair]:
    requested_at = monitoring.last_request(installed.model)
    if requested_at is None:
        monitoring.note_request(installed.model, now)  # from here on it counts
        return
    decision = overdue(policy.monitor_schedule(installed.spec), requested_at, now)
    if decision.go:
        state = schedules.state(installed.model, schedules.MONITOR)
        reason = f"{decision.reason}; its schedule is {state}"
        yield Repair(MONITOR, reason, f"overdue:{text(requested_at)}")
