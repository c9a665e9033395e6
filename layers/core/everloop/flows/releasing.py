"""Releasing: what should serve, what does, and the machine that brings the one to the other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop import names, policy
from everloop.aws import endpoints, ledger, machines, registry
from everloop.aws.ledger import Installed
from everloop.aws.registry import Described
from everloop.aws.settings import settings
from everloop.decisions import Decision
from everloop.decisions.releases import RELEASED, Package, Serving, desired, release_wanted
from everloop.decisions.rollouts import endpoint_config
from everloop.decisions.seals import Seal, container


@dataclass(frozen=True)
class Planned:
    """Everything that releasing a version makes, by names that say what is in it."""

    sagemaker_model: str
    container: dict[str, Any]
    staging_config_name: str
    staging_config: dict[str, Any]
    production_config_name: str
    production_config: dict[str, Any]


def plan(installed: Installed, described: Described, seal: Seal) -> Planned:
    """Return what the release of a version is made of; the same version and spec give the same.

    What is served is the sealed copy of the model.
    """
    model, version = installed.model, described.package.version
    served = container(described.image, seal.model_uri, described.environment)
    sagemaker_model = names.sagemaker_model(model, version, served)
    deploy = policy.deploy(installed.spec)
    stack = settings()
    staging = endpoint_config(sagemaker_model, deploy.staging, kms_key=stack.kms_key)
    production = endpoint_config(
        sagemaker_model,
        deploy.production,
        capture_uri=f"s3://{stack.artefact_bucket}/capture/{model}",
        capture_percent=deploy.capture_percent,
        kms_key=stack.kms_key,
    )
    return Planned(
        sagemaker_model,
        served,
        names.endpoint_config(model, version, staging, staging=True),
        staging,
        names.endpoint_config(model, version, production, staging=False),
        production,
    )


def wanted(installed: Installed) -> Package | None:
    """Return the version that should serve, by the registry and the releases that failed."""
    releases = ledger.releases(installed.model)
    failed = frozenset(r.version for r in releases if r.outcome != RELEASED)
    return desired(registry.packages(installed.model, look_closer_at=failed), releases)


def look(installed: Installed) -> tuple[Decision, Package | None, Serving | None]:
    """Read registry, endpoint and past releases, and decide whether a release is wanted."""
    model = installed.model
    releases = ledger.releases(model)
    failed = frozenset(r.version for r in releases if r.outcome != RELEASED)
    packages = registry.packages(model, look_closer_at=failed)
    serving = endpoints.serving(model)
    decision, wanted = release_wanted(packages, releases, serving, paused=installed.paused)
    return decision, wanted, serving


def start_wanted(installed: Installed, cause: str, now: datetime) -> Decision:
    """Start the release of what should serve, unless it serves or another release runs."""
    model = installed.model
    lease = ledger.lease(model, ledger.RELEASE)
    if lease.held(now):
        holder = lease.holder.rpartition(":")[2]
        return Decision(False, f"{holder} is under way; it looks again when it ends")
    decision, wanted, _ = look(installed)
    if wanted is None:
        return decision
    epoch = max(lease.epoch, ledger.last_epoch(model)) + 1
    name = names.deploy_execution(model, epoch, wanted.version)
    started = machines.start(
        machines.DEPLOY,
        name,
        {
            "model": model,
            "epoch": epoch,
            "version": wanted.version,
            "package_arn": wanted.arn,
            "cause": cause,
        },
    )
    if not started.new and machines.status(started.arn) != "RUNNING":
        # It ended before it could take the lease. The next look uses the next epoch.
        ledger.raise_epoch(model, ledger.RELEASE, epoch)
        return Decision(False, f"{name} has ended without a trace; the next look starts another")
    return Decision(
        True, decision.reason, {**decision.facts, "execution": name, "new": started.new}
    )
