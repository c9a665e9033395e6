"""Judge a candidate and set its approval, or ask a person.

Called by statemachines/evaluate.asl.yaml. The only function whose role may set an approval.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import policy, requests
from everloop.aws import ledger, people, registry, storage
from everloop.aws.registry import APPROVED, PENDING, REJECTED, Described
from everloop.decisions import judgement
from everloop.errors import said
from everloop.flows import report
from everloop.flows.report import logger

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


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {verdict, reason}."""
    request = requests.read(Request, event)
    name = request.execution.rpartition(":")[2]
    if request.error is not None:
        return _unjudged(request, name)
    installed = ledger.installed(request.model)
    candidate = registry.describe(request.package_arn)
    package = candidate.package
    if package.approval != PENDING:
        return {"verdict": "settled", "reason": f"somebody set it to {package.approval} meanwhile"}
    evaluation = storage.read_json(_file(candidate.uri("evaluation-uri"), "evaluation.json"))
    comparison = storage.read_json(request.comparison_uri) if request.comparison_uri else None
    verdict = judgement.judge(
        evaluation, comparison, policy.judgement(installed.spec), request.time
    )
    facts = {
        **verdict.facts,
        "version": package.version,
        "champion": request.champion,
        "verdict": verdict.verdict,
        "comparison_uri": request.comparison_uri,
        "evaluation_uri": candidate.uri("evaluation-uri"),
        "dataset_digest": candidate.metadata.get("dataset-digest"),
        "bundle_digest": candidate.metadata.get("bundle-digest"),
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
    # The decision first: if the registry's answer is lost, the next try finds the same verdict.
    if verdict.verdict == judgement.ASK:
        _ask(candidate, verdict.reason)
    else:
        status = APPROVED if verdict.verdict == judgement.APPROVED else REJECTED
        registry.set_approval(package.arn, status, verdict.reason)
    return {"verdict": verdict.verdict, "reason": verdict.reason}


def _ask(candidate: Described, reason: str) -> None:
    package = candidate.package
    command = (
        f"aws sagemaker update-model-package --model-package-arn {package.arn} "
        "--approval-description 'your reason' --model-approval-status"
    )
    people.tell(
        f"{package.model} v{package.version} waits for your approval",
        f"{reason}\n\nApprove it:\n  {command} Approved\n\nReject it:\n  {command} Rejected\n\n"
        f"Evaluation: {candidate.uri('evaluation-uri')}\n",
    )


def _unjudged(request: Request, name: str) -> dict[str, Any]:
    error = request.error or {}
    reason = f"could not be judged: {error.get('Error')}: {said(error)}"
    report.decided(
        "judge",
        id=f"{name}:error",
        model=request.model,
        time=request.time,
        go=False,
        reason=reason,
        facts={"verdict": "unjudged"},
        subject=request.package_arn,
    )
    people.tell(f"{request.model}: a candidate could not be judged", f"{name}: {reason}")
    return {"verdict": "unjudged", "reason": reason}


def _file(uri: str, name: str) -> str:
    """Return the file's URI, whether the package names the file or the folder it lies in."""
    return uri if uri.endswith(".json") else f"{uri.rstrip('/')}/{name}"
