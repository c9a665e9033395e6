"""Which of two yeses the caller may say to a version that needs two persons."""

from collections.abc import Sequence
from dataclasses import dataclass

from everloop.aws import account, approvals, journal, registry
from everloop.decisions import two_persons
from everloop.decisions.approvals import APPROVED
from everloop.decisions.releases import Package
from everloop_cli.trouble import Trouble


@dataclass(frozen=True)
class Yes:
    """Whether a yes is said by the version's stage, else by its approval; and whether one is left
    for somebody else then.
    """

    by_stage: bool
    first: bool


def mine(package: Package) -> Yes:
    """Return which yes the caller may say.

    Raises Trouble where that is none: the same person twice, or one who made the version.
    """
    model, version = package.model, package.version
    me = account.caller().arn
    person = two_persons.names(me)
    if not person:
        raise Trouble(f"{me} could be anybody: say it as a user, or with a role of your own")
    endorsement = approvals.endorsement(model, version)
    metadata = registry.describe(package.arn).metadata
    makers = two_persons.makers(metadata, package.arn, journal.decisions(model))
    _check_maker(person, me, package, makers)
    if endorsement is not None and not endorsement.void and package.stage == two_persons.ENDORSED:
        other = two_persons.names(endorsement.by, endorsement.source)
        if other and not two_persons.made(other, makers):
            _check_other(person, me, package, other, endorsement.by)
            return Yes(by_stage=False, first=False)
    word = approvals.all_of(model).get(version)
    if package.approval == APPROVED and word is not None and word.two_persons:
        other = two_persons.names(word.by, word.source) if word.by_event else frozenset()
        if other and not two_persons.made(other, makers):
            _check_other(person, me, package, other, word.by)
            return Yes(by_stage=True, first=False)
    return Yes(by_stage=True, first=True)


def _check_other(
    person: frozenset[str], me: str, package: Package, other: frozenset[str], by: str
) -> None:
    if two_persons.same(person, other):
        raise Trouble(
            f"you are {me}, and {by} said yes to version {package.version} of {package.model}: "
            "another person says the second"
        )


def _check_maker(person: frozenset[str], me: str, package: Package, makers: Sequence[str]) -> None:
    what = f"pushed the code of version {package.version} of {package.model}, or asked to train it"
    maker = two_persons.made(person, [each for each in makers if each])
    if maker:
        raise Trouble(f"you are {me}, and {maker} {what}: two other persons approve it")
    if "" in makers:
        raise Trouble(
            f"nobody knows who {what}, so that you could be the one: everloop push "
            f"models/{package.model}, and let it train"
        )
