"""Bring an endpoint on its way to a version: staging, or production in steps with alarms.

Called by statemachines/deploy.asl.yaml with a task token, which lies in the ledger before anything
is requested. `resume_execution` completes it when the endpoint has settled, or this
function does at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from everloop import names, requests
from everloop.aws import alarms, endpoint_metrics, endpoints, ledger, machines, registry
from everloop.aws.settings import settings
from everloop.decisions.releases import Serving
from everloop.errors import BadInput, NotReady
from everloop.flows import (
    alarming,
    approving,
    changing_form,
    making,
    pointing,
    releasing,
    resuming,
    scaling,
    sealing,
)
from everloop.flows.making import PRODUCTION, STAGING
from everloop.flows.report import logger
from everloop.pipelines.rollouts import deployment_config, rollback_alarms, usual_share
from everloop.records.config import ServingConfig
from everloop.records.installation import Installation
from everloop.records.lease import RELEASE
from everloop.records.seal import Seal
from everloop.records.token import Token
from everloop.spec import forms, policy
from everloop.spec.policy import DeployPolicy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_USUAL = timedelta(days=1)  # of the share of requests that an endpoint fails whoever serves


@dataclass(frozen=True)
class Request:
    stage: str
    model: str
    epoch: int
    version: int
    package_arn: str
    execution: str
    token: str
    time: datetime


class _Withdrawn(Exception):
    """The approval was taken back a moment ago, or another version should serve by now."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Leave the machine asleep while the endpoint moves, or wake it with what stands against it."""
    request = requests.read(Request, event)
    if request.stage not in (STAGING, PRODUCTION):
        raise BadInput(f"stage: {request.stage!r}; {STAGING} or {PRODUCTION} belongs there")
    installed = ledger.installed(request.model)
    described = registry.find(request.package_arn)
    if described is None:
        return _refused(request, f"version {request.version} is gone from the registry")
    if not forms.of(installed.spec).has_endpoint:
        return _without_endpoint(request, installed, sealing.verified(described))
    made = making.make(installed, sealing.verified(described), request.stage, request.time)
    config_name = made.config_name
    staging = request.stage == STAGING
    endpoint = names.staging_endpoint(request.model) if staging else request.model
    try:
        update = _start_update(request, installed, endpoint, made)
    except _Withdrawn as withdrawn:
        return _refused(request, str(withdrawn))
    if request.stage == PRODUCTION:
        _alarm(installed)
    outcome = resuming.resume_after_endpoint(endpoint)  # its event may have come before its token
    logger.info(
        "updated endpoint", endpoint=endpoint, config=config_name, update=update, outcome=outcome
    )
    return {"started": True, "endpoint": endpoint, "config": config_name}


def _without_endpoint(request: Request, installed: Installation, seal: Seal) -> dict[str, Any]:
    """Stage or release where the ledger points at what serves; nothing is waited for."""
    try:
        if request.stage == STAGING:
            done = pointing.stage(installed, seal, request.epoch, request.package_arn, request.time)
        else:
            _check_desired(request, installed)
            _check_approval(request.package_arn)
            done = pointing.promote(installed, seal, request.epoch, request.time)
    except _Withdrawn as withdrawn:
        return _refused(request, str(withdrawn))
    machines.resume(request.token, done)
    logger.info("released without an endpoint", stage=request.stage, model=done["config"])
    return {"started": True, "endpoint": "", "config": done["config"]}


def _alarm(installed: Installation) -> None:
    """Put the endpoint's alarms from its first minute on. It moves already: no trouble stops it."""
    try:
        alarming.ensure(installed)
    except Exception:  # reconcile makes them again, and tells people where it cannot
        logger.exception("could not put alarms", model=installed.model)


def _refused(request: Request, reason: str) -> dict[str, Any]:
    resuming.refuse(request.token, reason)
    return {"started": False, "reason": reason}


def _start_update(
    request: Request, installed: Installation, endpoint: str, made: ServingConfig
) -> str:
    """Change the endpoint to its config, once, whatever its state. Raises NotReady if busy."""
    config = made.config_name
    subject = resuming.endpoint_subject(endpoint)
    before = ledger.token(subject)
    requested_before = (
        before is not None
        and before.execution == request.execution
        and before.config == config
        and before.armed
    )
    token = Token(
        subject, request.token, request.model, request.execution, config, requested_before
    )
    ledger.put_token(token, request.time)
    ledger.note_wait(request.model, RELEASE, request.execution, subject)
    if requested_before:
        return "requested before"
    if request.stage == PRODUCTION:
        scaling.hold(installed)
    serving = endpoints.serving(endpoint)
    if serving is None:
        _check_desired(request, installed)
        _check_approval(request.package_arn)
        endpoints.create(endpoint, config)
    elif serving.status == "InService" and serving.config == config:
        return "there already"
    elif _on_its_way(serving, config):
        logger.info("found the endpoint on its way", endpoint=endpoint)
    elif serving.status == "Failed":
        endpoints.delete(endpoint)  # nothing else works on a failed endpoint
        raise NotReady(f"endpoint {endpoint} had failed and is being deleted first")
    elif not serving.settled:
        raise NotReady(f"endpoint {endpoint} is {serving.status}")
    else:
        if request.stage == PRODUCTION:
            changing_form.check(request.model, installed.spec)
        restored = making.restore(installed, serving, made)  # or AWS takes no update
        if restored:
            logger.warning("made again", what=restored)
        _update(request, installed, serving, made)
    armed = Token(subject, request.token, request.model, request.execution, config, True)
    ledger.put_token(armed, request.time)
    return "requested"


def _update(
    request: Request, installed: Installation, serving: Serving, made: ServingConfig
) -> None:
    endpoint, config = serving.endpoint, made.config_name
    deploy = policy.deploy(installed.spec)
    watching = []
    keeps = request.stage == PRODUCTION and _keeps_count(deploy, serving, made)
    count = serving.count if keeps and serving.count else deploy.production.instances
    steps = policy.steps(installed.spec, count)
    if request.stage == PRODUCTION:
        began = request.time - _USUAL
        usual = usual_share(endpoint_metrics.failed_shares(endpoint, began, request.time))
        watching = rollback_alarms(settings().stack, endpoint, config, deploy.alarms, steps, usual)
        logger.info("watches a release", config=config, failed_before=usual)
        for alarm in watching:
            alarms.put(alarm)
    _check_desired(request, installed)
    _check_approval(request.package_arn)
    endpoints.update(
        endpoint,
        config,
        deployment_config(steps, [alarm["AlarmName"] for alarm in watching])
        if request.stage == PRODUCTION
        else None,
        keep_count=keeps,
    )


def _keeps_count(deploy: DeployPolicy, serving: Serving, made: ServingConfig) -> bool:
    """Whether production goes on with the instances that it has, whatever its config begins with.

    Where nobody asked us for scaling, an autoscaler of somebody else's may have changed them.
    """
    if deploy.scale is not None:
        return deploy.scale.keeps(serving.count)
    return endpoints.is_scaled(serving, made.config)


def _check_desired(request: Request, installed: Installation) -> None:
    """Look whether another version should serve by now; the end of this release starts that one."""
    other = releasing.overtaken_by(installed, request.version, request.time)
    if other is not None:
        raise _Withdrawn(f"version {other.version} should serve by now, not {request.version}")
    described = registry.find(request.package_arn)
    barred = approving.barred(installed, described.package) if described else ""
    if barred:
        raise _Withdrawn(barred)


def _check_approval(package_arn: str) -> None:
    """Read the approval with nothing between this and the change: AWS cannot tie the two together.

    What is withdrawn in that moment serves until its own event, or reconcile, takes it back.
    """
    described = registry.find(package_arn)
    if described is None:
        raise _Withdrawn(f"{package_arn} is gone from the registry now")
    package = described.package
    if not package.deployable:
        raise _Withdrawn(
            f"version {package.version} is {package.approval} and {package.status} now"
        )


def _on_its_way(serving: Serving, config: str) -> bool:
    if serving.status == "Creating":
        return serving.config == config
    return serving.status == "Updating" and serving.pending_config == config
