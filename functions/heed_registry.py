"""See what a changed package calls for: judgement or a release. Called by registry events."""

from typing import TYPE_CHECKING, Any

from everloop.aws import ledger, registry
from everloop.aws.registry import APPROVED, REJECTED
from everloop.aws.settings import settings
from everloop.facts import package_changed
from everloop.flows import judging, releasing, report
from everloop.flows.report import logger
from everloop.moments import text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Start what the registry, as it is now, calls for."""
    fact = package_changed(event, settings().home)
    if not fact.concerns_approval:
        return {"go": False, "reason": "the approval is as it was"}
    installed = ledger.find_installed(fact.model)
    if installed is None:
        return {"go": False, "reason": f"{fact.model} is no model of ours"}
    described = registry.describe(fact.arn)
    package = described.package
    if package.approval not in (APPROVED, REJECTED):
        decision = judging.start_evaluation(package)
    else:
        # The next update of the package overwrites who set it: it is kept here.
        report.decided(
            "approve",
            id=f"{package.arn}:{package.approval}:{text(package.modified_at)}",
            model=fact.model,
            time=fact.time,
            go=package.approval == APPROVED,
            reason=described.approval_description or f"set to {package.approval}",
            facts={"version": package.version, "approval": package.approval},
            subject=package.arn,
            actor=package.modified_by or "unknown",
        )
        cause = f"version {package.version} {package.approval.lower()}"
        decision = releasing.start_wanted(installed, cause, fact.time)
    logger.info("looked", model=fact.model, go=decision.go, why=decision.reason)
    return {"go": decision.go, "reason": decision.reason}
