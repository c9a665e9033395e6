"""Answer a violation or an alarm with a new training, or with the governor's reason against it.

Anybody who may put events on our bus can say that a violation was found: what counts is what the
monitor wrote, where only its jobs may write, and it counts once.

Called by our violation events, by CloudWatch alarms, and by the jobs of native Model Monitor.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import policy
from everloop.aws import arrivals, jobs, ledger, people, storage
from everloop.aws.ledger import Installed
from everloop.aws.settings import settings
from everloop.decisions import Decision
from everloop.decisions.governor import worth_retraining
from everloop.decisions.monitoring import judge_findings
from everloop.errors import BadInput
from everloop.facts import (
    AlarmRaised,
    JobEnded,
    ViolationFound,
    is_model_name,
    sign_of_trouble,
)
from everloop.flows import report, training
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.moments import text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Trouble:
    """Which model is in trouble, in whose words, and the name of that fact."""

    model: str
    reason: str
    subject: str
    time: datetime
    fact: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Start what the governor allows; record what it does not."""
    trouble = _trouble(sign_of_trouble(event, settings().home))
    if trouble is None or not is_model_name(trouble.model):
        return {"go": False, "reason": "no trouble of a model of ours"}
    installed = ledger.find_installed(trouble.model)
    if installed is None:
        return {"go": False, "reason": f"{trouble.model} is no model of ours"}
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


def _answer(installed: Installed, trouble: Trouble) -> dict[str, Any]:
    model = installed.model
    window = arrivals.open_window(model)
    last = arrivals.last_closed(model)
    found = arrivals.arrivals(model, [window.number])[window.number] if window.objects else []
    untrained = last is not None and last.outcome is None
    decision = worth_retraining(
        ledger.runs(model),
        policy.retrain(installed.spec),
        trouble.time,
        new_objects=window.objects + (last.objects if last and untrained else 0),
        new_bytes=sum(a.size for a in found) + (last.new_bytes if last and untrained else 0),
        paused=installed.paused,
    )
    facts = dict(decision.facts)
    if decision.go:
        asked = training.start_on_violation(installed, window, trouble.time)
        facts["execution"] = asked.execution
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
    if "useless_runs" in facts and not decision.go:
        people.notify(
            Message(
                kind="stands-still",
                model=model,
                happened="violations start no training any more",
                why=decision.reason,
                id=trouble.fact,
            ),
            installed.spec,
            trouble.time,
        )
    return {"go": decision.go, "reason": decision.reason}


def _trouble(sign: ViolationFound | AlarmRaised | JobEnded) -> Trouble | None:
    if isinstance(sign, ViolationFound):
        found = _found(sign)
        if not found.go:
            return None
        return Trouble(sign.model, found.reason, sign.findings_uri, sign.time, sign.findings_uri)
    if isinstance(sign, AlarmRaised):
        model = sign.dimensions.get("model") or sign.dimensions.get("EndpointName")
        model = model or sign.dimensions.get("Endpoint")
        # The alarms of a rollout stop the rollout; they are no reason to train.
        if not model or sign.muted or "EndpointConfigName" in sign.dimensions:
            return None
        reason = f"alarm {sign.name} on {sign.metric}: {sign.reason}"
        return _at(model, reason, f"alarm/{sign.name}", sign.time)
    job = jobs.describe(sign.name)
    if job is None or not job.exit_message.startswith("CompletedWithViolations"):
        return None
    return _at(job.endpoint, job.exit_message, f"processing-job/{sign.name}", sign.time)


def _at(model: str, reason: str, subject: str, time: datetime) -> Trouble:
    return Trouble(model, reason, subject, time, f"{subject}:{text(time)}")


def _found(sign: ViolationFound) -> Decision:
    """Read what the monitor found. Raises BadInput where no monitor of the model's can have."""
    own = f"s3://{settings().artefact_bucket}/monitoring/{sign.model}/"
    if not sign.findings_uri.startswith(own):
        raise BadInput(f"detail.findings_uri: {sign.findings_uri!r} does not lie below {own}")
    findings = storage.read_json(sign.findings_uri)
    if findings.get("model") != sign.model:
        raise BadInput(
            f"{sign.findings_uri} is about {findings.get('model')!r}, not {sign.model!r}"
        )
    return judge_findings(findings)
