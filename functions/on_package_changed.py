"""See what a changed package calls for: judgement or a release. Called by registry events."""

from typing import TYPE_CHECKING, Any

from everloop.aws import ledger, registry
from everloop.aws.settings import settings
from everloop.decisions import Decision
from everloop.decisions.approvals import PENDING
from everloop.facts import PackageChanged, package_changed
from everloop.flows import approving, endorsing, judging, releasing
from everloop.flows.approving import ApprovalEvent
from everloop.flows.report import logger
from everloop.records.installation import Installation
from everloop.spec import policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Start what the registry, as it is now, calls for."""
    fact = package_changed(event, settings().home)
    if fact is None:
        return {"go": False, "reason": "a package of somebody else's"}
    if not (fact.concerns_approval or fact.concerns_pin or fact.concerns_stage):
        return {"go": False, "reason": "the approval is as it was"}
    installed = ledger.find_installed(fact.model)
    if installed is None:
        return {"go": False, "reason": f"{fact.model} is no model of ours"}
    decision = _start(fact, installed)
    logger.info("looked", model=fact.model, go=decision.go, why=decision.reason)
    return {"go": decision.go, "reason": decision.reason}


def _start(fact: PackageChanged, installed: Installation) -> Decision:
    described = registry.find(fact.arn)
    if described is None:
        cause = f"version {fact.version} is gone from the registry"
        return releasing.start_wanted(installed, cause, fact.time)
    package = described.package
    staged = fact.concerns_stage and policy.two_persons(installed.spec)
    endorsed = staged and endorsing.endorse(installed, described, fact)
    if not fact.concerns_approval and not endorsed and not approving.pin_changed(package):
        return Decision(False, "the approval is as it was, and so is the pin")
    if package.approval == PENDING:
        judged = judging.start_evaluation(package)
        if judged.go:
            return judged  # else it may be an approval that was taken back
    cause = f"version {package.version} {package.approval.lower()}"
    event = ApprovalEvent(fact.version, fact.approval, fact.approval_at)
    return releasing.start_wanted(installed, cause, fact.time, event)
