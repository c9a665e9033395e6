"""A person's word on a version: what it will do is shown first; then the registry is changed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from everloop.aws import approvals, ledger, production, registry
from everloop.decisions import deploy_windows, emergency
from everloop.decisions.approvals import APPROVED, PENDING, PIN, REJECTED
from everloop.decisions.deploy_windows import Calendar
from everloop.decisions.releases import Package, desired_package, without_effect
from everloop.decisions.two_persons import STAGE, STAGE_STATUS, WAITS
from everloop.decisions.waivers import reason_in
from everloop.reading.versions import versions
from everloop.records.installation import Installation
from everloop.records.release import RELEASED, Release
from everloop.spec import policy
from everloop_cli import clock, models, two_yeses
from everloop_cli.trouble import Trouble

_LONGEST_STAMP = 256
_RELEASES = 1000  # more than anybody reads
_NOT_IN_A_STAMP = re.compile(r"[^a-zA-Z0-9\s_.:/=+\-@]")


@dataclass(frozen=True)
class Change:
    """One call that a word on a version takes."""

    arn: str
    status: str | None
    pin: str | None = None  # a stamp to set; empty: the one to take away
    endorses: bool = False  # sets the stage that is one of two yeses


@dataclass(frozen=True)
class Plan:
    """What will be changed, in this order, and what comes of it, in words."""

    model: str
    version: int
    status: str
    changes: tuple[Change, ...]
    will: str

    @property
    def endorses(self) -> bool:
        """Whether it is the one of two yeses that approves nothing by itself."""
        return self.changes[0].endorses

    def as_dict(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version": self.version,
            "status": self.status,
            "arn": self.changes[0].arn,
            "will": self.will,
        }


def plan_word(
    model: str,
    version: int | None,
    status: str,
    *,
    pin: bool = False,
    instead: bool = False,
    words: str = "",
) -> Plan:
    """Plan an approval or a rejection; without a version, of the newest that waits for a person."""
    packages = _packages(model)
    package = _chosen(packages, model, version)
    if status == APPROVED and _needs_two(model):
        yes = two_yeses.mine(package)
        if yes.by_stage:
            if pin or instead or emergency.reason_in(words) or reason_in(words):
                raise Trouble(
                    f"your yes is the stage of version {package.version}, one of two: --pin, "
                    "--instead, --waive and --now go with the other, which is its approval"
                )
            return _endorsed(package, first=yes.first)
    waives = _waiver(model, package, words) if status == APPROVED else ""
    now = datetime.now(UTC)  # not cut to the second: it is the last word
    changes = [Change(package.arn, status)]
    spoken = replace(
        package, approval=status, approved_at=now, barred="", emergency=emergency.reason_in(words)
    )
    after = [spoken if each == package else each for each in packages]
    if status == REJECTED and package.pinned:
        changes = [Change(package.arn, status, pin="")]
    if pin:
        stamp = f"{now:%Y-%m-%dT%H:%M:%SZ}"
        changes = [Change(package.arn, status, pin=stamp)]
        changes += [Change(p.arn, None, pin="") for p in packages if p.pinned and p != package]
        after = [replace(p, pinned=stamp if p.arn == package.arn else "") for p in after]
    if instead:
        if any(p.pinned for p in packages if p != package):
            raise Trouble(f"a version of {model!r} is pinned: everloop unpin {model}, or --pin")
        # The version itself first, and the highest last: nothing else is released in between.
        higher = [p for p in packages if p.deployable and p.version > package.version]
        changes += [Change(p.arn, REJECTED) for p in sorted(higher, key=lambda p: p.version)]
        after = [replace(p, approval=REJECTED) if p in higher else p for p in after]
    will = _will(model, after, package.version)
    if instead and len(changes) > 1:
        numbers = ", ".join(change.arn.rpartition("/")[2] for change in changes[1:])
        will = f"rejects version {numbers}, too; {will}"
    return Plan(model, package.version, status, tuple(changes), f"{waives}{will}")


def _needs_two(model: str) -> bool:
    installed = ledger.find_installed(model)
    return installed is not None and policy.two_persons(installed.spec)


def waits_for_second(model: str, version: int) -> bool:
    """Whether a version is approved, and not by two persons."""
    return _needs_two(model) and any(
        package.version == version and WAITS in package.barred for package in versions(model)
    )


def _endorsed(package: Package, *, first: bool) -> Plan:
    """Plan the yes that is a version's stage."""
    will = "the second of two yeses: it counts as approved from here on"
    if first:
        will = "the first of two yeses: it waits for a second person, who says the same command"
    status = "endorsed by one of two persons" if first else "endorsed by the second of two persons"
    changes = (Change(package.arn, None, endorses=True),)
    return Plan(package.model, package.version, status, changes, will)


def _waiver(model: str, package: Package, words: str) -> str:
    """Say what an approval waives. Raises Trouble where it would not count without a waiver."""
    verdict = approvals.verdict(model, package.version)
    if verdict is None or not verdict.unfair:
        return ""
    if not reason_in(words):
        raise Trouble(
            f"version {package.version} broke its bars of fairness ({verdict.unfair}): its "
            "approval would not count. Whoever may waive them gives a reason that begins with "
            f"'waive: ', or: everloop approve {model} --version {package.version} --waive 'why'"
        )
    may = f", if you are {' or '.join(verdict.waive_by)}" if verdict.waive_by else ""
    return f"waives {verdict.unfair}{may}; "


def plan_unpin(model: str) -> Plan:
    """Plan to take away what holds a model at one version."""
    packages = _packages(model)
    pinned = [package for package in packages if package.pinned]
    if not pinned:
        raise Trouble(f"no version of {model!r} is pinned")
    after = [replace(package, pinned="") for package in packages]
    changes = tuple(Change(package.arn, None, pin="") for package in pinned)
    will = _will(model, after, pinned[0].version)
    return Plan(model, pinned[0].version, "unpinned", changes, will)


def carry_out(plan: Plan, words: str) -> None:
    """Change the registry as planned."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    before = approvals.all_of(plan.model).get(plan.version)
    if words and before is not None and words == before.description:
        words = f"{words} (again, {now})"  # what stands there already would say nothing
    for change in plan.changes:
        description = words or f"no words given (everloop, {now})"
        if change.arn != plan.changes[0].arn:
            description = f"version {plan.version} instead: {description}"
        registry.change(
            change.arn,
            approval=change.status or "",
            words=description,
            metadata=_stamped(change, words) if change.pin else None,
            without=[PIN] if change.pin == "" else [],
            stage=(STAGE, STAGE_STATUS) if change.endorses else None,
        )


def _stamped(change: Change, words: str) -> dict[str, str]:
    """Return a package's properties with the stamp that pins it."""
    stamp = f"{change.pin} {_NOT_IN_A_STAMP.sub('', words)}".strip()[:_LONGEST_STAMP]
    return {**registry.describe(change.arn).metadata, PIN: stamp}


def _will(model: str, after: Sequence[Package], version: int) -> str:
    """Say what will serve once the registry is as planned, and how it comes to that."""
    known = ledger.releases(model, newest=_RELEASES)
    desired = desired_package(after, known)
    live = production.of_model(model)
    now = live.version if live else None
    package = next(each for each in after if each.version == version)
    in_vain = without_effect(package, after, desired)
    if in_vain and package.approval == APPROVED:
        return f"nothing changes in production: {in_vain}"
    if desired is None:
        return f"nothing can be released; version {now} serves on" if now else "nothing will serve"
    held = f", and stays until: everloop unpin {model}" if desired.pinned else ""
    if desired.version == now:
        return f"nothing changes in production: version {now} serves{held}"
    place = f" in place of version {now}" if now is not None else ""
    installed = ledger.find_installed(model)
    when = _waits(installed, desired, known) if installed is not None else ""
    return f"version {desired.version} will be tested and released{place}{held}{when}"


def _waits(installed: Installation, desired: Package, releases: Sequence[Release]) -> str:
    """Say what a release waits for; nothing where it begins at once."""
    if installed.paused:
        return f" once the model is resumed ({installed.paused})"
    calendar = policy.releases(installed.spec)
    closed = deploy_windows.closed(calendar, clock.now()) if calendar != Calendar() else None
    if closed is None:
        return ""
    if desired.emergency:
        return f" now, and everybody is notified: as it is {closed.reason}"
    if any((r.version, r.outcome) == (desired.version, RELEASED) for r in releases):
        return ""  # what served before waits for nothing
    how = f"everloop approve {desired.model} --version {desired.version} --now --reason 'why'"
    return f" later, as it is {closed.reason}. In an emergency: {how}"


def _packages(model: str) -> list[Package]:
    """Return all versions; Trouble where there are none, and no such model."""
    packages = versions(model)
    if not packages:
        models.known(model)
    return packages


def _chosen(packages: Sequence[Package], model: str, version: int | None) -> Package:
    if version is None:
        waiting = [package for package in packages if package.approval == PENDING]
        if not waiting:
            raise Trouble(f"no version of {model!r} waits for approval; name one: --version N")
        return waiting[0]
    for package in packages:
        if package.version == version:
            return package
    known = sorted(package.version for package in packages)
    raise Trouble(f"{model!r} has no version {version}; it has {known}")
