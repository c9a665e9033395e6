"""Approvals: what the registry says of a version, and whether that is news.

The registry keeps who changed a package last and the last words of an approval; any other stamp on
the package overwrites the one, and an approval without words leaves the other. So each approval is
written down when it is seen, and what it says is compared with what was written down before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from everloop.decisions.releases import Package
from everloop.moments import moment
from everloop.records.approval import Approval
from everloop.records.verdict import Verdict

APPROVED: Final = "Approved"
REJECTED: Final = "Rejected"
PENDING: Final = "PendingManualApproval"
POLICY: Final = "policy"
UNKNOWN: Final = "unknown"
PIN: Final = "everloop-pin"  # a version's property: it should serve, whatever is approved above it


def seen(
    package: Package,
    description: str,
    before: Approval | None,
    verdict: Verdict | None,
    changed_at: datetime | None = None,
) -> Approval | None:
    """Return the approval to write down; None where the registry says nothing new.

    `changed_at` is when the approval was changed, by an event of the registry's about it. What
    changed the package later than that is another's stamp: then who approved is not known.
    """
    if before is None and package.approval == PENDING:
        return None
    newer = _is_newer(package, before, changed_at)
    if before is not None and before.status == package.approval:
        spoken = description not in ("", before.description) and package.approval != PENDING
        if not newer and not spoken:
            return _known_by_event(before, package, changed_at)
    at, by, source = package.modified_at, package.modified_by or UNKNOWN, package.modified_source
    if newer and changed_at is not None and changed_at < _second(package.modified_at):
        at, by, source = changed_at, UNKNOWN, ""
    by_event = changed_at is not None and changed_at == _second(at)
    ours = verdict is not None and verdict.set_it(package.approval, description)
    if before is None and ours:
        return Approval(package.version, package.approval, at, POLICY, description, description)
    stood = _stood(before, verdict)
    new = description if description != stood else ""
    words = new or _repeated(before, package.approval, by)
    return Approval(
        package.version, package.approval, at, by, words, description or stood, source, by_event
    )


def _known_by_event(
    before: Approval, package: Package, changed_at: datetime | None
) -> Approval | None:
    """Return a word that was seen before its event, once that confirms whose it is; else None."""
    confirmed = changed_at == _second(before.at) == _second(package.modified_at)
    same = before.by == (package.modified_by or UNKNOWN)
    return replace(before, by_event=True) if confirmed and same and not before.by_event else None


def _is_newer(package: Package, before: Approval | None, changed_at: datetime | None) -> bool:
    """Whether an event reports a word that the registry knows, and that is not written down."""
    if changed_at is None or changed_at > _second(package.modified_at):
        return False
    return before is None or changed_at > _second(before.at)


def _stood(before: Approval | None, verdict: Verdict | None) -> str:
    """Return the text that stood in the registry before, as far as it is known."""
    if before is not None:
        return before.description
    return verdict.description if verdict is not None else ""


def _repeated(before: Approval | None, status: str, by: str) -> str:
    """Return the words of before where the same one says the same again without any."""
    again = before is not None and (before.status, before.by) == (status, by)
    return before.words if before is not None and again else ""


def from_chain(
    decisions: Iterable[Mapping[str, Any]], package: Package
) -> tuple[Approval | None, Verdict | None]:
    """Return a version's last approval and verdict by a ledger that kept no record of them."""
    approval, verdict = None, None
    for decision in decisions:
        if decision.get("subject") != package.arn:
            continue
        facts = decision.get("facts") or {}
        if decision["kind"] == "judge" and facts.get("verdict") in ("approved", "rejected"):
            status = APPROVED if decision["go"] else REJECTED
            verdict = Verdict(package.version, status, str(decision["reason"])[:1024])
        if decision["kind"] == "approve" and "stage" not in facts:
            status = str(facts.get("approval"))
            words = str(decision["reason"])
            at = moment(str(decision["id"]).partition(f":{status}:")[2] or str(decision["time"]))
            by = str(decision["actor"])
            if verdict is not None and (words, status) == (verdict.description, verdict.status):
                by = POLICY
            stood = "" if words.startswith("set to ") else words
            approval = Approval(package.version, status, at, by, stood, stood)
    return approval, verdict


def _second(when: datetime) -> datetime:
    """Return a time as events give it: to the second."""
    return when.replace(microsecond=0)
