"""Plan a look at what a model was sent and answered. Called by the schedule of its monitor."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from everloop import names, requests
from everloop.aws import ledger, machines, monitoring, production, storage
from everloop.aws.settings import settings
from everloop.decisions.monitoring import arrived, worth_looking
from everloop.decisions.seals import uri
from everloop.flows import instances, late_labels, looking, sealing
from everloop.flows.report import logger
from everloop.moments import text
from everloop.pipelines import job_requests
from everloop.pipelines.processing import MANIFEST
from everloop.spec.instances import of_job

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# A monitor that has not looked for long looks back this far, and no farther.
_FARTHEST = timedelta(days=31)


@dataclass(frozen=True)
class Request:
    model: str
    scheduled_at: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Start the monitor machine if there is something to look at."""
    request = requests.read(Request, event)
    model, until = request.model, request.scheduled_at
    installed = ledger.find_installed(model)
    if installed is None:
        return {"go": False, "reason": f"{model} is not installed"}
    monitoring.note_request(model, until)
    serving = production.serving(installed)
    version = serving.version if serving else None
    watch = monitoring.watch(model)
    if watch.until is not None and watch.until >= until:
        return {"go": False, "reason": "what came until then was looked at"}
    since = max(watch.until or until - _FARTHEST, until - _FARTHEST)
    captured, until = _captured(model, since, until) if version is not None else ({}, until)
    labels = late_labels.label_files(installed, since, until)
    status = serving.status if serving else "missing"
    decision = worth_looking(len(captured), version, status, labels.new)
    logger.info("planned monitoring", model=model, go=decision.go, why=decision.reason)
    if serving is None or version is None:
        return {"go": False, "reason": decision.reason}
    came = list(captured.values())
    silence = looking.note_traffic(installed, watch, serving, came, request.scheduled_at)
    if not decision.go:
        return {"go": False, "reason": silence or decision.reason}
    name = names.monitor_execution(model, request.scheduled_at)
    execution = machines.execution_arn(machines.MONITOR, name)
    late_comer = looking.take_turn(model, execution, request.scheduled_at)
    if late_comer or monitoring.last_look(model) != watch.until:
        return {"go": False, "reason": late_comer or "another look has just ended"}
    group = installed.pipeline_arn.rpartition(":")[0]
    arn = f"{group}:model-package/{model}/{version}"
    metadata = sealing.metadata(model, version, arn)
    bucket = settings().artefact_bucket
    folder = f"monitoring/{model}/{request.scheduled_at:%Y-%m-%dT%H%M}"
    late = late_labels.inputs(installed, folder, labels, serving, until)
    traffic = late_labels.manifest(f"{folder}/capture{MANIFEST}", f"s3://{bucket}/", list(captured))
    preferred = of_job(installed.spec, "monitor")
    taken = instances.taken(installed, preferred, request.scheduled_at)
    job = job_requests.monitor(
        name=name,
        instance=taken.choice.instance,
        spec=installed.spec,
        model=model,
        version=version,
        since=since,
        until=until,
        baseline_uri=uri(metadata, "baseline-uri", arn),
        bundle_uri=uri(metadata, "bundle-uri", arn),
        predictions_uri=uri(metadata, "predictions-uri", arn),
        capture_manifest=traffic,
        labels_manifest=late.labels,
        late_manifest=late.late,
        kept_uri=late.kept,
        jobs_uri=installed.jobs_uri,
        output_uri=f"s3://{bucket}/{folder}",
        role_arn=settings().sagemaker_role,
        region=settings().region,
        kms_key=settings().kms_key,
    )
    # The next look begins where this one ends, earlier than requested if there is too much.
    started = machines.start(
        machines.MONITOR, name, {"model": model, "scheduled_at": text(until), "job": job}
    )
    return {"go": started.new, "reason": decision.reason, "execution": started.arn}


def _traffic(model: str) -> str:
    return f"capture/{model}/{model}/AllTraffic/"


def _captured(model: str, since: datetime, until: datetime) -> tuple[dict[str, datetime], datetime]:
    """Return what traffic arrived in a span and when, and until when that is all of it."""
    # One list from the first hour on sees all that follow; a file that came just now may lie in
    # the folder of the hour before, with its first record.
    first = f"{_traffic(model)}{since - timedelta(hours=1):%Y/%m/%d/%H}"
    listed = storage.listed(settings().artefact_bucket, _traffic(model), after=first)
    came: dict[str, datetime] = {}

    def in_the_span() -> Iterator[tuple[str, datetime]]:
        for key, when in listed:
            if since <= when < until:
                came[key] = when
            yield key, when

    files, all_until = arrived(in_the_span(), since, until)
    return {key: came[key] for key in files}, all_until
