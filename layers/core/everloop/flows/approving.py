"""Approving: read a model's versions with the word on each; write down what is new.

Events report approvals, and may get lost: whoever looks for what should serve sees them, too.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from everloop.aws import approvals, journal, registry
from everloop.aws.registry import PackageDescription
from everloop.decisions import emergency, two_persons, waivers
from everloop.decisions.approvals import APPROVED, PENDING, from_chain, seen
from everloop.decisions.releases import Package
from everloop.flows import endorsing, report
from everloop.moments import text
from everloop.records.approval import Approval
from everloop.records.endorsement import Endorsement
from everloop.records.installation import Installation
from everloop.records.verdict import Verdict
from everloop.spec import policy


@dataclass(frozen=True)
class Versions:
    """All versions of a model, and those whose approval was written down by this very look."""

    packages: list[Package]
    fresh: dict[int, Approval]


@dataclass(frozen=True)
class ApprovalEvent:
    """What an event says of a version: that its approval was changed, to what, and when."""

    version: int
    status: str
    approval_at: datetime | None

    def told_at(self, package: Package) -> datetime | None:
        """When a version got the approval that it has; None where the event is of another one.

        By the time that an event is read, somebody may have spoken again.
        """
        same = (self.version, self.status) == (package.version, package.approval)
        return self.approval_at if same else None


@dataclass(frozen=True)
class Spoken:
    """A version whose approval is looked at: when an event says that it was changed, and whether it
    needs a second person.
    """

    described: PackageDescription
    changed_at: datetime | None
    two_persons: bool


def versions(
    installed: Installation,
    now: datetime | None,
    *,
    closer: Collection[int] = (),
    event: ApprovalEvent | None = None,
) -> Versions:
    """Return all versions as the registry has them, with when each was spoken on and its pin.

    What nobody wrote down yet is written down, unless there is no `now`. Those of `closer` are
    looked at themselves: they may have been approved again.
    """
    model, two = installed.model, policy.two_persons(installed.spec)
    known = approvals.all_of(model)
    pin = approvals.pin(model)
    packages = registry.packages(model)
    approved = any(package.approval == APPROVED for package in packages)
    verdicts = approvals.verdicts_of(model) if approved else {}
    endorsements = approvals.endorsements_of(model) if approved and two else {}
    look = {*closer, *([event.version] if event else []), *([pin[0]] if pin else [])}
    look |= _in_turn(packages, now)
    read: list[Package] = []
    fresh: dict[int, Approval] = {}
    for package in packages:
        before = known.get(package.version)
        verdict, endorsement = verdicts.get(package.version), endorsements.get(package.version)
        if package.version not in look and not _news(package, before):
            read.append(
                replace(
                    package,
                    approved_at=before.at if before else None,
                    barred=_barred(package, before, verdict, endorsement, two=two),
                    emergency=_emergency(package, before),
                )
            )
            continue
        described = registry.find(package.arn)
        if described is None:
            continue  # deleted a moment ago
        at = event.told_at(described.package) if event else None
        spoken = Spoken(described, at, two_persons=two)
        approval = _record_approval(spoken, before, now, verdict) if now else None
        if approval is not None:
            fresh[package.version] = approval
            endorsement = _still(endorsement, approval, model)
        word = approval or before
        same = word is not None and word.status == described.package.approval
        read.append(
            replace(
                described.package,
                approved_at=word.at if word and same else None,
                barred=_barred(described.package, word, verdict, endorsement, two=two),
                emergency=_emergency(described.package, word),
            )
        )
    if now:
        _note_pin(model, read, pin, now)
    return Versions(read, fresh)


def barred(installed: Installation, package: Package) -> str:
    """Say why the approval of a version does not count, by what is written down of it."""
    model, version = installed.model, package.version
    two = policy.two_persons(installed.spec)
    word, verdict = approvals.all_of(model).get(version), approvals.verdict(model, version)
    endorsement = approvals.endorsement(model, version) if two else None
    return _barred(package, word, verdict, endorsement, two=two)


def _barred(
    package: Package,
    word: Approval | None,
    verdict: Verdict | None,
    endorsement: Endorsement | None,
    *,
    two: bool,
) -> str:
    if package.approval != APPROVED:
        return ""
    unfair = waivers.barred(package.model, word, verdict)
    if unfair or not two:
        return unfair
    return two_persons.barred(package.model, word, endorsement, package.stage)


def _still(endorsement: Endorsement | None, word: Approval, model: str) -> Endorsement | None:
    """Return a yes that stands; who takes an approval back ends the other as well."""
    if word.status == APPROVED or not word.two_persons:
        return endorsement
    found = approvals.endorsement(model, word.version)
    if found is not None:
        endorsing.void(found, model, f"it was set to {word.status} by {word.by}")
    return None


def _emergency(package: Package, word: Approval | None) -> str:
    return emergency.reason(word) if package.approval == APPROVED else ""


def pin_changed(package: Package) -> bool:
    """Whether a version's stamp is another than the one that was seen last."""
    known = approvals.pin(package.model)
    if known is not None and known[0] == package.version:
        return package.pinned != known[1]
    return bool(package.pinned)


def _news(package: Package, before: Approval | None) -> bool:
    return package.approval != (before.status if before else PENDING)


def _in_turn(packages: list[Package], now: datetime | None) -> set[int]:
    """Return one of the approved versions, another each minute: an event of its pin may be lost."""
    approved = [package.version for package in packages if package.deployable]
    if now is None or not approved:
        return set()
    return {approved[int(now.timestamp() // 60) % len(approved)]}


def _record_approval(
    spoken: Spoken, before: Approval | None, now: datetime, verdict: Verdict | None
) -> Approval | None:
    """Write down what is new of a version's approval, and return it."""
    described, package = spoken.described, spoken.described.package
    verdict = verdict or approvals.verdict(package.model, package.version)
    if before is None:
        before, verdict = _by_chain(package, verdict)
    approval = seen(package, described.approval_description, before, verdict, spoken.changed_at)
    if approval is None:
        if before is not None and before.status == package.approval:
            approvals.put(package.model, before)  # a ledger of before has no record of it
        return None
    approval = replace(approval, two_persons=spoken.two_persons)
    report.decided(
        "approve",
        id=f"{package.arn}:{approval.status}:{text(approval.at)}",
        model=package.model,
        time=now,
        go=approval.status == APPROVED,
        reason=approval.reason,
        facts={
            "version": package.version,
            "approval": approval.status,
            "at": text(approval.at),
            "words": approval.words or None,
            **_waived(package, approval, verdict),
            **({"emergency": urgent} if (urgent := emergency.reason(approval)) else {}),
        },
        subject=package.arn,
        actor=approval.by,
    )
    approvals.put(package.model, approval)
    return approval


def _waived(package: Package, approval: Approval, verdict: Verdict | None) -> dict[str, str]:
    """Say which broken bars of fairness an approval waives, or why it does not count."""
    if verdict is None or not verdict.unfair or approval.status != APPROVED:
        return {}
    against = waivers.barred(package.model, approval, verdict)
    return {"barred": against} if against else {"waives": verdict.unfair}


def _by_chain(package: Package, verdict: Verdict | None) -> tuple[Approval | None, Verdict | None]:
    """Return what the chain says of a version of which the ledger keeps no record."""
    if package.approval == PENDING:
        return None, verdict
    approval, judged = from_chain(journal.decisions(package.model), package)
    return approval, verdict or judged


def _note_pin(
    model: str, packages: list[Package], before: tuple[int, str] | None, now: datetime
) -> None:
    """Write down which version is pinned, if it is another than was seen last."""
    pinned = max((p for p in packages if p.pinned), key=lambda p: p.pinned, default=None)
    after = (pinned.version, pinned.pinned) if pinned else None
    if after == before:
        return
    version, stamp = after or before or (0, "")
    report.decided(
        "pin",
        id=f"{model}:{version}:{stamp}{'' if after else ':gone'}",
        model=model,
        time=now,
        go=after is not None,
        reason=f"version {version} is pinned: {stamp}" if after else f"version {version} is free",
        facts={"version": version, "stamp": stamp},
        subject=pinned.arn if pinned else "",
    )
    approvals.put_pin(model, after[0] if after else None, after[1] if after else "")
