"""Sealing: take a version's digests when it is first seen, and compare them before it is released.

Whoever may write where a model was trained could change it until its endpoint has read it, and
again when the endpoint grows. So the bytes are copied, once, to a name that is their digest and
that no job may write; what is judged and what is served is that copy.

Bytes are read to their end once. S3 names the version that was read, a version never changes, and
so the same name later means the same bytes: a comparison asks S3 for names, and reads only what
has another name than the seal knows. Of a copy that it makes S3 itself takes the sha256.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from everloop.aws import ledger, registry, storage
from everloop.aws.registry import PackageDescription
from everloop.aws.settings import settings
from everloop.aws.storage import Copy
from everloop.decisions.seals import (
    NO_VERSION,
    Contents,
    broken,
    container_digest,
    expected,
    gone,
    is_known,
    with_versions,
)
from everloop.errors import BadInput, Conflict, EverloopError, NotReady, Tampered
from everloop.flows import report
from everloop.flows.report import logger
from everloop.records.seal import Seal

_SOURCE = "SAGEMAKER_SUBMIT_DIRECTORY"


def sealed(described: PackageDescription, now: datetime) -> Seal:
    """Return a version's seal; seal it now if it has none.

    Raises BadInput for a version that cannot be sealed, Tampered if its bundle is not the one that
    its own metadata names.
    """
    package = described.package
    seal = ledger.seal(package.model, package.version) or _seal(described)
    seal = completed(seal, described)
    report.decided(
        "seal",
        id=package.arn,
        model=package.model,
        time=now,
        go=True,
        reason=f"version {package.version} is the model {seal.model_digest[:12]} "
        f"with the bundle {seal.bundle_digest[:12]}",
        facts={
            "version": package.version,
            "model_digest": seal.model_digest,
            "bundle_digest": seal.bundle_digest,
            "container_digest": seal.container_digest,
            "model_uri": seal.model_uri,
            "contents_digest": seal.contents_digest,
            "image_digest": seal.image_digest or "tag only",
        },
        subject=package.arn,
    )
    return seal


def known(model: str, version: int, arn: str, now: datetime) -> Seal:
    """Return what the ledger keeps of a version, whether its package is still registered or not.

    Raises BadInput for a version that was never sealed and is in no registry any more.
    """
    return ledger.seal(model, version) or sealed(registry.describe(arn), now)


def metadata(model: str, version: int, arn: str) -> Mapping[str, str]:
    """Return a version's own properties, by its seal, else by the registry.

    What a seal of before does not say it says from now on.
    """
    seal = ledger.seal(model, version)
    if seal is not None and seal.complete:
        return seal.metadata
    described = registry.describe(arn)
    if seal is not None:
        completed(seal, described)
    return described.metadata


def verified(described: PackageDescription) -> Seal:
    """Return a version's seal once everything was compared with it again. Raises Tampered.

    Raises EverloopError where something is to be copied back first, which the next plan does.
    """
    seal, empty = _compared(described)
    if any(uri in (seal.model_uri, seal.bundle_uri) for uri, _ in empty):
        raise EverloopError(
            f"version {seal.version}: {empty[0][0]} was deleted; a plan restores it"
        )
    return seal


def restored(described: PackageDescription) -> Seal:
    """Return a version's seal, compared like `verified`; make copies again that were deleted."""
    seal, empty = _compared(described)
    for uri, source in empty:
        version_id = seal.versions.get(source) or storage.newest_version(source)
        if version_id is None:
            raise NotReady(f"{source} was deleted a moment ago")
        storage.copy_once(source, version_id, *storage.split(uri))
        logger.info("made a deleted copy again", uri=uri, source=source)
    return seal


def _compared(described: PackageDescription) -> tuple[Seal, list[tuple[str, str]]]:
    package = described.package
    seal = ledger.seal(package.model, package.version)
    if seal is None:
        raise BadInput(f"{package.arn} was never sealed: it did not come through a release's plan")
    digests, versions = dict[str, str | None](), dict[str, str]()
    for uri, sha256 in expected(seal).items():
        version_id = storage.newest_version(uri)
        if version_id is not None and is_known(seal, uri, version_id):
            digests[uri] = sha256
            continue
        digests[uri], versions[uri] = storage.measured(uri) or (None, NO_VERSION)
    contents = Contents(_container(described), digests)
    changes = broken(seal, contents)
    if changes:
        raise Tampered(
            f"version {package.version} is not what was registered: {'; '.join(changes)}"
        )
    knowing = with_versions(seal, versions)
    if knowing != seal:
        ledger.note_seal_versions(package.model, knowing)
    return completed(knowing, described), gone(seal, contents)


def completed(seal: Seal, described: PackageDescription) -> Seal:
    """Return a seal of before with what the package says, unless that was changed since."""
    if seal.complete or _container(described) != seal.container_digest:
        return seal
    whole = replace(
        seal,
        image=described.image,
        environment=described.environment,
        metadata=described.metadata,
    )
    ledger.complete_seal(described.package.model, whole)
    return whole


def _seal(described: PackageDescription) -> Seal:
    package, source = described.package, described.model_data_url
    submitted = described.environment.get(_SOURCE) or ""
    # Code may also lie inside the model, and a built-in algorithm serves without any.
    bundle_uri = submitted if submitted.startswith("s3://") else described.uri("bundle-uri")
    for what, uri in (("model data", source), ("bundle", bundle_uri)):
        if not uri.startswith(f"s3://{settings().artefact_bucket}/"):
            raise BadInput(
                f"{package.arn}: its {what} is {uri!r}; only what lies in "
                f"{settings().artefact_bucket} can be sealed and released"
            )
    model, bundle = storage.contents(source), storage.measured(bundle_uri)
    if model is None or bundle is None:
        raise BadInput(f"{package.arn}: there is no {source if model is None else bundle_uri}")
    if bundle[0] != described.uri("bundle-digest"):
        raise Tampered(
            f"{package.arn}: the sha256 of {bundle_uri} is {bundle[0]}; the package says "
            f"{described.uri('bundle-digest')}"
        )
    held, version_id = model
    digest = held.sha256
    key = f"models/{package.model}/{digest}/model.tar.gz"
    copy = storage.copy_once(source, version_id, settings().artefact_bucket, key)
    bundle_copy = _bundle_copy(package.model, bundle_uri, *bundle)
    seal = Seal(
        version=package.version,
        package_arn=package.arn,
        container_digest=_container(described),
        source_uri=source,
        model_uri=copy.uri,
        model_digest=digest,
        bundle_uri=bundle_uri,
        bundle_digest=bundle[0],
        bundle_copy_uri=bundle_copy.uri,
        image=described.image,
        environment=described.environment,
        metadata=described.metadata,
        contents_digest=held.digest,
        image_digest=described.image_digest,
    )
    read = {source: version_id, bundle_uri: bundle[1]}
    copies = {
        made.uri: made.version_id
        for made, sha256 in ((copy, digest), (bundle_copy, bundle[0]))
        if made.version_id and made.sha256 == sha256
    }
    seal = with_versions(seal, {**read, **copies})
    try:
        ledger.put_seal(package.model, seal)
    except Conflict:  # another was faster, and its seal holds
        kept = ledger.seal(package.model, package.version)
        assert kept is not None
        return kept
    return seal


def _bundle_copy(model: str, uri: str, digest: str, version_id: str) -> Copy:
    key = f"models/{model}/{digest}/bundle.tar.gz"
    return storage.copy_once(uri, version_id, settings().artefact_bucket, key)


def _container(described: PackageDescription) -> str:
    return container_digest(described.image, described.model_data_url, described.environment)
