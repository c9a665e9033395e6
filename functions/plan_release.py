"""Decide whether a release is still needed, and take the release lease for it.

Called by statemachines/deploy.asl.yaml. Registry and endpoint are read again: the event that
requested this release may be old.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from everloop import names, requests
from everloop.aws import endpoints, ledger, registry
from everloop.errors import Conflict
from everloop.flows import making, releasing, report, sealing
from everloop.flows.report import logger
from everloop.records.lease import RELEASE
from everloop.spec import forms, policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_LEASE = timedelta(hours=49)  # longer than the machine may run


@dataclass(frozen=True)
class Request:
    model: str
    epoch: int
    version: int
    package_arn: str
    cause: str
    execution: str
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {go, reason, staging_endpoint, staging_config, keep_staging}."""
    request = requests.read(Request, event)
    try:
        ledger.take_lease(
            request.model,
            RELEASE,
            request.execution,
            request.epoch,
            request.time,
            request.time + _LEASE,
        )
    except Conflict:
        return {"go": False, "reason": "another release of this model came first"}
    installed = ledger.installed(request.model)
    decision = releasing.decide(installed, request.time)
    package = decision.package
    go = decision.go and package is not None and package.version == request.version
    reason = decision.reason
    if not go and package is not None:
        reason = f"not version {request.version} any more: {decision.reason}"
    report.decided(
        "release",
        id=request.execution.rpartition(":")[2],
        model=request.model,
        time=request.time,
        go=go,
        reason=reason,
        facts={**decision.facts, "cause": request.cause, "epoch": request.epoch},
        subject=request.package_arn,
    )
    if not go:
        # A release that waited for AWS has a staging endpoint that nobody tests any more.
        if not policy.deploy(installed.spec).keep_staging:
            endpoints.delete(names.staging_endpoint(request.model))
        ledger.free_lease(request.model, RELEASE, request.execution)
        following = releasing.start_wanted(installed, request.cause, request.time)
        logger.info("looked for another release", go=following.go, why=following.reason)
        return {"go": False, "reason": reason}
    described = registry.describe(request.package_arn)
    sealing.sealed(described, request.time)  # what was never judged is sealed now
    seal = sealing.restored(described)
    if not forms.of(installed.spec).has_endpoint:
        return {
            "go": True,
            "reason": reason,
            "staging_endpoint": names.staging_endpoint(request.model),
            "staging_config": "",
            "keep_staging": True,  # there is no endpoint to delete
        }
    staging = making.planned(
        installed, seal, making.STAGING, making.fleet(installed, making.STAGING, request.time)
    )
    return {
        "go": True,
        "reason": reason,
        "staging_endpoint": names.staging_endpoint(request.model),
        "staging_config": staging.config_name,
        "keep_staging": policy.deploy(installed.spec).keep_staging,
    }
