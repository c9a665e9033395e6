"""The end of a batch: what became of its window is written down and told, and the next begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from everloop.aws import arrivals, ledger, objects, people, storage
from everloop.aws.settings import settings
from everloop.decisions.infrastructure import met_by_transform, trouble_of
from everloop.decisions.waits import Retry
from everloop.errors import message_of
from everloop.flows import batches, files, instances, report, shortages, withdrawing
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.names import scores, to_score
from everloop.records.installation import Installation
from everloop.records.lease import SCORING
from everloop.records.shortage import Trouble
from everloop.records.window import (
    BAD_FILES,
    FAILED_WITH,
    NOTHING_LEFT,
    SCORED,
    ClosedWindow,
)
from everloop.spec.instances import of_batch, of_job

# What fails by itself is no fault of a version's: reconcile tries it again, a few times.
_OF_A_JOB = "States.TaskFailed"


@dataclass(frozen=True)
class End:
    """What became of a window, and why; `document` is the manifest of its scores."""

    closed: ClosedWindow
    outcome: str
    reason: str
    document: Mapping[str, Any] = field(default_factory=dict)
    seen: files.Files | None = None
    used: Mapping[str, float] | None = None  # instance hours; None where another try had them


def finish(
    installed: Installation,
    number: int,
    execution: str,
    now: datetime,
    batch: Mapping[str, Any] | None,
    error: Mapping[str, Any] | None,
    used: Mapping[str, float],
) -> dict[str, Any]:
    """Write down what became of a batch, tell of it, and start the next.

    {outcome, ok, reason, wait_seconds}: where there are seconds to wait, the machine does.
    """
    model, stream = installed.model, to_score(installed.model)
    closed = arrivals.closed_window(stream, number)
    if closed is None or closed.outcome is not None:  # an earlier try said so already
        known = closed.outcome if closed and closed.outcome else "not-begun"
        return _answer(installed, execution, known, str((error or {}).get("Error") or ""), now)
    place = str((batch or {}).get("files_uri") or "")
    if error is None and not closed.uri:
        arrivals.note_scored(stream, number, place)
        closed = arrivals.closed_window(stream, number) or closed
    if closed.uri:  # whatever went wrong since: to score it again would give its rows twice
        end = replace(scored(model, closed, execution, now), used=used)
        conclude(installed, end, now)
        return _answer(installed, execution, end.outcome, end.reason, now)
    error = error or {}
    lacked = trouble_of(error)
    if lacked is not None:
        retry = _retry(installed, number, lacked, error, batch or {}, now)
        if retry.held:
            ledger.free_lease(model, SCORING, execution)
        return shortages.answer(retry)
    seen = files.recorded(model, place, files.actor(execution), now, "score") if place else None
    reason = f"{error.get('Error')}: {message_of(error)}"
    if seen is not None and seen.bad:
        end = End(closed, BAD_FILES, seen.why, seen=seen, used=used)
    elif error.get("Error") == _OF_A_JOB and (batch or {}).get("version"):
        failed = f"{FAILED_WITH}{(batch or {})['version']}"
        end = End(closed, failed, reason, seen=seen, used=used)
    else:  # something of ours, or of AWS's, broke: another attempt may not
        ledger.free_lease(model, SCORING, execution)
        report.count("ScoringBroke", model=model)
        return {"outcome": "broke", "ok": False, "reason": reason, "wait_seconds": 0}
    conclude(installed, end, now)
    return _answer(installed, execution, end.outcome, end.reason, now)


def scored(model: str, closed: ClosedWindow, execution: str, now: datetime) -> End:
    """Return the end of a window whose jobs all ended well, by what they left."""
    seen = files.recorded(model, closed.uri or "", files.actor(execution), now, "score")
    document = storage.read_json(f"{_folder(model, closed)}/manifest.json")
    rows = f"{document['rows']} rows of {len(document['objects'])} objects"
    reason = f"version {document['model_version']} scored {rows}"
    return End(closed, SCORED, reason, document, seen)


def conclude(installed: Installation, end: End, now: datetime) -> None:
    """Tell people of an end, and write it down; the outcome last, as nobody looks after that."""
    model, stream = installed.model, to_score(installed.model)
    shortages.over(installed, SCORING, now)
    people.notify(_message(model, end), installed.spec, now)
    report.decided(
        "score",
        id=f"{model}:{end.closed.number}:{end.outcome}",
        model=model,
        time=now,
        go=end.outcome == SCORED,
        reason=end.reason,
        facts={
            "window": end.closed.number,
            "outcome": end.outcome,
            "version": end.document.get("model_version"),
            "rows": end.document.get("rows"),
            "objects": len(end.document.get("objects") or ()),
            "set_aside": len(end.seen.set_aside) if end.seen else 0,
            "used": end.used,
        },
        subject=f"{_folder(model, end.closed)}/manifest.json" if end.outcome == SCORED else "",
    )
    if end.seen is not None:
        withdrawing.record(model, end.seen.set_aside, now, "it could not be scored")
        for state in end.seen.set_aside:
            objects.put(stream, state)
    arrivals.note_outcome(stream, end.closed.number, end.outcome)


def go_on(installed: Installation, execution: str, now: datetime) -> None:
    """Give the turn back, and start what came meanwhile."""
    ledger.free_lease(installed.model, SCORING, execution)
    following = batches.start(installed, now)
    logger.info("looked for more to score", go=following.go, why=following.reason)


def _retry(
    installed: Installation,
    number: int,
    lacked: Trouble,
    error: Mapping[str, Any],
    batch: Mapping[str, Any],
    now: datetime,
) -> Retry:
    """Say when the batch is tried again, and let it take another instance where there is one."""
    transform = met_by_transform(error, lacked)
    preferred = of_batch(installed.spec) if transform else of_job(installed.spec, "prepare")
    tried = instances.requested(batch.get("score_on" if transform else "rows_on"))
    following = instances.after(installed, SCORING, preferred, tried, lacked, now)
    return instances.retry(installed, SCORING, str(number), lacked, following, now)


def _message(model: str, end: End) -> Message:
    closed, aside = end.closed, list(end.seen.set_aside) if end.seen else []
    wrong = files.lines([f"{each.key}: {each.reason}" for each in aside])
    id = f"{closed.number}:{end.outcome}"
    if end.outcome == SCORED:
        count, folder = len(end.document["objects"]), _folder(model, closed)
        return Message(
            kind="scored",
            model=model,
            version=end.document["model_version"],
            happened=f"scored {count} {'object' if count == 1 else 'objects'}",
            why="\n".join([f"{end.reason}.", *(["Set aside:", *wrong] if wrong else [])]),
            id=id,
            numbers={"rows": end.document["rows"], "objects": count, "set aside": len(aside)},
            to_do=("Scores and manifest:", f"  aws s3 ls {folder}/"),
            links={"manifest": f"{folder}/manifest.json"},
        )
    kept = (
        "They are kept, and scored by the next version that comes into production.",
        f"  everloop why {model}",
    )
    return Message(
        kind="scoring-failed",
        model=model,
        happened=f"{closed.objects} objects were not scored",
        why="\n".join([end.reason, *wrong]),
        id=id,
        numbers={"objects": closed.objects, "set aside": len(aside)},
        to_do=("Put good files below score/ again.",) if end.outcome == BAD_FILES else kept,
    )


def _folder(model: str, closed: ClosedWindow) -> str:
    return f"s3://{settings().artefact_bucket}/{scores(model, closed.number, closed.closed_at)}"


def _answer(
    installed: Installation, execution: str, outcome: str, reason: str, now: datetime
) -> dict[str, Any]:
    go_on(installed, execution, now)
    ok = outcome in (SCORED, NOTHING_LEFT, BAD_FILES)
    return {"outcome": outcome, "ok": ok, "reason": reason, "wait_seconds": 0}
