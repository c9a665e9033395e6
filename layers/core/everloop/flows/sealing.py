"""Sealing: take a version's digests when it is first seen, and compare them before it is released.

Whoever may write where a model was trained could change it until its endpoint has read it, and
again when the endpoint grows. So the bytes are copied, once, to a name that is their digest and
that no job may write; what is judged and what is served is that copy.
"""

from datetime import datetime

from everloop.aws import ledger, storage
from everloop.aws.registry import Described
from everloop.aws.settings import settings
from everloop.decisions.seals import Found, Seal, broken, container_digest, expected
from everloop.errors import BadInput, Conflict, Tampered
from everloop.flows import report

_SOURCE = "SAGEMAKER_SUBMIT_DIRECTORY"


def sealed(described: Described, now: datetime) -> Seal:
    """Return a version's seal; seal it now if it has none.

    Raises BadInput for a version that cannot be sealed, Tampered if its bundle is not the one that
    its own metadata names.
    """
    package = described.package
    seal = ledger.seal(package.model, package.version) or _seal(described)
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
        },
        subject=package.arn,
    )
    return seal


def verified(described: Described) -> Seal:
    """Return a version's seal once every byte was read again and compared. Raises Tampered."""
    package = described.package
    seal = ledger.seal(package.model, package.version)
    if seal is None:
        raise BadInput(f"{package.arn} was never sealed: it did not come through a release's plan")
    digests = {uri: (storage.measured(uri) or (None,))[0] for uri in expected(seal)}
    said = broken(seal, Found(_container(described), digests))
    if said:
        raise Tampered(f"version {package.version} is not what was registered: {'; '.join(said)}")
    return seal


def _seal(described: Described) -> Seal:
    package, source = described.package, described.model_data_url
    bundle_uri = described.environment.get(_SOURCE) or described.uri("bundle-uri")
    for what, uri in (("model data", source), ("bundle", bundle_uri)):
        if not uri.startswith(f"s3://{settings().artefact_bucket}/"):
            raise BadInput(
                f"{package.arn}: its {what} is {uri!r}; only what lies in "
                f"{settings().artefact_bucket} can be sealed and released"
            )
    model, bundle = storage.measured(source), storage.measured(bundle_uri)
    if model is None or bundle is None:
        raise BadInput(f"{package.arn}: there is no {source if model is None else bundle_uri}")
    if bundle[0] != described.uri("bundle-digest"):
        raise Tampered(
            f"{package.arn}: the sha256 of {bundle_uri} is {bundle[0]}; the package says "
            f"{described.uri('bundle-digest')}"
        )
    digest, version_id = model
    key = f"models/{package.model}/{digest}/model.tar.gz"
    copy = storage.copy_once(source, version_id, settings().artefact_bucket, key)
    seal = Seal(
        version=package.version,
        package_arn=package.arn,
        container_digest=_container(described),
        source_uri=source,
        model_uri=copy,
        model_digest=digest,
        bundle_uri=bundle_uri,
        bundle_digest=bundle[0],
    )
    try:
        ledger.put_seal(package.model, seal)
    except Conflict:  # another was faster, and its seal holds
        kept = ledger.seal(package.model, package.version)
        assert kept is not None
        return kept
    return seal


def _container(described: Described) -> str:
    return container_digest(described.image, described.model_data_url, described.environment)
