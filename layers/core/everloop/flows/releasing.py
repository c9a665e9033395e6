"""Releasing: what should serve, what does, and the machine that brings the one to the other."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from everloop import names
from everloop.aws import ledger, machines, people, production
from everloop.decisions import deploy_windows, two_persons
from everloop.decisions.approvals import POLICY
from everloop.decisions.deploy_windows import Closed
from everloop.decisions.infrastructure import description
from everloop.decisions.releases import (
    Package,
    ReleaseDecision,
    Waits,
    desired_package,
    overtaking,
    release_wanted,
    without_effect,
)
from everloop.flows import approving, cards, report, shortages
from everloop.flows.approving import ApprovalEvent
from everloop.messages import Kind, Message
from everloop.moments import text
from everloop.records.installation import Installation
from everloop.records.lease import RELEASE
from everloop.records.release import RELEASED, Release
from everloop.spec import policy


def overtaken_by(installed: Installation, version: int, now: datetime) -> Package | None:
    """Return what should serve by now instead of a version that is on its way; else None."""
    releases = ledger.releases(installed.model)
    versions = approving.versions(installed, None, closer=_failed(releases))
    return overtaking(version, versions.packages, releases, _closed(installed, now))


def _closed(installed: Installation, now: datetime) -> Closed | None:
    return deploy_windows.closed(policy.releases(installed.spec), now)


def decide(
    installed: Installation, now: datetime, event: ApprovalEvent | None = None
) -> ReleaseDecision:
    """Read registry, endpoint and past releases, and decide whether a release is needed."""
    packages, releases = _read(installed, now, event)
    serving = production.serving(installed)
    return release_wanted(
        packages,
        releases,
        serving,
        paused=installed.paused,
        closed=_closed(installed, now),
    )


def _read(
    installed: Installation, now: datetime, event: ApprovalEvent | None
) -> tuple[list[Package], list[Release]]:
    """Read versions and releases; an approval that changes nothing is answered with the reason."""
    releases = ledger.releases(installed.model)
    versions = approving.versions(installed, now, closer=_failed(releases), event=event)
    should_serve = desired_package(versions.packages, releases)
    for package in versions.packages:
        approval = versions.fresh.get(package.version)
        if approval is not None:
            cards.follow(package.arn)
        reason = without_effect(package, versions.packages, should_serve) if approval else ""
        if approval is None or not reason:
            continue
        id = f"{package.arn}:{text(approval.at)}:without-effect"
        new = report.decided(
            "release",
            id=id,
            model=installed.model,
            time=now,
            go=False,
            reason=reason,
            facts={"version": package.version, "desired": should_serve and should_serve.version},
            subject=package.arn,
        )
        if new and approval.by != POLICY:
            people.notify(_in_vain(package, reason, id), installed.spec, now)
    return versions.packages, releases


def _in_vain(package: Package, reason: str, id: str) -> Message:
    approve = f"everloop approve {package.model} --version {package.version}"
    kind: Kind = "approved-in-vain"
    happened = "was approved, and that changes nothing"
    to_do: tuple[str, ...] = (f"{approve} --pin", f"{approve} --instead")
    if package.barred and two_persons.WAITS in package.barred:
        kind, happened = "approval-needed", "was approved, and waits for a second person"
        to_do = ("Somebody else approves it:", f"  {approve} --reason '...'")
    elif package.barred:
        to_do = (f"{approve} --waive 'why'",)
    return Message(
        kind=kind,
        model=package.model,
        happened=happened,
        why=reason,
        id=id,
        version=package.version,
        to_do=to_do,
    )


def _failed(releases: Sequence[Release]) -> frozenset[int]:
    return frozenset(release.version for release in releases if release.outcome != RELEASED)


def start_wanted(
    installed: Installation, cause: str, now: datetime, event: ApprovalEvent | None = None
) -> ReleaseDecision:
    """Start the release of what should serve, unless it serves or another release runs.

    What an event reported of an approval is written down, whatever runs.
    """
    model = installed.model
    lease = ledger.lease(model, RELEASE)
    if lease.held(now):
        if event is not None:
            _read(installed, now, event)
        holder = lease.holder.rpartition(":")[2]
        return ReleaseDecision(False, f"{holder} is under way; it looks again when it ends")
    decision = decide(installed, now, event)
    if decision.waits is not None:
        _record_waiting(installed, decision, decision.waits, now)
    package = decision.package
    if package is None:
        return decision
    held = shortages.held(installed, RELEASE)
    if held is not None and held.subject == package.arn and package.decided_at <= held.met_at:
        reason = f"version {package.version} is held: {description(held.trouble)}"
        return replace(decision, go=False, reason=reason)
    if decision.spite:  # whoever dies behind this tells it, and starts it, in the next look
        people.notify(_emergency(package, decision), installed.spec, now)
    epoch = max(lease.epoch, ledger.last_epoch(model)) + 1
    name = names.deploy_execution(model, epoch, package.version)
    started = machines.start(
        machines.DEPLOY,
        name,
        {
            "model": model,
            "epoch": epoch,
            "version": package.version,
            "package_arn": package.arn,
            "cause": cause,
        },
    )
    # Its name is taken, so where AWS knows no such execution it began a moment ago.
    if not started.new and machines.status(started.arn) not in ("RUNNING", None):
        # It ended before it could take the lease. The next look uses the next epoch.
        ledger.raise_epoch(model, RELEASE, epoch)
        reason = f"{name} has ended without a trace; the next look starts another"
        return ReleaseDecision(False, reason)
    return replace(decision, execution=name, new=started.new)


def _record_waiting(
    installed: Installation, decision: ReleaseDecision, waits: Waits, now: datetime
) -> None:
    """Write down, once for each opening, that an approved version waits for it."""
    package, opens = waits.package, text(waits.opens) if waits.opens else None
    id = f"{package.arn}:{text(package.decided_at)}:waits:{opens}"
    if report.was_decided("release", id=id, model=installed.model):
        return
    report.decided(
        "release",
        id=id,
        model=installed.model,
        time=now,
        go=False,
        reason=waits.reason,
        facts={
            "version": package.version,
            "serving": decision.serving,
            "waits": package.version,
            "opens": opens,
        },
        subject=package.arn,
    )


def _emergency(package: Package, decision: ReleaseDecision) -> Message:
    return Message(
        kind="emergency",
        model=package.model,
        happened="is released at once, as an emergency",
        why=f"{package.emergency}\nIt would have waited: {decision.spite}.",
        id=f"{package.arn}:{text(package.decided_at)}:emergency",
        version=package.version,
        to_do=(
            "Who says so, and what is decided on it:",
            f"  everloop why {package.model} --version {package.version}",
            "To take it back:",
            f"  everloop reject {package.model} --version {package.version} --reason '...'",
        ),
    )
