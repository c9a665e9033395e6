"""The story of a version: why it serves or does not, with the chain of all decisions verified."""

from collections.abc import Sequence

from everloop.aws import (
    anchors,
    approvals,
    journal,
    ledger,
    objects,
    production,
    registry,
    storage,
)
from everloop.decisions.releases import Package
from everloop.errors import BadInput, EverloopError
from everloop.views import chain as chains
from everloop.views import version as versions
from everloop.views import withdrawn
from everloop.views.chain import Chain
from everloop.views.endpoint import endpoint
from everloop.views.story import Story
from everloop.views.timeline import timeline
from everloop.views.version import RegisteredVersion, Version
from everloop.views.withdrawn import TrainedOn

_MOST = 200  # versions whose manifests are read, the newest first


def story(model: str, number: int | None = None) -> Story:
    """Tell a version's story, or that of what serves.

    Raises BadInput for a version that neither the registry nor the ledger knows.
    """
    verified = chain(model)
    serving = production.of_model(model)
    packages = registry.packages(model)
    chosen = number if number is not None else serving.version if serving else None
    version = None if chosen is None else _version(model, chosen, packages, verified)
    if number is not None and version is None:
        known = sorted(package.version for package in packages)
        raise BadInput(f"{model!r} has no version {number}; it has {known}")
    return Story(model, endpoint(serving), version, trained_on(model, packages), verified)


def chain(model: str) -> Chain:
    """Return all decisions about a model, verified against the chain's head and its anchors."""
    head = journal.head(model)  # before the decisions, which it may not run ahead of
    return chains.chain(head, list(journal.decisions(model)), anchors.all_of(model))


def trained_on(model: str, packages: Sequence[Package]) -> TrainedOn:
    """Tell which of these versions were trained on what was withdrawn since.

    Manifests are read only where something was withdrawn, and each once.
    """
    gone = withdrawn.withdrawn(objects.states(model).values())
    uris: dict[int, str] = {}
    for package in packages[:_MOST] if gone else ():
        described = registry.find(package.arn)
        uris[package.version] = (
            str(described.metadata.get("dataset-uri") or "") if described else ""
        )
    manifests = {uri: _manifest(uri) for uri in set(uris.values())}
    return withdrawn.trained_on(gone, {number: manifests[uri] for number, uri in uris.items()})


def _manifest(uri: str) -> dict[str, object] | None:
    """Read a manifest; None where it is gone, or is none: its versions are reported as unread."""
    try:
        document = storage.find_json(uri)
    except EverloopError:
        return None
    whole = (
        document is not None
        and isinstance(document.get("objects"), list)
        and "frozen_at" in document
    )
    return document if whole else None


def _version(
    model: str, number: int, packages: Sequence[Package], verified: Chain
) -> Version | None:
    package = next((each for each in packages if each.version == number), None)
    described = registry.find(package.arn) if package else None  # it may be deleted a moment ago
    registered = None
    if described is not None:
        arn, approval = described.package.arn, described.package.approval
        registered = RegisteredVersion(arn, approval, described.metadata)
    return versions.version(
        number,
        registered,
        ledger.seal(model, number),
        approvals.all_of(model).get(number),
        timeline(verified.all),
    )
