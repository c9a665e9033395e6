"""Pushes that no event reported: as with data, S3 has them; whoever installs is called again."""

from dataclasses import replace
from datetime import datetime

from everloop.aws import functions, shortages, storage
from everloop.aws.settings import settings
from everloop.decisions.objects import ListedVersion
from everloop.decisions.sweeping import PATIENCE, is_new
from everloop.facts import OBJECT_CREATED, is_model_name
from everloop.flows import report
from everloop.flows.shortages import PUSHED_AGAIN
from everloop.moments import text
from everloop.records.shortage import PUSH
from everloop.records.sweep import Sweep

_PREFIX, _BUNDLE = "models/", "bundle.tar.gz"


def find(sweep: Sweep, now: datetime) -> None:
    """Have those pushes installed, or refused, that are new since the last pass and were neither.

    Each is requested once: what fails then lies in the queue of failed events. What waits for a
    quota is requested each day.
    """
    bucket = settings().data_bucket
    for key, modified in storage.listed(bucket, _PREFIX):
        parts = key.split("/")
        if len(parts) != 3 or parts[2] != _BUNDLE or not is_model_name(parts[1]):
            continue
        waits = shortages.find(parts[1], PUSH)
        if now - modified <= PATIENCE or (waits is None and not is_new(sweep, modified)):
            continue
        newest = next((one for one in storage.versions_of(bucket, key) if one.latest), None)
        if newest is None or newest.marker:
            continue  # it was deleted meanwhile
        model, id = parts[1], f"{parts[1]}:{newest.version_id}"
        request_id = f"{model}:push:{newest.version_id}"
        if report.was_decided("install", id=id, model=model):
            continue
        if waits is not None and waits.subject == newest.version_id and waits.until:
            if now < waits.until:
                continue
            request_id += f":{text(waits.until)}"
        if report.was_decided("reconcile", id=request_id, model=model):
            continue
        functions.start("install-model", _event(newest))
        report.decided(
            "reconcile",
            id=request_id,
            model=model,
            time=now,
            go=True,
            reason="a push lay in S3 that no event reported; it is installed now, or refused"
            if waits is None
            else "a push waits for AWS; it is tried again",
            subject=f"s3://{bucket}/{key}",
        )
        if waits is not None and waits.subject == newest.version_id:
            shortages.put(replace(waits, until=now + PUSHED_AGAIN))


def _event(pushed: ListedVersion) -> dict[str, object]:
    """Return the event that S3 sent, or would have sent, of a push."""
    stack = settings()
    return {
        "version": "0",
        "id": f"everloop-reconcile-{pushed.version_id}",
        "detail-type": OBJECT_CREATED,
        "source": "aws.s3",
        "account": stack.home.account,
        "region": stack.home.region,
        "time": text(pushed.modified),
        "resources": [f"arn:{stack.partition}:s3:::{stack.data_bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": stack.data_bucket},
            "object": {
                "key": pushed.key,
                "size": pushed.size,
                "etag": pushed.etag,
                "version-id": pushed.version_id,
            },
            "reason": "PutObject",
        },
    }
