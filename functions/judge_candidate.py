"""Judge a candidate and set its approval, or ask a person.

Called by statemachines/evaluate.asl.yaml. The only function whose role may set an approval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import model_card, notices, requests
from everloop.aws import approvals, ledger, people, registry, storage
from everloop.aws.registry import PackageDescription
from everloop.billing import jobs
from everloop.decisions import judgement
from everloop.decisions.approvals import APPROVED, PENDING, REJECTED
from everloop.decisions.infrastructure import met_by_transform, trouble_of
from everloop.decisions.judgement import Verdict
from everloop.errors import message_of
from everloop.flows import instances, report, shortages
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.records import shortage
from everloop.records.installation import Installation
from everloop.records.verdict import Verdict as Said
from everloop.spec import policy
from everloop.spec.instances import of_job, of_transform

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    model: str
    package_arn: str
    execution: str
    time: datetime
    champion: int | None = None
    comparison_uri: str | None = None
    error: Mapping[str, Any] | None = None
    resources: Mapping[str, Any] | None = None  # what the comparison asked for
    scores: Mapping[str, Any] | None = None  # and the transform job before it
    ran: list[Any] | None = None  # jobs, as billing.jobs reads them


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {verdict, reason, wait_seconds}.

    Where there are seconds to wait, the machine does, and plans the comparison again.
    """
    request = requests.read(Request, event)
    name = request.execution.rpartition(":")[2]
    if request.error is not None:
        return _unjudged(request, name, ledger.find_installed(request.model))
    installed = ledger.installed(request.model)
    candidate = registry.find(request.package_arn)
    if candidate is None:
        return _answer("settled", "somebody deleted it from the registry meanwhile")
    package = candidate.package
    rules = policy.judgement(installed.spec)
    # Nobody can approve a bar of fairness away by being faster than the judge.
    too_early = package.approval == APPROVED and bool(rules.fairness)
    if package.approval != PENDING and not too_early:
        return _answer("settled", f"somebody set it to {package.approval} meanwhile")
    evaluation = storage.read_json(candidate.evaluation_uri)
    comparison = storage.read_json(request.comparison_uri) if request.comparison_uri else None
    verdict = judgement.judge(
        evaluation, comparison, rules, request.time, has_card=bool(candidate.card)
    )
    if too_early and not verdict.unfair:
        return _answer("settled", f"somebody set it to {package.approval} meanwhile")
    facts = {
        **verdict.facts,
        "version": package.version,
        "champion": request.champion,
        "verdict": verdict.verdict,
        "comparison_uri": request.comparison_uri,
        "evaluation_uri": candidate.uri("evaluation-uri"),
        "dataset_digest": candidate.metadata.get("dataset-digest"),
        "bundle_digest": candidate.metadata.get("bundle-digest"),
        "card_digest": model_card.digest(candidate.card) if candidate.card else None,
        "used": jobs.used(request.ran),
    }
    report.decided(
        "judge",
        id=name,
        model=request.model,
        time=request.time,
        go=verdict.verdict == judgement.APPROVED,
        reason=verdict.reason,
        facts=facts,
        subject=package.arn,
    )
    if too_early:
        return _approved_too_early(candidate, verdict, request, installed)
    # The decision first: if the registry's answer is lost, the next try finds the same verdict.
    if verdict.verdict == judgement.ASK:
        people.notify(_question(candidate, verdict, request), installed.spec, request.time)
    else:
        status = APPROVED if verdict.verdict == judgement.APPROVED else REJECTED
        # What is set is settled for the next try: so people are notified before.
        people.notify(_judged(candidate, verdict, request), installed.spec, request.time)
        # These words outlive a person's approval without any: by this they are known as ours.
        said = _said(package.version, status, verdict, installed)
        approvals.put_verdict(request.model, said)
        # Whoever spoke while it was judged has the word. AWS has no condition on an approval, so
        # this is the last thing that is asked before.
        now = registry.find(package.arn)
        if now is None or now.package.approval != PENDING:
            shortages.over(installed, shortage.judgement(package.version), request.time)
            spoken = now.package.approval if now else "gone from the registry"
            return _answer("settled", f"it is {spoken} meanwhile, whatever the verdict is")
        registry.set_approval(package.arn, status, said.description)
    shortages.over(installed, shortage.judgement(package.version), request.time)
    return _answer(verdict.verdict, verdict.reason)


def _answer(verdict: str, reason: str, wait_seconds: int = 0) -> dict[str, Any]:
    return {"verdict": verdict, "reason": reason, "wait_seconds": wait_seconds}


def _said(version: int, status: str, verdict: Verdict, installed: Installation) -> Said:
    """Return what is written down of a verdict; `waive_by` as the spec has it now."""
    words = verdict.reason[: registry.LONGEST_DESCRIPTION]
    may = policy.waive_by(installed.spec) if verdict.unfair else ()
    return Said(version, status, words, verdict.unfair, may)


def _approved_too_early(
    candidate: PackageDescription, verdict: Verdict, request: Request, installed: Installation
) -> dict[str, Any]:
    """Write down what a version breaks that was approved while it was judged; tell people."""
    package = candidate.package
    people.notify(
        Message(
            kind="approved-in-vain",
            model=package.model,
            happened="was approved before it was judged, and that does not count",
            why=f"it breaks its bars of fairness: {verdict.unfair}",
            id=f"{package.arn}:too-early",
            version=package.version,
            to_do=(
                "Whoever may waive them:",
                f"  everloop approve {package.model} --version {package.version} --waive 'why'",
            ),
            links=_reports(candidate, request),
        ),
        installed.spec,
        request.time,
    )
    approvals.put_verdict(request.model, _said(package.version, REJECTED, verdict, installed))
    shortages.over(installed, shortage.judgement(package.version), request.time)
    return _answer("settled", f"somebody approved it meanwhile, and it is unfair: {verdict.unfair}")


def _judged(candidate: PackageDescription, verdict: Verdict, request: Request) -> Message:
    package = candidate.package
    return notices.judged(
        package.model,
        package.version,
        arn=package.arn,
        approved=verdict.verdict == judgement.APPROVED,
        reason=verdict.reason,
        numbers=judgement.numbers(verdict),
        links=_reports(candidate, request),
        unfair=bool(verdict.unfair),
    )


def _reports(candidate: PackageDescription, request: Request) -> dict[str, str]:
    """Return where a person sees what the verdict rests on."""
    evaluation = candidate.evaluation_uri
    comparison = request.comparison_uri or ""
    return {
        "evaluation": f"{evaluation.rpartition('/')[0]}/report.html",
        "comparison": f"{comparison.rpartition('/')[0]}/report.html" if comparison else "",
    }


def _question(candidate: PackageDescription, verdict: Verdict, request: Request) -> Message:
    package = candidate.package
    command = (
        f"aws sagemaker update-model-package --model-package-arn {package.arn} "
        "--approval-description 'your reason' --model-approval-status"
    )
    return Message(
        kind="approval-needed",
        model=package.model,
        happened="waits for your approval",
        why=verdict.reason,
        id=package.arn,
        version=package.version,
        numbers=judgement.numbers(verdict),
        to_do=(
            "Approve it:",
            f"  everloop approve {package.model} --version {package.version} --reason '...'",
            f"  {command} Approved",
            "Reject it:",
            f"  everloop reject {package.model} --version {package.version} --reason '...'",
            f"  {command} Rejected",
        ),
        links=_reports(candidate, request),
    )


def _unjudged(request: Request, name: str, installed: Installation | None) -> dict[str, Any]:
    error = request.error or {}
    lacked = trouble_of(error)
    if lacked is not None and installed is not None:
        activity = shortage.judgement(int(request.package_arn.rpartition("/")[2]))
        scores = met_by_transform(error, lacked)
        preferred = of_transform(installed.spec) if scores else of_job(installed.spec, "evaluate")
        tried = instances.requested(request.scores if scores else request.resources)
        following = instances.after(installed, activity, preferred, tried, lacked, request.time)
        decided = instances.retry(
            installed, activity, request.package_arn, lacked, following, request.time
        )
        return _answer(shortages.WAITS, decided.reason, decided.wait_seconds or 0)
    reason = f"could not be judged: {error.get('Error')}: {message_of(error)}"
    report.decided(
        "judge",
        id=f"{name}:error",
        model=request.model,
        time=request.time,
        go=False,
        reason=reason,
        facts={"verdict": "unjudged", "used": jobs.used(request.ran, error)},
        subject=request.package_arn,
    )
    people.notify(
        Message(
            kind="judgement-failed",
            model=request.model,
            happened="a candidate could not be judged",
            why=f"{name}: {reason}",
            id=f"{name}:error",
            to_do=(
                "The version stays pending. Approve or reject it yourself:",
                f"  everloop approve {request.model}",
                f"  everloop reject {request.model}",
            ),
        ),
        installed.spec if installed else None,
        request.time,
    )
    return _answer("unjudged", reason)
