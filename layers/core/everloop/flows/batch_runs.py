"""A batch from beginning to end: a window closed and frozen, its jobs, and what came of it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from everloop.aws import arrivals, ledger, objects, people, production, storage
from everloop.aws.settings import settings
from everloop.decisions.infrastructure import met_by_transform, trouble_of
from everloop.decisions.releases import Serving
from everloop.decisions.seals import uri
from everloop.decisions.waits import Retry
from everloop.decisions.windows import chosen, completeness, manifest
from everloop.errors import BadInput, Conflict, message_of
from everloop.flows import batches, files, instances, report, sealing, shortages, withdrawing
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.moments import text
from everloop.names import scores, to_score
from everloop.pipelines.batches import Batch, requests
from everloop.pipelines.transform import scoring
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
from everloop.spec import forms, policy
from everloop.spec.instances import of_batch, of_job

_LEASE = timedelta(hours=49)  # longer than the machine may run
# What fails by itself is no fault of a version's: reconcile tries it again, a few times.
_OF_A_JOB = "States.TaskFailed"


def plan(
    installed: Installation, number: int, execution: str, now: datetime, *, asked: bool
) -> dict[str, Any]:
    """Take the turn, close the window once it is quiet, and return its jobs, or why there are none.

    {go, reason, wait_seconds, batch, rows, score, results}
    """
    model = installed.model
    try:
        ledger.take_lease(model, SCORING, execution, None, now, now + _LEASE)
    except Conflict:
        return _none("another batch of this model is scored; what is left comes after it")
    wait = _close(installed, number, now, asked=asked)
    if wait:
        return {**_none("objects keep arriving"), "wait_seconds": wait}
    closed = arrivals.closed_window(to_score(model), number)
    if closed is None:
        raise BadInput(f"window: {model} has no window {number} of objects to score")
    serving = None if forms.of(installed.spec).has_endpoint else production.serving(installed)
    if closed.outcome is not None:
        return _ended(installed, execution, f"window {number} is {closed.outcome} already", now)
    if serving is None or serving.version is None:
        ledger.free_lease(model, SCORING, execution)  # reconcile starts it once one serves
        return _none("no version is in production; what came is kept until one is")
    frozen = _frozen(installed, closed, now)
    if not frozen["objects"]:
        arrivals.note_outcome(to_score(model), number, NOTHING_LEFT)
        return _ended(installed, execution, f"nothing is left of window {number}", now)
    batch = _batch(installed, closed, serving, frozen, now)
    taken = instances.taken(installed, of_batch(installed.spec), now).choice
    key = settings().kms_key
    count = policy.batch(installed.spec).instances
    how = scoring(installed.spec, taken.instance, key, instances=count)
    made = requests(
        batch,
        installed.spec,
        serving.config,
        how,
        jobs_uri=installed.jobs_uri,
        jobs=(settings().sagemaker_role, settings().region, key),
        instance=instances.taken(installed, of_job(installed.spec, "prepare"), now).choice.instance,
    )
    return {
        "go": True,
        "reason": f"version {serving.version} scores {len(frozen['objects'])} objects",
        "wait_seconds": 0,
        "batch": {
            "version": serving.version,
            "scores_uri": batch.scores_uri,
            "files_uri": batch.files_uri,
            "rows_on": made["rows"]["resources"],
            "score_on": made["score"]["resources"],
        },
        **made,
    }


def finish(
    installed: Installation,
    number: int,
    execution: str,
    now: datetime,
    batch: Mapping[str, Any] | None,
    error: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Write down what became of a batch, tell of it, and start the next.

    {outcome, ok, reason, wait_seconds}: where there are seconds to wait, the machine does.
    """
    model, stream = installed.model, to_score(installed.model)
    closed = arrivals.closed_window(stream, number)
    if closed is None or closed.outcome is not None:  # an earlier try said so already
        known = closed.outcome if closed and closed.outcome else "not-begun"
        return _answer(installed, execution, known, str((error or {}).get("Error") or ""), now)
    lacked = trouble_of(error) if error is not None else None
    if lacked is not None:
        retry = _retry(installed, number, lacked, error or {}, batch or {}, now)
        if retry.held:
            ledger.free_lease(model, SCORING, execution)
        return shortages.answer(retry)
    uri = str((batch or {}).get("files_uri") or "")
    seen = files.recorded(model, uri, files.actor(execution), now, "score") if uri else None
    outcome, reason, document = _outcome(batch, error, seen)
    if outcome is None:  # something of ours, or of AWS's, broke: another attempt may not
        ledger.free_lease(model, SCORING, execution)
        report.count("ScoringBroke", model=model)
        return {"outcome": "broke", "ok": False, "reason": reason, "wait_seconds": 0}
    shortages.over(installed, SCORING, now)
    _tell(installed, closed, outcome, reason, document, seen, now)
    _decide(installed, closed, outcome, reason, document, seen, now)
    if seen is not None:
        withdrawing.record(model, seen.set_aside, now, "it could not be scored")
        for state in seen.set_aside:
            objects.put(stream, state)
    arrivals.note_outcome(stream, number, outcome)
    return _answer(installed, execution, outcome, reason, now)


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


def _close(installed: Installation, number: int, now: datetime, *, asked: bool) -> int:
    """Close a window that is open, or say how many seconds it must stay quiet yet."""
    stream = to_score(installed.model)
    window = arrivals.open_window(stream)
    if window.number < number:
        raise BadInput(f"window: {number} is not open yet; {window.number} is")
    if window.number == number:
        if not window.objects:
            raise BadInput(f"window: {number} of {stream} is empty")
        complete = completeness(window, policy.batch(installed.spec).quiet, now)
        if not complete.complete and not asked:
            return complete.wait_seconds
        reason = "somebody asked for it" if asked else complete.reason
        arrivals.close(stream, window, now, reason, SCORING)
    return 0


def _frozen(installed: Installation, closed: ClosedWindow, now: datetime) -> dict[str, Any]:
    """Choose what is there of a window, as S3 has it now."""
    model, stream = installed.model, to_score(installed.model)
    came = arrivals.arrivals(stream, [closed.number])
    keys = {arrival.key for arrival in came[closed.number]}
    bucket = settings().data_bucket
    listed = storage.versions_among(bucket, f"score/{model}/", keys)
    selection = chosen(came, listed, objects.states(stream))
    return manifest(model, bucket, [closed.number], selection, now)


def _batch(
    installed: Installation,
    closed: ClosedWindow,
    serving: Serving,
    frozen: Mapping[str, Any],
    now: datetime,
) -> Batch:
    """Write down what is scored, and return where everything of it lies."""
    model, bucket, number = installed.model, settings().artefact_bucket, closed.number
    place = scores(model, number, closed.closed_at)
    work = f"{place}/work/{now:%d%H%M%S}"
    storage.write(
        bucket,
        f"{work}/objects/objects.json",
        json.dumps(frozen, ensure_ascii=False).encode(),
        "application/json",
    )
    version = serving.version or 0
    group = installed.pipeline_arn.rpartition(":")[0]
    arn = f"{group}:model-package/{model}/{version}"
    metadata = sealing.metadata(model, version, arn)
    return Batch(
        name=f"{model}-s{number}-{now:%d%H%M%S}",
        model=model,
        window=number,
        version=version,
        time=text(closed.closed_at),
        objects_uri=f"s3://{bucket}/{work}/objects/",
        work_uri=f"s3://{bucket}/{work}",
        scores_uri=f"s3://{bucket}/{place}",
        capture_uri=f"s3://{bucket}/capture/{model}/{model}/AllTraffic",
        bundle_uri=uri(metadata, "bundle-uri", arn),
        baseline_uri=uri(metadata, "baseline-uri", arn),
        predictions_uri=uri(metadata, "predictions-uri", arn),
    )


def _outcome(
    batch: Mapping[str, Any] | None,
    error: Mapping[str, Any] | None,
    seen: files.Files | None,
) -> tuple[str | None, str, Mapping[str, Any]]:
    """Say what became of a batch, why, and what its manifest says; None where nobody knows yet."""
    version = (batch or {}).get("version")
    if error is None:
        document = storage.read_json(f"{(batch or {})['scores_uri']}/manifest.json")
        scored = f"{document['rows']} rows of {len(document['objects'])} objects"
        return SCORED, f"version {version} scored {scored}", document
    if seen is not None and seen.bad:
        return BAD_FILES, seen.why, {}
    reason = f"{error.get('Error')}: {message_of(error)}"
    if error.get("Error") == _OF_A_JOB and version:
        return f"{FAILED_WITH}{version}", reason, {}
    return None, reason, {}


def _decide(
    installed: Installation,
    closed: ClosedWindow,
    outcome: str,
    reason: str,
    document: Mapping[str, Any],
    seen: files.Files | None,
    now: datetime,
) -> None:
    uri = _manifest_uri(installed, closed) if outcome == SCORED else ""
    report.decided(
        "score",
        id=f"{installed.model}:{closed.number}:{outcome}",
        model=installed.model,
        time=now,
        go=outcome == SCORED,
        reason=reason,
        facts={
            "window": closed.number,
            "outcome": outcome,
            "version": document.get("model_version"),
            "rows": document.get("rows"),
            "objects": len(document.get("objects") or ()),
            "set_aside": len(seen.set_aside) if seen else 0,
        },
        subject=uri,
    )


def _tell(
    installed: Installation,
    closed: ClosedWindow,
    outcome: str,
    reason: str,
    document: Mapping[str, Any],
    seen: files.Files | None,
    now: datetime,
) -> None:
    model, aside = installed.model, list(seen.set_aside) if seen else []
    wrong = files.lines([f"{each.key}: {each.reason}" for each in aside])
    id = f"{closed.number}:{outcome}"
    if outcome == SCORED:
        count = len(document["objects"])
        message = Message(
            kind="scored",
            model=model,
            version=document["model_version"],
            happened=f"scored {count} {'object' if count == 1 else 'objects'}",
            why="\n".join([f"{reason}.", *(["Set aside:", *wrong] if wrong else [])]),
            id=id,
            numbers={"rows": document["rows"], "objects": count, "set aside": len(aside)},
            to_do=("Scores and manifest:", f"  aws s3 ls {_folder(installed, closed)}/"),
            links={"manifest": _manifest_uri(installed, closed)},
        )
    else:
        bad = outcome == BAD_FILES
        message = Message(
            kind="scoring-failed",
            model=model,
            happened=f"{closed.objects} objects were not scored",
            why="\n".join([reason, *wrong]),
            id=id,
            numbers={"objects": closed.objects, "set aside": len(aside)},
            to_do=(
                ("Put good files below score/ again.",)
                if bad
                else (
                    "They are kept, and scored by the next version that comes into production.",
                    f"  everloop why {model}",
                )
            ),
        )
    people.notify(message, installed.spec, now)


def _folder(installed: Installation, closed: ClosedWindow) -> str:
    place = scores(installed.model, closed.number, closed.closed_at)
    return f"s3://{settings().artefact_bucket}/{place}"


def _manifest_uri(installed: Installation, closed: ClosedWindow) -> str:
    return f"{_folder(installed, closed)}/manifest.json"


def _none(reason: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("batch", "rows", "score", "results"))
    return {"go": False, "reason": reason, "wait_seconds": 0, **nothing}


def _ended(installed: Installation, execution: str, reason: str, now: datetime) -> dict[str, Any]:
    _next(installed, execution, now)
    return _none(reason)


def _answer(
    installed: Installation, execution: str, outcome: str, reason: str, now: datetime
) -> dict[str, Any]:
    _next(installed, execution, now)
    ok = outcome in (SCORED, NOTHING_LEFT, BAD_FILES)
    return {"outcome": outcome, "ok": ok, "reason": reason, "wait_seconds": 0}


def _next(installed: Installation, execution: str, now: datetime) -> None:
    """Give the turn back, and start what came meanwhile."""
    ledger.free_lease(installed.model, SCORING, execution)
    following = batches.start(installed, now)
    logger.info("looked for more to score", go=following.go, why=following.reason)
