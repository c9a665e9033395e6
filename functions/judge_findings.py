"""Say what a monitor's findings mean: metrics, a decision, and an event for a violation.

Called by statemachines/monitor.asl.yaml.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import journal, ledger, monitoring, storage
from everloop.aws.settings import settings
from everloop.billing import jobs
from everloop.decisions.infrastructure import trouble_of
from everloop.decisions.monitoring import drift_by_monitor, judge_findings, monitors_of
from everloop.errors import message_of
from everloop.flows import (
    incidents,
    instances,
    labelled_traffic,
    late_labels,
    looking,
    report,
    shortages,
)
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.moments import text
from everloop.notices import UNANSWERED
from everloop.pipelines.plans import on
from everloop.records.installation import Installation
from everloop.records.shortage import LOOK
from everloop.spec.instances import Choice, of_job

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


_LOOK = "monitor/look"  # the incident of looks that fail


@dataclass(frozen=True)
class Request:
    model: str
    scheduled_at: datetime
    execution: str
    time: datetime
    findings_uri: str | None = None
    version: int | None = None
    error: Mapping[str, Any] | None = None
    resources: Mapping[str, Any] | None = None  # what the job asked for
    ran: list[Any] | None = None  # jobs, as billing.jobs reads them


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {violated, reason}; where AWS lacked what the job needs, how long to wait for it."""
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    name = request.execution.rpartition(":")[2]
    if request.error is not None or request.findings_uri is None:
        return _blind(request, name, installed)
    known = report.was_decided("monitor", id=name, model=request.model)
    if not known and not looking.has_turn(request.model, request.execution, request.scheduled_at):
        reason = "came too late: another look was given this traffic"
        logger.warning("findings of a look that lost its turn", model=request.model, look=name)
        return {"violated": False, "reason": reason}
    findings = storage.read_json(request.findings_uri)
    result = judge_findings(findings)
    for monitor, drift in sorted(drift_by_monitor(findings).items()):
        report.measure("Drift", drift, model=request.model, monitor=monitor)
    if result.judged or result.violations:  # no violation where nothing was judged
        report.count("Violations", model=request.model, value=result.violations)
    facts = {
        **result.facts,
        "version": request.version,
        "findings_uri": request.findings_uri,
        "used": jobs.used(request.ran),
    }
    for choice in instances.requested(request.resources):
        facts["instance"] = choice.instance
    report.decided(
        "monitor",
        id=name,
        model=request.model,
        time=request.time,
        go=result.go,
        reason=result.reason,
        facts=facts,
        subject=request.findings_uri,
    )
    looking.count_look(installed, result, name, request.findings_uri, request.time)
    if result.go:
        journal.publish(
            "Model Violation Found",
            {
                "model": request.model,
                "endpoint": request.model,
                "version": request.version,
                "findings_uri": request.findings_uri,
                "monitors": list(result.monitors),
                "violations": result.violations,
                "not_judged": list(result.blind),
                "time": text(request.time),
            },
        )
    shortages.over(installed, LOOK, request.time)
    _over(installed, findings, request)
    late_labels.notify_refused(installed, findings, request.findings_uri, request.time)
    labelled_traffic.drop(installed, findings)
    _ended(request)
    return {"violated": result.go, "reason": result.reason}


def _over(installed: Installation, findings: Mapping[str, Any], request: Request) -> None:
    """Tell what is over: looks that failed, and violations that this one finds no more."""
    model, spec, time = request.model, installed.spec, request.time
    incidents.over(model, _LOOK, spec, time, "The monitor looks again.")
    judged, violated = monitors_of(findings)
    for monitor in sorted(judged - violated):
        why = f"The {monitor} monitor finds no violation any more."
        incidents.over(model, f"violation/{monitor}", spec, time, why)
    if judged and not violated:
        incidents.passed_over(model, UNANSWERED)


def _ended(request: Request) -> None:
    """Write down until when was looked, before the next look may begin."""
    monitoring.note_look(request.model, request.scheduled_at, request.findings_uri)
    monitoring.give_turn(request.model, request.execution)


def _on(request: Request, choice: Choice) -> dict[str, Any]:
    """Return what the machine asks for instead of what was refused."""
    resources = dict(request.resources or {})
    resources["ClusterConfig"] = on(resources["ClusterConfig"], choice.instance, settings().kms_key)
    return {"resources": resources}


def _blind(request: Request, name: str, installed: Installation) -> dict[str, Any]:
    error = request.error or {"Error": "BadInput", "Cause": "findings_uri: missing"}
    lacked = trouble_of(error)
    if lacked is not None:
        preferred, tried = of_job(installed.spec, "monitor"), instances.requested(request.resources)
        following = instances.after(installed, LOOK, preferred, tried, lacked, request.time)
        decided = instances.retry(installed, LOOK, name, lacked, following, request.time)
        answer = {**shortages.answer(decided), "violated": False}
        return {**answer, **_on(request, following.choice)} if following else answer
    reason = f"could not look: {error.get('Error')}: {message_of(error)}"
    report.decided(
        "monitor",
        id=f"{name}:error",
        model=request.model,
        time=request.time,
        go=False,
        reason=reason,
        facts={"used": jobs.used(request.ran, error)},
        subject=name,
    )
    incidents.open_incident(
        Message(
            kind="monitor-failed",
            model=request.model,
            happened="the monitor could not look",
            why=f"{name}: {reason}",
            id=name,
            version=request.version,
            to_do=(
                "Traffic since the last look that ended well is in the next one. Its job's log:",
                f"  aws sagemaker list-processing-jobs --name-contains {request.model}",
            ),
        ),
        installed.spec,
        request.time,
        _LOOK,
    )
    if report.was_decided("monitor", id=name, model=request.model):
        _ended(request)  # it was judged, and died behind that: nobody is given this traffic again
    else:
        monitoring.give_turn(request.model, request.execution)
    return {"outcome": "failed", "violated": False, "reason": reason, "wait_seconds": 0}
