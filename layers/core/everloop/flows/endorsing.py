"""Endorsing: write down whose yes a version's lifecycle stage is, by the event that tells of it.

Only an event says when the stage was changed, and with that whose the change was: what none told of
is nobody's yes.
"""

from dataclasses import replace

from everloop.aws import approvals, journal, people
from everloop.aws.registry import PackageDescription
from everloop.decisions.approvals import APPROVED, UNKNOWN
from everloop.decisions.two_persons import ENDORSED, makers
from everloop.facts import PackageChanged
from everloop.flows import report
from everloop.messages import Message
from everloop.moments import text
from everloop.records.approval import NO_WORDS
from everloop.records.endorsement import Endorsement
from everloop.records.installation import Installation


def endorse(installed: Installation, described: PackageDescription, fact: PackageChanged) -> bool:
    """Write down what an event says of a version's stage; return whether that was news."""
    package, at = described.package, fact.changed_at
    before = approvals.endorsement(package.model, package.version)
    if at is None or fact.stage != package.stage or (before is not None and at <= before.at):
        return False  # an old event, or somebody spoke since
    if package.stage != ENDORSED:
        return before is not None and void(before, package.model, f"its stage is {package.stage}")
    known = at == package.modified_at.replace(microsecond=0)
    mine = Endorsement(
        package.version,
        at,
        (package.modified_by if known else "") or UNKNOWN,
        package.modified_source if known else "",
        described.stage_words,
        makers(described.metadata, package.arn, journal.decisions(package.model)),
    )
    report.decided(
        "approve",
        id=f"{package.arn}:{ENDORSED}:{text(at)}",
        model=package.model,
        time=fact.time,
        go=True,
        reason=mine.words or NO_WORDS,
        facts={
            "version": package.version,
            "stage": ENDORSED,
            "at": text(at),
            "words": mine.words or None,
            "makers": list(mine.makers),
        },
        subject=package.arn,
        actor=mine.by,
    )
    if package.approval != APPROVED:
        people.notify(_second_wanted(mine, package.arn, package.model), installed.spec, fact.time)
    approvals.put_endorsement(package.model, mine)
    return True


def void(endorsement: Endorsement, model: str, why: str) -> bool:
    """Let a yes count no more; False where it does not already."""
    if endorsement.void:
        return False
    approvals.put_endorsement(model, replace(endorsement, void=why))
    return True


def _second_wanted(endorsement: Endorsement, arn: str, model: str) -> Message:
    version = endorsement.version
    return Message(
        kind="approval-needed",
        model=model,
        happened="waits for a second person's approval",
        why=f"{endorsement.by} said the first yes: {endorsement.words or NO_WORDS}",
        id=f"{arn}:second:{text(endorsement.at)}",
        version=version,
        to_do=(
            "Somebody else approves it, or rejects it:",
            f"  everloop approve {model} --version {version} --reason '...'",
            f"  everloop reject {model} --version {version} --reason '...'",
        ),
    )
