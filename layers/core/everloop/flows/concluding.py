"""Concluding: how a training ended. Whoever lives to see it notifies people and records it.

First the message, then the record: nobody looks again at what is recorded.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop import names
from everloop.aws import arrivals, ledger, people, pipelines, storage
from everloop.aws.settings import settings
from everloop.decisions.governor import useless_in_a_row
from everloop.decisions.infrastructure import trouble
from everloop.decisions.judgement import against_bars
from everloop.decisions.repairs import PATIENCE
from everloop.errors import BadInput
from everloop.flows import (
    awaited,
    files,
    freezing,
    planning,
    report,
    resuming,
    scoring,
    shortages,
    tracking,
)
from everloop.messages import Message
from everloop.records.installation import Installation
from everloop.records.lease import TRAINING
from everloop.records.run import (
    BELOW_BARS,
    FAILED,
    REGISTERED,
    RUNNING,
    STOPPED,
    WAITING,
    Run,
    of_machine,
)
from everloop.records.shortage import Trouble
from everloop.records.window import BAD_FILES, NOTHING_LEFT, REFUSED
from everloop.spec import policy


@dataclass(frozen=True)
class Conclusion:
    """How a training ended, and why; `arn` is the pipeline execution's, if one was started.

    `lacked` is there where it has not ended: AWS lacked what it needs, and it waits.
    """

    outcome: str
    reason: str
    arn: str = ""
    package_arn: str = ""
    lacked: Trouble | None = None
    files: Mapping[str, int] = field(default_factory=dict)  # how many were used, set aside, …
    links: Mapping[str, str] = field(default_factory=dict)  # to what it left for people
    # Which records of features it learned from, by name: how many, until when, their digest.
    features: Mapping[str, Any] = field(default_factory=dict)


def conclusion(installed: Installation, ending: Mapping[str, Any]) -> Conclusion:
    """Return what a run's ending means; `ending` is what the machine that waited is woken with."""
    arn, package = str(ending.get("run") or ""), str(ending.get("package_arn") or "")
    lacked = None
    if ending.get("started") and not package and not ending.get("chosen"):
        lacked = trouble(str(ending.get("reason") or "")) or awaited.lacked(
            installed, arn, str(ending.get("failed_step") or "")
        )
    if lacked is not None:
        return Conclusion(shortages.WAITS, str(ending.get("reason")), arn, lacked=lacked)
    return Conclusion(*_outcome(ending, package), arn, package)


def _outcome(ending: Mapping[str, Any], package: str) -> tuple[str, str]:
    reason, status = str(ending.get("reason") or ""), ending.get("status")
    if not ending.get("started"):
        return NOTHING_LEFT if ending.get("nothing_left") else REFUSED, reason
    if status == "Succeeded" and package:
        return REGISTERED, f"registered {package}"
    if ending.get("failed_step") == names.BELOW_BARS_STEP:
        return BELOW_BARS, f"the candidate missed its bars: {reason}"
    if status == "Succeeded":
        return FAILED, "the pipeline succeeded and registered no package"
    if status == "Stopped":
        return STOPPED, "somebody stopped the pipeline"
    step = f"step {ending['failed_step']}: " if ending.get("failed_step") else ""
    return FAILED, f"the pipeline ended {status}: {step}{reason}"


def with_files(
    installed: Installation, concluded: Conclusion, window: int, time: datetime
) -> tuple[Conclusion, bool]:
    """Look at what the run's job put down of its files; return the conclusion, and whether the
    window is to be trained again.

    Bad files are another end than a failure: they say nothing of the model. A run that failed while
    objects of its dataset were taken out is tried again without them.
    """
    if not concluded.arn or concluded.outcome in (REFUSED, STOPPED):
        return concluded, False
    if concluded.outcome == BELOW_BARS:
        concluded = _with_measures(installed, concluded)
    run_files = files.of_run(installed.model, concluded.arn, time)
    if run_files is not None and run_files.bad and concluded.outcome == FAILED:
        why = run_files.why or "\n".join(files.lines(run_files.refused))
        concluded = dataclasses.replace(concluded, outcome=BAD_FILES, reason=why)
    if concluded.outcome == REGISTERED:
        concluded = dataclasses.replace(
            concluded, features=awaited.learned(installed, concluded.arn)
        )
    if run_files is not None:
        concluded = dataclasses.replace(concluded, files=run_files.counts, links=run_files.links)
        if run_files.without_data and concluded.outcome == REGISTERED:
            left_out = f"; {run_files.without_data} files without data were left out"
            concluded = dataclasses.replace(concluded, reason=concluded.reason + left_out)
    closed = arrivals.closed_window(installed.model, window)
    again = (
        concluded.outcome in (FAILED, BAD_FILES)
        and closed is not None
        and closed.digest is not None
        and freezing.differs(installed, closed, but=files.actor(concluded.arn))
    )
    if run_files is not None:
        files.set_aside(installed, run_files, concluded.arn, time)
    return concluded, again


def _with_measures(installed: Installation, concluded: Conclusion) -> Conclusion:
    """Say what a candidate reached that misses its bars: its pipeline can say only what they are.

    A folder's own pipeline may evaluate elsewhere: then its own words stay.
    """
    run = concluded.arn.rpartition("/")[2]
    place = f"runs/{installed.model}/{run}/evaluation/evaluation.json"
    bars = policy.judgement(installed.spec).bars
    try:
        evaluation = storage.find_json(f"s3://{settings().artefact_bucket}/{place}")
        measures = against_bars(evaluation, bars) if evaluation is not None else ""
    except BadInput as error:
        report.logger.warning("could not read an evaluation", run=concluded.arn, why=str(error))
        return concluded
    if not measures:
        return concluded
    return dataclasses.replace(concluded, reason=f"the candidate missed its bars: {measures}")


def notify(
    installed: Installation,
    concluded: Conclusion,
    runs: Sequence[Run],
    *,
    name: str,
    window: int,
    cause: str,
    time: datetime,
) -> None:
    """Record how a training ended, once for each run; notify people unless it brought a version.

    `name` says who ended: the machine, or the run where no machine lived to see it.
    """
    mine = of_machine(runs, name) or next((run for run in runs if run.name == name), None)
    report.decided(
        "train-end",
        id=concluded.arn or name,
        model=installed.model,
        time=time,
        go=concluded.outcome == REGISTERED,
        reason=concluded.reason,
        facts={
            "outcome": concluded.outcome,
            "cause": cause,
            "window": window,
            "package_arn": concluded.package_arn or None,
            **({"files": dict(concluded.files)} if concluded.files else {}),
            **({"features": dict(concluded.features)} if concluded.features else {}),
            **({"instances": planning.taken(installed, mine.plan)} if mine else {}),
        },
        subject=concluded.arn,
    )
    if concluded.outcome == REGISTERED:
        people.notify(_registered(installed.model, concluded, cause), installed.spec, time)
        return
    if concluded.outcome == BAD_FILES:
        people.notify(_bad_files(installed.model, concluded, window), installed.spec, time)
        return
    useless = useless_in_a_row(runs)
    limit = policy.retrain(installed.spec).stop_after_failures
    why = f"{name}: {concluded.reason}"
    if useless >= limit:
        why += (
            "\nViolations and schedules start no further training until a run brings a version "
            f"({limit} is the limit in [retrain]). New data or a new push of the model's folder "
            "still do."
        )
    people.notify(
        Message(
            kind="below-bars" if concluded.outcome == BELOW_BARS else "training-failed",
            model=installed.model,
            happened=f"training {concluded.outcome}",
            why=why,
            id=concluded.arn or name,
            numbers={"runs in a row without a new version": useless, "limit": limit},
            to_do=("What was decided, and why:", f"  everloop status {installed.model}"),
            links=concluded.links,
        ),
        installed.spec,
        time,
    )


def _registered(model: str, concluded: Conclusion, cause: str) -> Message:
    number = concluded.package_arn.rpartition("/")[2]
    return Message(
        kind="version-registered",
        model=model,
        happened="was registered, and is judged next",
        why=f"{concluded.reason}\nIt was trained because of: {cause}.",
        id=concluded.package_arn,
        version=int(number) if number.isdigit() else None,
        to_do=("Follow it:", f"  everloop watch {model}"),
        links=concluded.links,
    )


def _bad_files(model: str, concluded: Conclusion, window: int) -> Message:
    return Message(
        kind="bad-files",
        model=model,
        happened=f"nothing was trained of window {window}: its files are bad",
        why=f"{concluded.reason}\nThis counts as no failure of the model, and holds nothing up: "
        "the next data that comes is trained.",
        id=concluded.arn,
        to_do=files.what_to_do(model),
        links=concluded.links,
    )


def conclude_lost(
    installed: Installation, runs: Sequence[Run], now: datetime
) -> Iterator[tuple[Run, Conclusion]]:
    """Conclude the runs whose machines died before they saw the end; yield each with its end.

    A run that waits is taken up by the next attempt. Where that made another run, since code or
    data had changed, nobody else looks whether AWS had begun the first after all. It is looked at
    until that is known, and has an end from then on.

    To be called while nobody holds the lease of training.
    """
    newest = max((run.started_at for run in runs), default=now)
    lost = [
        run
        for run in runs
        if run.outcome == RUNNING
        or (run.outcome == WAITING and run.ended_at is None and run.started_at < newest)
    ]
    listed = pipelines.newest(installed.model) if lost else []
    executions = {names.run_of_turn(each.display_name): each for each in reversed(listed)}
    for run in lost:
        execution, window = executions.get(run.name), names.window_of_run(run.name)
        if window is None:
            continue  # a record of an older release; its window was answered by its machine
        if execution is None:
            # Another attempt at it may have begun since the lease was looked at.
            if now - run.started_at < PATIENCE or ledger.lease(installed.model, TRAINING).holder:
                continue
            if run.outcome == WAITING:
                ledger.put_run(installed.model, dataclasses.replace(run, ended_at=now))
                continue  # AWS never began it
            concluded, ended_at = Conclusion(FAILED, "its machine died before it began"), now
        elif execution.ended:
            described = pipelines.describe(execution.arn)
            concluded = conclusion(installed, resuming.ending_of(described))
            ended_at = described.changed_at
        else:
            continue
        if concluded.lacked is not None:  # the next attempt lets it go on, if there is one
            looked_at = ended_at if run.outcome == WAITING else None
            if looked_at:  # another run took its place
                scoring.clear(installed, concluded.arn, run.bundle_digest)
            waits = dataclasses.replace(run, outcome=WAITING, ended_at=looked_at)
            ledger.put_run(installed.model, waits)
            continue
        concluded, again = with_files(installed, concluded, window, now)
        ended = dataclasses.replace(run, outcome=concluded.outcome, ended_at=ended_at)
        ended = tracking.noted(installed, ended, concluded.arn, concluded.package_arn)
        others = [other for other in runs if other.name != run.name]
        notify(
            installed,
            concluded,
            [*others, ended],
            name=run.name,
            window=window,
            cause=run.cause,
            time=now,
        )
        scoring.clear(installed, concluded.arn, run.bundle_digest)
        ledger.put_run(installed.model, ended)
        if not again and _answers(concluded, ended, window, others):
            arrivals.note_outcome(installed.model, window, concluded.outcome)
        yield ended, concluded


def _answers(concluded: Conclusion, ended: Run, window: int, others: Sequence[Run]) -> bool:
    """Whether a window is answered by this run: its last one, if that ran to its end."""
    if not concluded.arn or concluded.outcome == STOPPED:
        return False  # it is tried again
    return not any(
        names.window_of_run(other.name) == window and other.started_at > ended.started_at
        for other in others
    )
