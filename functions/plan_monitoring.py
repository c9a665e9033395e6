"""Plan a look at what a model was sent and answered. Called by the schedule of its monitor."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from everloop import job_requests, names, requests
from everloop.aws import endpoints, ledger, machines, monitoring, registry, storage
from everloop.aws.ledger import Installed
from everloop.aws.settings import settings
from everloop.decisions.monitoring import worth_looking
from everloop.flows.report import logger
from everloop.moments import text

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
    monitoring.note_asked(model, until)
    serving = endpoints.serving(model)
    version = serving.version if serving else None
    last = monitoring.last_look(model)
    since = max(last or until - _FARTHEST, until - _FARTHEST)
    captured = _captured(model, since) if version is not None else []
    labels = sum(
        1
        for key, modified in storage.listed(settings().data_bucket, f"labels/{model}/")
        if key.endswith(".csv") and modified > since
    )
    decision = worth_looking(
        len(captured), labels, version, serving.status if serving else "missing"
    )
    logger.info("planned monitoring", model=model, go=decision.go, why=decision.reason)
    if not decision.go or version is None:
        return {"go": False, "reason": decision.reason}
    name = names.monitor_execution(model, until)
    group = installed.pipeline_arn.rpartition(":")[0]
    described = registry.describe(f"{group}:model-package/{model}/{version}")
    job = job_requests.monitor(
        name=name,
        spec=installed.spec,
        model=model,
        version=version,
        since=since,
        until=until,
        baseline_uri=described.uri("baseline-uri"),
        bundle_uri=described.uri("bundle-uri"),
        predictions_uri=described.uri("predictions-uri"),
        capture_uri=f"s3://{settings().artefact_bucket}/capture/{model}/{model}/AllTraffic",
        labels_uri=_labels_uri(installed) if labels else None,
        jobs_uri=installed.jobs_uri,
        output_uri=f"s3://{settings().artefact_bucket}/monitoring/{model}/{until:%Y-%m-%dT%H%M}",
        role_arn=settings().sagemaker_role,
        region=settings().region,
        kms_key=settings().kms_key,
    )
    started = machines.start(
        machines.MONITOR, name, {"model": model, "scheduled_at": text(until), "job": job}
    )
    return {"go": started.new, "reason": decision.reason, "execution": started.arn}


def _captured(model: str, since: datetime) -> list[str]:
    """Return what was captured since then; a handful is enough to know that there are some."""
    # Folders are named by the hour, so that one list from the first hour on sees all that follow.
    prefix = f"capture/{model}/{model}/AllTraffic/"
    first = f"{prefix}{since:%Y/%m/%d/%H}"
    found: list[str] = []
    for key, modified in storage.listed(settings().artefact_bucket, prefix, after=first):
        if modified > since:
            found.append(key)
        if len(found) >= 10:
            break
    return found


def _labels_uri(installed: Installed) -> str:
    return f"s3://{settings().data_bucket}/labels/{installed.model}"
