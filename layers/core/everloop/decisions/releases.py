"""Releases: which version should serve, and whether that needs a release now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from everloop.decisions import Decision
from everloop.decisions.deploy_windows import Closed
from everloop.records.release import (
    ERROR,
    INTERRUPTED,
    RELEASED,
    ROLLED_BACK,
    TAMPERED,
    TESTS_FAILED,
    Release,
)

# What failed for a reason of its own is not tried again until somebody approves it again; what
# failed for AWS's or our own reasons, or by somebody's hand, is worth a few more attempts.
_TRIES = {TESTS_FAILED: 1, ROLLED_BACK: 1, TAMPERED: 1, INTERRUPTED: 3, ERROR: 3}


@dataclass(frozen=True)
class Package:
    """A version in the registry, as it is now."""

    model: str
    version: int
    arn: str
    status: str
    approval: str
    modified_at: datetime
    modified_by: str = ""
    modified_source: str = ""  # the source identity of who modified it, where AWS gave one
    stage: str = ""  # of its life cycle, with that stage's status
    approved_at: datetime | None = None  # by the ledger's record, made when it was seen
    pinned: str = ""  # the stamp that says so; a later one is greater
    barred: str = ""  # why its approval does not count: see decisions.waivers
    emergency: str = ""  # why it is released whenever it is: see decisions.emergency

    @property
    def decided_at(self) -> datetime:
        """When somebody spoke on it last. Only where no record says so, when it was changed last:
        any other stamp on the package changes that.
        """
        return self.approved_at or self.modified_at

    @property
    def deployable(self) -> bool:
        return self.approval == "Approved" and self.status == "Completed" and not self.barred


@dataclass(frozen=True)
class Serving:
    """What an endpoint says about itself. `version` is None for no config of ours.

    `staged` is for a config of staging. In production, where somebody brought it by hand, it
    captures no data, and nothing says that its version passed the tests.
    """

    endpoint: str
    status: str
    config: str
    version: int | None
    pending_config: str | None = None
    failure_reason: str = ""
    changed_at: datetime | None = None
    staged: bool = False
    last_alarms: tuple[str, ...] = ()  # those that watched the last deployment
    image: str = ""  # what AWS resolved the container's image to
    instances: tuple[str, ...] = ()  # which of its pools' types it runs on; nothing without pools
    serverless: bool = False
    count: int | None = None  # how many instances it is to have now, whatever its config began with

    def serves(self, version: int) -> bool:
        """Whether this version is in service, and not only as it was staged."""
        return self.status == "InService" and self.version == version and not self.staged

    def is_being_replaced(self, config: str) -> bool:
        """Whether this config is in service, and an update to another one has begun."""
        moves = self.status == "Updating" and self.pending_config not in (None, config)
        return moves and self.config == config

    @property
    def settled(self) -> bool:
        return self.status in ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")


def desired_package(packages: Sequence[Package], releases: Sequence[Release]) -> Package | None:
    """Return the version that should serve: the highest that is approved and has not failed since;
    of those, if any is pinned, the one pinned last.

    Nothing but the registry and the releases that failed says so; events only say when to look.
    """
    able = []
    for package in sorted(packages, key=lambda package: package.version, reverse=True):
        if package.deployable and not _failed_since_approval(package, releases):
            able.append(package)
    return max(able, key=lambda package: package.pinned, default=None)


def without_effect(package: Package, packages: Sequence[Package], desired: Package | None) -> str:
    """Say why the approval of a version changes nothing, and what would; empty where it counts."""
    if package.approval == "Approved" and package.barred:
        return package.barred
    if desired is None or desired.version == package.version or not package.deployable:
        return ""
    if not desired.pinned and desired.version < package.version:
        return ""  # its release has failed, and people know
    if not desired.pinned and desired.decided_at > package.decided_at:
        return ""  # it was overtaken by an approval that came later
    approve = f"everloop approve {package.model} --version {package.version}"
    is_ = "is pinned" if desired.pinned else "is approved, too, and higher"
    reason = (
        f"version {package.version} is approved and not released: version {desired.version} {is_}. "
        f"To bring version {package.version}: {approve} --pin"
    )
    if desired.pinned:
        return f"{reason}, or everloop unpin {package.model}"
    higher = sorted(p.version for p in packages if p.deployable and p.version > package.version)
    return f"{reason}, or {approve} --instead, which rejects {_versions(higher)}"


def _versions(numbers: Sequence[int]) -> str:
    word = "version" if len(numbers) == 1 else "versions"
    return f"{word} {', '.join(map(str, numbers))}"


@dataclass(frozen=True)
class Waits:
    """A version that is approved and not released before it opens, as far as it ever does."""

    package: Package
    reason: str
    opens: datetime | None


@dataclass(frozen=True)
class ReleaseDecision(Decision):
    """Whether a release is needed now, and of which `package`.

    `serving` is the version in service, and `serves` whether there is an endpoint, where that was
    `looked` at. `stays` is what serves on though its approval was withdrawn: its ARN, or nothing
    but its name where it is gone from the registry. `spite` is why it should wait, and does not:
    somebody calls it an emergency. `execution` is the machine's that brings the release, and `new`
    says that it was started just now.
    """

    package: Package | None = None
    looked: bool = False
    serving: int | None = None
    serves: bool = False
    stays: str = ""
    waits: Waits | None = None
    spite: str = ""
    execution: str = ""
    new: bool = False


def release_wanted(
    packages: Sequence[Package],
    releases: Sequence[Release],
    serving: Serving | None,
    *,
    paused: str = "",
    closed: Closed | None = None,
) -> ReleaseDecision:
    """Decide whether another version should serve than the one that does.

    `paused` and `closed` hold releases back, but never keep a version in service whose approval was
    withdrawn. Where nothing can take the place of such a version, it serves on: only a person can
    repair that. `closed` holds back what is new: what served before returns at any time.
    """
    desired = desired_package(packages, releases)
    now = serving.version if serving and serving.status == "InService" else None
    if desired is not None and closed is not None and not _emergency(desired, releases):
        allowed = _while_closed(desired, packages, releases, now)
        if allowed != desired:
            others = [package for package in packages if package == allowed]
            decision = release_wanted(others, releases, serving, paused=paused)
            return _waiting(decision, desired, closed)
    decision = ReleaseDecision(
        False,
        "no version is approved that could be released",
        _facts(desired, now, serving),
        looked=True,
        serving=now,
        serves=serving is not None,
    )
    approved = any(p.version == now and p.deployable for p in packages)
    if desired is None:
        return decision if now is None or approved else _keeps_serving(now, packages, decision)
    against = _against(desired, serving)
    if not against and paused and (now is None or approved):
        against = f"{paused}; version {desired.version} waits"
    if against:
        return replace(decision, reason=against)
    reason, facts, spite = _change(desired, now), decision.facts, ""
    if closed is not None and _emergency(desired, releases):
        spite, reason = closed.reason, f"{reason}; an emergency: {desired.emergency}"
        facts = {**facts, "emergency": desired.emergency, "in_spite_of": spite}
    return replace(decision, go=True, reason=reason, package=desired, facts=facts, spite=spite)


def overtaking(
    version: int,
    packages: Sequence[Package],
    releases: Sequence[Release],
    closed: Closed | None,
) -> Package | None:
    """Return what should serve by now instead of a version on its way; None where it may go on.

    What returns to service goes on while something new waits.
    """
    desired = desired_package(packages, releases)
    if desired is None or desired.version == version:
        return None
    if closed is not None and not _emergency(desired, releases):
        back = desired_package(_served(packages, releases), releases)
        if back is not None and back.version == version:
            return None
    return desired


def _emergency(package: Package, releases: Sequence[Release]) -> str:
    """Return why a version is released at once; nothing where that word brought it already."""
    used = any(
        (release.version, release.outcome) == (package.version, RELEASED)
        and release.approved_at >= package.decided_at
        for release in releases
    )
    return "" if used else package.emergency


def _served(packages: Sequence[Package], releases: Sequence[Release]) -> list[Package]:
    served = {release.version for release in releases if release.outcome == RELEASED}
    return [package for package in packages if package.version in served]


def _while_closed(
    desired: Package,
    packages: Sequence[Package],
    releases: Sequence[Release],
    now: int | None,
) -> Package | None:
    """Return what should serve while nothing new is released: what does, else what did before.

    Where what serves was withdrawn and nothing served before it, something new takes its place.
    """
    served = _served(packages, releases)
    if desired.version == now or (desired in served and (now is None or desired.version < now)):
        return desired
    serves = next((p for p in packages if p.version == now and p.deployable), None)
    if serves is not None:
        return serves
    return desired_package(served, releases) or (None if now is None else desired)


def _waiting(decision: ReleaseDecision, package: Package, closed: Closed) -> ReleaseDecision:
    """Say which version waits, beside what is decided without it."""
    waits = Waits(
        package, f"version {package.version} is approved and waits: {closed.reason}", closed.opens
    )
    reason = f"{decision.reason}; {waits.reason}" if decision.go else waits.reason
    return replace(
        decision, reason=reason, facts={**decision.facts, "waits": package.version}, waits=waits
    )


def _facts(desired: Package | None, now: int | None, serving: Serving | None) -> dict[str, Any]:
    """Return what a release is decided upon, as it is written down."""
    facts: dict[str, Any] = {
        "desired": desired.version if desired else None,
        "serving": now,
        "endpoint_status": serving.status if serving else None,
    }
    return {**facts, "pinned": True} if desired and desired.pinned else facts


def _against(desired: Package, serving: Serving | None) -> str:
    """Say why the endpoint needs no release now; empty where it does."""
    if serving is not None and not serving.settled:
        return f"the endpoint is {serving.status}; looked at again when that ends"
    if serving is not None and serving.serves(desired.version):
        return f"version {desired.version} is what should serve, and it does{_pinned(desired)}"
    return ""


def _change(desired: Package, now: int | None) -> str:
    """Say what a release changes."""
    if now is None:
        return f"version {desired.version} should serve, and nothing does"
    if now == desired.version:
        return f"version {now} should serve as in production, and does as in staging"
    newer = desired.version > now or desired.pinned
    word = "replaces" if newer else "brings back the version before"
    return f"version {desired.version} {word} version {now}{_pinned(desired)}"


def _pinned(desired: Package) -> str:
    return "; it is pinned" if desired.pinned else ""


def _keeps_serving(
    version: int, packages: Sequence[Package], decision: ReleaseDecision
) -> ReleaseDecision:
    """Say of a version whose approval was withdrawn that it serves on."""
    package = next((package for package in packages if package.version == version), None)
    is_ = package.barred or package.approval if package else "gone from the registry"
    reason = f"version {version} serves and is {is_}, and no other is approved to take its place"
    stays = package.arn if package else f"v{version}"
    return replace(decision, reason=reason, facts={**decision.facts, "stays": stays}, stays=stays)


def _failed_since_approval(package: Package, releases: Sequence[Release]) -> bool:
    failures: dict[str, int] = {}
    for release in releases:
        same = release.version == package.version and release.approved_at >= package.decided_at
        if same and release.outcome in _TRIES:
            failures[release.outcome] = failures.get(release.outcome, 0) + 1
    return any(failures[outcome] >= _TRIES[outcome] for outcome in failures)


def gives_up(release: Release, ended: Sequence[Release]) -> bool:
    """Whether a release that failed is not tried again until somebody approves it again.

    `ended` are the releases that ended, this one among them.
    """
    same = [
        other
        for other in ended
        if (other.version, other.outcome) == (release.version, release.outcome)
        and other.approved_at >= release.approved_at
    ]
    return release.outcome in _TRIES and len(same) >= _TRIES[release.outcome]
