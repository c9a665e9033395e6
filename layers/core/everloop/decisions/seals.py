"""Seals: what a version was made of when it was first seen, and whether it still is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from everloop.errors import BadInput
from everloop.names import digest
from everloop.records.seal import Seal

NO_VERSION = "null"  # what S3 calls the only version of an object without versioning


def uri(metadata: Mapping[str, str], name: str, subject: str) -> str:
    """Return one of a package's own properties. Raises BadInput where it lacks it."""
    value = metadata.get(name)
    if not value:
        raise BadInput(
            f"{subject}: no {name!r} among its metadata {sorted(metadata)}; "
            "only packages that Everloop's pipeline registered can be judged and released"
        )
    return value


@dataclass(frozen=True)
class Contents:
    """What there is now; a digest is None where there is no object any more."""

    container_digest: str
    digests: Mapping[str, str | None]


def container(image: str, model_data_url: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return a container as CreateModel takes it."""
    return {"Image": image, "ModelDataUrl": model_data_url, "Environment": dict(environment)}


def container_digest(image: str, model_data_url: str, environment: Mapping[str, str]) -> str:
    return digest(container(image, model_data_url, environment))


def places(seal: Seal) -> list[tuple[str, str, str]]:
    """Return what a version is made of: digest, where it is needed, and where the same bytes lie.

    The model's data is needed where it is sealed, the bundle where its container looks for it.
    """
    model = (seal.model_digest, seal.model_uri, seal.source_uri)
    return [model, (seal.bundle_digest, seal.bundle_uri, seal.bundle_copy_uri)]


def expected(seal: Seal) -> dict[str, str]:
    """Return the digest that each object of a version must have, by its URI."""
    return {uri: digest for digest, *uris in places(seal) for uri in uris if uri}


def is_known(seal: Seal, uri: str, version_id: str) -> bool:
    """Whether the bytes of this version of an object were compared with the seal before.

    A version in S3 never changes: whoever writes the object again makes another. Where versioning
    is off the only one is called null, and may have been written over.
    """
    return version_id != NO_VERSION and seal.versions.get(uri) == version_id


def with_versions(seal: Seal, versions: Mapping[str, str]) -> Seal:
    """Return a seal that knows these versions, by URI; the same one where it did already."""
    kept = {uri: version for uri, version in versions.items() if version != NO_VERSION}
    return replace(seal, versions={**seal.versions, **kept}) if kept else seal


def broken(seal: Seal, contents: Contents) -> list[str]:
    """Say what was changed since a version was sealed; an empty list where nothing was.

    An object that is gone breaks nothing while the same bytes lie in its other place.
    """
    changes = []
    if contents.container_digest != seal.container_digest:
        changes.append("the package's image, model data or environment was changed in the registry")
    for expected, *uris in places(seal):
        digests = {uri: contents.digests.get(uri) for uri in uris if uri}
        for uri, seen in digests.items():
            if seen is not None and seen != expected:
                changes.append(f"{uri} was changed: its sha256 is {seen}, and was {expected}")
        if not any(digests.values()):
            changes.append(f"{' and '.join(digests)} is gone; its sha256 was {expected}")
    return changes


def gone(seal: Seal, contents: Contents) -> list[tuple[str, str]]:
    """Return what lies in one of its places only: which is empty, and which has the bytes."""
    pairs = []
    for _, needed, other in places(seal):
        for empty, full in ((needed, other), (other, needed)):
            if (
                empty
                and full
                and contents.digests.get(empty) is None
                and contents.digests.get(full)
            ):
                pairs.append((empty, full))
    return [pair for pair in pairs if pair[0] != seal.source_uri]  # a job's output is its own
