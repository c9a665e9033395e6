"""Answer a violation or an alarm with a new training, or with the governor's reason against it.

Anybody who may put events on our bus can say that a violation was found: what counts is what the
monitor wrote, where only its jobs may write, and it counts once.

Called by our violation events, by CloudWatch alarms, and by the jobs of native Model Monitor; and
by the alarms of our endpoints, which are reported and start nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import names, notices
from everloop.aws import arrivals, jobs, ledger, monitoring, storage
from everloop.aws.settings import settings
from everloop.decisions.governor import Permission, worth_retraining
from everloop.decisions.monitoring import TRAFFIC, Findings, judge_findings
from everloop.errors import BadInput
from everloop.facts import (
    AlarmChanged,
    AlarmRaised,
    JobEnded,
    ViolationFound,
    alarm_changed,
    is_alarm_action,
    is_model_name,
    sign_of_trouble,
)
from everloop.flows import alarming, incidents, report, training
from everloop.flows.report import logger
from everloop.moments import text
from everloop.records.installation import Installation
from everloop.spec import policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Trouble:
    """Which model is in trouble, in whose words, and the name of that fact.

    `monitors` are what found it, and `over` says that they find it no more. `looked` is whether a
    look of ours did, which counts how often in a row.
    """

    model: str
    reason: str
    subject: str
    time: datetime
    fact: str
    monitors: tuple[str, ...]
    version: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    over: bool = False
    looked: bool = False


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Start what the governor allows; record what it does not."""
    if is_alarm_action(event):
        return _alarm(alarm_changed(event, settings().home))
    trouble = _trouble(sign_of_trouble(event, settings().home))
    if trouble is None or not is_model_name(trouble.model):
        return {"go": False, "reason": "no trouble of a model of ours"}
    installed = ledger.find_installed(trouble.model)
    if installed is None:
        return {"go": False, "reason": f"{trouble.model} is no model of ours"}
    if trouble.over:
        for monitor in trouble.monitors:
            subject = f"violation/{monitor}"
            incidents.over(trouble.model, subject, installed.spec, trouble.time, trouble.reason)
        return {"go": False, "reason": trouble.reason}
    # What was refused then is not allowed because the event comes again.
    if report.was_decided("retrain", id=trouble.fact, model=trouble.model):
        return {"go": False, "reason": "it was answered before"}
    report.decided(
        "violation",
        id=trouble.fact,
        model=trouble.model,
        time=trouble.time,
        go=True,
        reason=trouble.reason,
        subject=trouble.subject,
    )
    return _answer(installed, trouble)


def _alarm(changed: AlarmChanged) -> dict[str, Any]:
    """Notify people of an alarm that rings, or is quiet again: no training repairs an endpoint."""
    named = names.of_serving_alarm(settings().stack, changed.name)
    installed = ledger.find_installed(named[0]) if named and is_model_name(named[0]) else None
    if named is None or installed is None:
        return {"go": False, "reason": f"{changed.name} is no alarm of an endpoint of ours"}
    notified = alarming.changed(
        installed, named[1], changed.state, changed.reason, changed.since, changed.since
    )
    return {"go": False, "reason": f"{changed.name} is {changed.state}, {notified=}"}


def _answer(installed: Installation, trouble: Trouble) -> dict[str, Any]:
    model = installed.model
    window = arrivals.open_window(model)
    last = arrivals.last_closed(model)
    arrived = arrivals.arrivals(model, [window.number])[window.number] if window.objects else []
    untrained = last is not None and last.outcome is None
    decision = worth_retraining(
        ledger.runs(model),
        policy.retrain(installed.spec),
        trouble.time,
        new_objects=window.objects + (last.objects if last and untrained else 0),
        new_bytes=sum(a.size for a in arrived) + (last.new_bytes if last and untrained else 0),
        paused=installed.paused,
        in_a_row=max(1, monitoring.watch(model).streaks.violated) if trouble.looked else None,
        trainable=trouble.monitors != (TRAFFIC,),
    )
    facts = dict(decision.facts)
    answer = decision
    if decision.go:
        started = training.start_on_violation(installed, window, trouble.time)
        facts["execution"] = started.execution
        if not started.execution:  # another training holds the lease
            reason = started.decision.reason
            answer = replace(decision, go=False, reason=reason, under_way=True)
    # What was answered is not looked at again: so people are notified before.
    _notify(installed, trouble, answer)
    report.decided(
        "retrain",
        id=trouble.fact,
        model=model,
        time=trouble.time,
        go=decision.go,
        reason=decision.reason,
        facts=facts,
        subject=trouble.subject,
    )
    return {"go": decision.go, "reason": decision.reason}


def _notify(installed: Installation, trouble: Trouble, answer: Permission) -> None:
    """Tell of a violation when it begins, and when no training answers it any more."""
    folder = trouble.subject.rpartition("/")[0] if trouble.subject.startswith("s3://") else ""
    message = notices.violation(
        trouble.model,
        trouble.version,
        fact=trouble.fact,
        reason=trouble.reason,
        checks=notices.worst_checks(trouble.facts),
        answer=answer,
        paused=installed.paused,
        links={"report": f"{folder}/report.html" if folder else ""},
    )
    subjects = [f"violation/{monitor}" for monitor in trouble.monitors]
    if answer.go or answer.under_way:
        incidents.passed_over(trouble.model, notices.UNANSWERED)
    else:
        subjects.append(notices.UNANSWERED)
    incidents.open_incident(message, installed.spec, trouble.time, *subjects)


def _trouble(sign: ViolationFound | AlarmRaised | JobEnded) -> Trouble | None:
    if isinstance(sign, ViolationFound):
        findings = _findings(sign)
        if not findings.go:
            return None
        return Trouble(
            sign.model,
            findings.reason,
            sign.findings_uri,
            sign.time,
            sign.findings_uri,
            tuple(findings.monitors),
            findings.version,
            findings.facts,
            looked=True,
        )
    if isinstance(sign, AlarmRaised):
        model = sign.dimensions.get("model") or sign.dimensions.get("EndpointName")
        model = model or sign.dimensions.get("Endpoint")
        if names.of_serving_alarm(settings().stack, sign.name):
            return None  # it calls us itself
        if names.is_scaling_alarm(sign.name):
            return None  # it rings for load, or for want of it, whenever AWS scales
        # The alarms of a rollout stop the rollout; they are no reason to train.
        if not model or sign.muted or "EndpointConfigName" in sign.dimensions:
            return None
        if sign.state not in ("ALARM", "OK"):
            return None  # it does not know
        reason = f"alarm {sign.name} on {sign.metric}: {sign.reason}"
        return _at(model, reason, f"alarm/{sign.name}", sign.time, over=sign.state == "OK")
    job = jobs.describe(sign.name)
    if job is None or not job.exit_message.startswith("CompletedWithViolations"):
        return None
    return _at(job.endpoint, job.exit_message, f"processing-job/{sign.name}", sign.time)


def _at(model: str, reason: str, subject: str, time: datetime, *, over: bool = False) -> Trouble:
    return Trouble(model, reason, subject, time, f"{subject}:{text(time)}", (subject,), over=over)


def _findings(sign: ViolationFound) -> Findings:
    """Read what the monitor found. Raises BadInput where no monitor of the model's can have."""
    own = f"s3://{settings().artefact_bucket}/monitoring/{sign.model}/"
    if not sign.findings_uri.startswith(own):
        raise BadInput(f"detail.findings_uri: {sign.findings_uri!r} does not lie below {own}")
    findings = storage.read_json(sign.findings_uri)
    if findings.get("model") != sign.model:
        raise BadInput(
            f"{sign.findings_uri} is about {findings.get('model')!r}, not {sign.model!r}"
        )
    judged = judge_findings(findings)
    version = findings.get("serving_version")
    known = version if isinstance(version, int) and not isinstance(version, bool) else None
    return replace(judged, facts={**judged.facts, "version": known}, version=known)
