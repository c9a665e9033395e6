"""The governor: may a model train now, whoever asks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from everloop.decisions import Decision
from everloop.moments import text
from everloop.names import window_of_run
from everloop.records.run import (
    BELOW_BARS,
    FAILED,
    REGISTERED,
    RUNNING,
    SCHEDULE,
    STOPPED,
    VIOLATION,
    WAITING,
    Run,
)
from everloop.records.window import BAD_FILES

# A run that brought a model to judgement, or is about to; the same data and code bring the same.
_CONCLUSIVE = (RUNNING, REGISTERED, BELOW_BARS)
_USELESS = (BELOW_BARS, FAILED, STOPPED)


@dataclass(frozen=True)
class Limits:
    """What the spec's [retrain] allows."""

    causes: tuple[str, ...]
    cooldown: timedelta
    per_day: int
    per_month: int
    least_new_rows: int
    stop_after_failures: int
    violations_in_a_row: int = 1


# Why no training starts, where that says what a person can do about it.
NO_NEW_DATA, COOLING_DOWN, USELESS = "no-new-data", "cooling-down", "useless"


@dataclass(frozen=True)
class Permission(Decision):
    """Whether a model may train. If not, `later` says that it may another time, by itself;
    `under_way` that a training goes on already; `obstacle` what stands in the way, `until` when.
    """

    later: bool = False
    under_way: bool = False
    obstacle: str = ""
    until: str = ""


def may_train(
    cause: str,
    runs: Sequence[Run],
    limits: Limits,
    now: datetime,
    *,
    fingerprint: tuple[str, str] | None = None,
    name: str = "",
    paused: str = "",
) -> Permission:
    """Decide whether to start a training run.

    `fingerprint` is the digests of data and code where they are known already; `name` is the run
    that is requested: a second request after a lost reply does not refuse what is running.
    `paused` says why nothing may start for the time being.
    """
    if paused:
        return Permission(False, paused, {"later": True}, later=True)
    # What waits for AWS has brought nothing and failed at nothing: it counts once it goes on.
    others = [run for run in runs if run.name != name and run.outcome != WAITING]
    refused = _trained_before(others, fingerprint) or _spent(others, limits, now)
    if refused is not None:
        return refused
    useless = useless_in_a_row(others)
    if useless >= limits.stop_after_failures and cause in (VIOLATION, SCHEDULE):
        return Permission(
            False,
            f"{useless} runs in a row brought no better model: a person must look "
            "(new data or a new push starts again)",
            {"useless_runs": useless},
            obstacle=USELESS,
        )
    if cause == VIOLATION:
        cooled = _cooled_down(others, limits.cooldown, now)
        if not cooled.go:
            return cooled
    return Permission(True, f"within its limits: {len(others)} runs before this one")


def _trained_before(runs: Sequence[Run], fingerprint: tuple[str, str] | None) -> Permission | None:
    """Refuse data and code that were trained before, or are being trained."""
    for run in runs:
        if fingerprint == (run.dataset_digest, run.bundle_digest) and run.outcome in _CONCLUSIVE:
            return Permission(
                False,
                f"the same data and code were trained in {run.name} "
                f"({run.outcome}, started {text(run.started_at)})",
                {"dataset_digest": run.dataset_digest, "bundle_digest": run.bundle_digest},
            )
    return None


def _spent(runs: Sequence[Run], limits: Limits, now: datetime) -> Permission | None:
    """Refuse what the budget of a day, or of 30, has no room for."""
    for length, most, word in ((1, limits.per_day, "day"), (30, limits.per_month, "30 days")):
        spent = sum(1 for run in runs if run.started_at > now - timedelta(days=length))
        if spent >= most:
            return Permission(
                False,
                f"the budget is spent: {spent} runs in the last {word}, {most} allowed",
                {"runs": spent, "allowed": most, "later": True},
                later=True,
            )
    return None


def worth_retraining(
    runs: Sequence[Run],
    limits: Limits,
    now: datetime,
    *,
    new_objects: int,
    new_bytes: int,
    paused: str = "",
    in_a_row: int | None = None,
    trainable: bool = True,
) -> Permission:
    """Decide what a violation is answered with: a new run, or the reason why there is none.

    `in_a_row` is how many looks found one, where a look did; `trainable` is false where no
    training fixes it.
    """
    if not trainable:
        return Permission(
            False, "no training fixes what cannot be read: see what clients send, and how"
        )
    if in_a_row is not None and in_a_row < limits.violations_in_a_row:
        return Permission(
            False,
            f"it was found by {in_a_row} looks in a row; [retrain] violations_in_a_row asks for "
            f"{limits.violations_in_a_row}",
            {"in_a_row": in_a_row, "wanted": limits.violations_in_a_row},
        )
    if VIOLATION not in limits.causes:
        return Permission(
            False, f"[retrain] lets only {', '.join(limits.causes) or 'nobody'} train"
        )
    if new_objects == 0:
        return Permission(
            False,
            "no data has arrived since the last dataset: the same data brings the same model",
            {"new_objects": 0},
            obstacle=NO_NEW_DATA,
        )
    last = max((run.started_at for run in runs if run.outcome != WAITING), default=None)
    if last is not None and now < last:
        return Permission(
            False,
            f"it was found before the last training, which started at {text(last)}",
            {"under_way": True},
            under_way=True,
        )
    rows, how = _rows(runs, new_bytes)
    facts = {"new_objects": new_objects, "new_bytes": new_bytes, "new_rows": rows}
    if rows is not None and not rows >= limits.least_new_rows:
        return Permission(
            False, f"about {rows} new rows ({how}); {limits.least_new_rows} are needed", facts
        )
    allowed = may_train(VIOLATION, runs, limits, now, paused=paused)
    return replace(allowed, facts={**facts, **allowed.facts})


def worth_training_again(
    window: int, digest: str, runs: Sequence[Run], bundle_digest: str, *, told: bool
) -> Decision:
    """Whether a frozen dataset that ended is worth another training: with other code, where
    nothing came of it, or where a person was told that it is the same and wants it all the same.
    """
    trained = _trained_before(runs, (digest, bundle_digest))
    if trained is None:
        return Decision(True, f"window {window} was not trained with this data and code")
    if told:
        return Decision(True, f"{trained.reason}; it is wanted once more", trained.facts)
    return trained


def failed_for_its_code(
    window: int, outcome: str | None, runs: Sequence[Run], bundle_digest: str
) -> bool:
    """Whether a window brought no version, and other code than this was all that it was tried with.

    Bad files count, too: what is bad is the spec's to say.
    """
    if outcome not in (*_USELESS, BAD_FILES):
        return False
    tried = {run.bundle_digest for run in runs if window_of_run(run.name) == window}
    return bool(tried) and bundle_digest not in tried


def useless_in_a_row(runs: Sequence[Run]) -> int:
    """Return how many of the newest runs brought nothing to register."""
    count = 0
    for run in sorted(runs, key=lambda run: run.started_at, reverse=True):
        if run.outcome in (RUNNING, WAITING, BAD_FILES):  # bad files say nothing of a model
            continue
        if run.outcome not in _USELESS:
            break
        count += 1
    return count


def _cooled_down(runs: Sequence[Run], cooldown: timedelta, now: datetime) -> Permission:
    for run in runs:
        if run.outcome == RUNNING:  # or it has just ended, and nobody wrote down when
            reason = f"cooling down: {run.name} is under way, or has just ended"
            return Permission(False, reason, {"under_way": True}, under_way=True)
    last = max((run.ended_at or run.started_at for run in runs), default=None)
    if last is not None and now - last < cooldown:
        until = text(last + cooldown)
        return Permission(
            False,
            f"cooling down until {until}: last training at {text(last)}",
            {"until": until},
            obstacle=COOLING_DOWN,
            until=until,
        )
    return Permission(True, "cooled down")


def _rows(runs: Sequence[Run], new_bytes: int) -> tuple[int | None, str]:
    """Estimate rows from bytes at the last run's bytes per row; nobody has counted them yet."""
    for run in sorted(runs, key=lambda run: run.started_at, reverse=True):
        if run.rows and run.dataset_bytes:
            per_row = run.dataset_bytes / run.rows
            return int(new_bytes / per_row), f"{new_bytes} bytes at {per_row:.1f} bytes a row"
    return None, "no run has counted rows yet"
