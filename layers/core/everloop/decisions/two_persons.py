"""Two persons: a version is released only where two people said yes, and made neither it nor both.

One yes is the package's lifecycle stage, the other its approval status; either may come first. That
two are two is decided by what AWS says of who changed the package. What nobody can know counts as
the same person.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from everloop.decisions.approvals import APPROVED, PENDING, UNKNOWN
from everloop.records.approval import Approval
from everloop.records.endorsement import Endorsement
from everloop.records.run import REQUEST

STAGE, STAGE_STATUS = "PreProduction", "Approved"  # of AWS's own templates
WAITS: Final = "waits for a second person"
ENDORSED: Final = f"{STAGE}/{STAGE_STATUS}"
_OF_IDENTITY_CENTER: Final = "AWSReservedSSO_"  # it names sessions after their users
_NOBODY = frozenset({"", UNKNOWN, "policy", "everloop", "root"})


def names(who: str, source: str = "") -> frozenset[str]:
    """Return what somebody is known by; nothing where that could be anybody.

    A source identity cannot be changed by who has it, and neither can a session's name that
    Identity Center gave. Of other sessions who takes the role chooses the name: the role counts
    as well, so that two sessions of one role are never two people.
    """
    resource = who.rpartition(":")[2] if who.startswith("arn:") else who
    kind, _, rest = resource.partition("/")
    if kind == "assumed-role":
        role, _, session = rest.partition("/")
        if source:
            known = {source, session}
        elif role.startswith(_OF_IDENTITY_CENTER):
            known = {session}
        else:
            known = {f"role {role}", session}
    else:
        known = {source, resource.rpartition("/")[2]}
    known = {name.casefold() for name in known} - _NOBODY
    return frozenset(known | {name.partition("@")[0] for name in known})


def same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two may be one person."""
    return not one or not other or bool(one & other)


def made(person: frozenset[str], makers: Sequence[str]) -> str:
    """Return who of the makers somebody may be; nothing where it is none of them."""
    for maker in makers:
        if same(person, names(maker)):
            return maker or UNKNOWN
    return ""


def makers(
    metadata: Mapping[str, str], arn: str, decisions: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return who pushed a version's code, and who asked for its training where somebody did.

    `decisions` are its model's. An empty one is somebody whom the ledger does not name.
    """
    pushed, asked, window = [], [], None
    for decision in decisions:
        kind, facts = decision["kind"], decision.get("facts") or {}
        if not decision["go"]:
            continue
        if kind == "install" and facts.get("bundle_digest") == metadata.get("bundle-digest"):
            pushed.append(str(facts.get("pushed_by") or ""))
        elif kind == "request":
            asked.append((facts.get("window"), str(decision["actor"])))
        elif kind == "train-end" and facts.get("package_arn") == arn:
            window = facts.get("window")
    by_hand = metadata.get("cause") == REQUEST
    trained = [who for its, who in asked if by_hand and its == window is not None]
    unnamed = [""] if not pushed or (by_hand and not trained) else []
    return tuple(dict.fromkeys([*pushed, *trained, *unnamed]))


def barred(model: str, word: Approval | None, endorsement: Endorsement | None, stage: str) -> str:
    """Say why the approval of a version does not count yet; empty where two people said yes.

    `stage` is the package's, as the registry has it now. What was approved before two were asked
    for counts.
    """
    if word is None or word.status != APPROVED or not word.two_persons:
        return ""
    how = f"everloop approve {model} --version {word.version}"
    if endorsement is None or endorsement.void or stage != ENDORSED:
        return f"version {word.version} {WAITS} (first: {word.by}): {how}"
    first = names(endorsement.by, endorsement.source)
    second = names(word.by, word.source) if word.by_event else frozenset()
    who = _unknown(first, second)
    if who:
        return (
            f"version {word.version} {WAITS}: nobody knows {who}, which counts "
            f"as the same person. Say it again: {how}"
        )
    if same(first, second):
        return (
            f"version {word.version} {WAITS}: {endorsement.by} and {word.by} may "
            f"be one. Somebody else says: {how}"
        )
    for by, person in ((endorsement.by, first), (word.by, second)):
        maker = made(person, endorsement.makers)
        if maker == UNKNOWN:
            return (
                f"version {word.version} {WAITS}: nobody knows who pushed its code, or asked for "
                "its training, which may be one of the two. Push it with everloop push, and train"
            )
        if maker:
            return (
                f"version {word.version} {WAITS}: {by} made it (pushed its code, "
                f"or asked for its training, as {maker}). Somebody else says: {how}"
            )
    return ""


def pending(model: str, endorsement: Endorsement | None, stage: str, approval: str) -> str:
    """Say that a version that is not approved yet has one yes; nothing where it has none."""
    if endorsement is None or endorsement.void or stage != ENDORSED or approval != PENDING:
        return ""
    how = f"everloop approve {model} --version {endorsement.version}"
    return f"version {endorsement.version} {WAITS} (first: {endorsement.by}): {how}"


def _unknown(first: frozenset[str], second: frozenset[str]) -> str:
    if not first:
        return "who set its stage"
    return "" if second else "who approved it"
