"""Answer a violation or an alarm with a new training, or with the governor's reason against it.

Called by our violation events, by CloudWatch alarms, and by the jobs of native Model Monitor.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import policy
from everloop.aws import arrivals, jobs, journal, ledger, people
from everloop.aws.ledger import Installed
from everloop.decisions.governor import worth_retraining
from everloop.facts import AlarmRaised, JobEnded, ViolationFound, sign_of_trouble
from everloop.flows import report, training
from everloop.flows.report import logger
from everloop.moments import text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Trouble:
    """Which model is in trouble, and in whose words."""

    model: str
    reason: str
    subject: str
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Start what the governor allows; record what it does not."""
    trouble = _trouble(sign_of_trouble(event))
    if trouble is None:
        return {"go": False, "reason": "no trouble of a model of ours"}
    installed = ledger.find_installed(trouble.model)
    if installed is None:
        return {"go": False, "reason": f"{trouble.model} is no model of ours"}
    fact = f"{trouble.subject}:{text(trouble.time)}"
    report.decided(
        "violation",
        id=fact,
        model=trouble.model,
        time=trouble.time,
        go=True,
        reason=trouble.reason,
        subject=trouble.subject,
    )
    return _answer(installed, trouble, fact)


def _answer(installed: Installed, trouble: Trouble, fact: str) -> dict[str, Any]:
    model = installed.model
    before = journal.find(model, f"retrain:{fact}")
    if before is not None:  # what was refused then is not allowed because the event comes again
        return {"go": bool(before["go"]), "reason": str(before["reason"])}
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
    new = report.decided(
        "retrain",
        id=fact,
        model=model,
        time=trouble.time,
        go=decision.go,
        reason=decision.reason,
        facts=facts,
        subject=trouble.subject,
    )
    if new and "useless_runs" in facts and not decision.go:
        people.tell(f"{model}: violations start no training any more", decision.reason)
    return {"go": decision.go, "reason": decision.reason}


def _trouble(sign: ViolationFound | AlarmRaised | JobEnded) -> Trouble | None:
    if isinstance(sign, ViolationFound):
        monitors = ", ".join(sign.monitors) or "a monitor"
        reason = f"{sign.violations} violations found by {monitors}"
        return Trouble(sign.model, reason, sign.findings_uri, sign.time)
    if isinstance(sign, AlarmRaised):
        model = sign.dimensions.get("model") or sign.dimensions.get("EndpointName")
        model = model or sign.dimensions.get("Endpoint")
        # The alarms of a rollout stop the rollout; they are no reason to train.
        if not model or sign.muted or "EndpointConfigName" in sign.dimensions:
            return None
        reason = f"alarm {sign.name} on {sign.metric}: {sign.reason}"
        return Trouble(model, reason, f"alarm/{sign.name}", sign.time)
    job = jobs.describe(sign.name)
    if job is None or not job.exit_message.startswith("CompletedWithViolations"):
        return None
    return Trouble(job.endpoint, job.exit_message, f"processing-job/{sign.name}", sign.time)
