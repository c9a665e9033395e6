"""Cards: a version's own at its registration, and its copy, which follows what is decided since.

The package's own card is the truth, and is set once: each change of a package overwrites who
changed it last, which is how the registry says who approved. The copy is a model card of its own.
Both document, and hold nothing up: what AWS refuses is a warning in the log, and the next approval
or release writes the copy whole.
"""

from everloop import model_card, names
from everloop.aws import approvals, ledger, model_cards, registry, storage
from everloop.aws.clients import FAULTS
from everloop.aws.registry import PackageDescription
from everloop.decisions.approvals import APPROVED, PENDING
from everloop.errors import Conflict, EverloopError
from everloop.flows.report import logger
from everloop.model_card import Registered
from everloop.records.installation import Installation


def registered(installed: Installation, arn: str) -> None:
    """Give a version its card while it waits for its judgement, and the card its copy.

    A card that it has already, from its pipeline or from somebody, stays as it is. Where somebody
    has spoken before, only the copy is written.
    """
    try:
        described = registry.find(arn)  # as it is now: a seal reads for minutes
        if described is None:
            return
        own = described.card
        if not own:
            evaluation = storage.read_json(described.evaluation_uri)
            own = model_card.content(_facts(described), evaluation, installed.spec)
            if described.package.approval == PENDING:
                registry.set_card(arn, own, model_cards.PENDING_REVIEW)
        _copy(described, own)
    except (EverloopError, ValueError, *FAULTS) as error:
        logger.warning("card not written", package=arn, why=str(error))


def follow(arn: str) -> None:
    """Write a version's copy again, by what its package and the ledger say now."""
    try:
        described = registry.find(arn)
        if described is not None:
            _copy(described, described.card)
    except (EverloopError, ValueError, *FAULTS) as error:
        logger.warning("card not copied", package=arn, why=str(error))


def _copy(described: PackageDescription, own: str) -> None:
    """Write the copy of a card; without one, of what the copy says already."""
    package = described.package
    name = names.model_card(package.model, package.version)
    there = model_cards.find(name)
    if there is not None and not model_card.is_of(there[0], package.arn):
        raise Conflict(f"model card {name} is somebody else's: it is not of {package.arn}")
    if not own and there is None:
        return
    content = model_card.copied(
        _facts(described),
        own or (there[0] if there else ""),
        package.approval,
        approvals.all_of(package.model).get(package.version),
        ledger.releases(package.model),
    )
    approved = package.approval == APPROVED
    status = model_cards.APPROVED if approved else model_cards.PENDING_REVIEW
    if there is None:
        model_cards.create(name, content, status)
        return
    model_cards.update(
        name,
        content=content if content != there[0] else "",
        status=status if status != there[1] else "",
    )


def _facts(described: PackageDescription) -> Registered:
    return Registered(
        described.package.arn,
        described.package.model,
        described.package.version,
        described.image,
        described.model_data_url,
        described.metadata,
    )
