"""The beginning of a batch: a window is closed and frozen, and its jobs are planned."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from everloop.aws import arrivals, ledger, objects, production, storage
from everloop.aws.settings import settings
from everloop.decisions.releases import Serving
from everloop.decisions.seals import uri
from everloop.decisions.windows import chosen, completeness, manifest
from everloop.errors import BadInput, Conflict
from everloop.flows import batch_ends, instances, sealing
from everloop.moments import text
from everloop.names import scores, to_score, work_of
from everloop.pipelines.batches import Batch, requests
from everloop.pipelines.transform import scoring
from everloop.records.installation import Installation
from everloop.records.lease import SCORING
from everloop.records.window import NOTHING_LEFT, ClosedWindow
from everloop.spec import forms, policy
from everloop.spec.instances import of_batch, of_job

_LEASE = timedelta(hours=49)  # longer than the machine may run


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
    if installed.paused:  # since the machine was started, or while it waited
        ledger.free_lease(model, SCORING, execution)
        return _none(installed.paused)
    wait = _close(installed, number, now, asked=asked)
    if wait:
        return {**_none("objects keep arriving"), "wait_seconds": wait}
    closed = arrivals.closed_window(to_score(model), number)
    if closed is None:
        raise BadInput(f"window: {model} has no window {number} of objects to score")
    serving = None if forms.of(installed.spec).has_endpoint else production.serving(installed)
    if closed.outcome is not None:
        return _ended(installed, execution, f"window {number} is {closed.outcome} already", now)
    if closed.uri:  # its jobs ended, and nobody lived to write down more
        end = batch_ends.scored(model, closed, execution, now)
        batch_ends.conclude(installed, end, now)
        return _ended(installed, execution, end.reason, now)
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
    work = f"{work_of(place)}/{now:%d%H%M%S}"
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


def _none(reason: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("batch", "rows", "score", "results"))
    return {"go": False, "reason": reason, "wait_seconds": 0, **nothing}


def _ended(installed: Installation, execution: str, reason: str, now: datetime) -> dict[str, Any]:
    batch_ends.go_on(installed, execution, now)
    return _none(reason)
