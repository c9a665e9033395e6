"""Seals: what a version was made of when it was first seen, and whether it still is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from everloop.names import digest


@dataclass(frozen=True)
class Seal:
    """A version's container as it was registered, and the digests (sha256, hex) of its bytes.

    `model_uri` is the copy of the model's data that nothing but Everloop writes: its name is its
    digest, and endpoints serve from it.
    """

    version: int
    package_arn: str
    container_digest: str
    source_uri: str
    model_uri: str
    model_digest: str
    bundle_uri: str
    bundle_digest: str


@dataclass(frozen=True)
class Found:
    """What there is now; a digest is None where there is no object any more."""

    container_digest: str
    digests: Mapping[str, str | None]


def container(image: str, model_data_url: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return a container as CreateModel takes it."""
    return {"Image": image, "ModelDataUrl": model_data_url, "Environment": dict(environment)}


def container_digest(image: str, model_data_url: str, environment: Mapping[str, str]) -> str:
    return digest(container(image, model_data_url, environment))


def expected(seal: Seal) -> dict[str, str]:
    """Return the digest that each object of a version must have, by its URI."""
    return {
        seal.source_uri: seal.model_digest,
        seal.bundle_uri: seal.bundle_digest,
        seal.model_uri: seal.model_digest,
    }


def broken(seal: Seal, found: Found) -> list[str]:
    """Say what was changed since a version was sealed; an empty list where nothing was."""
    said = []
    if found.container_digest != seal.container_digest:
        said.append("the package's image, model data or environment was changed in the registry")
    for uri, wanted in expected(seal).items():
        seen = found.digests.get(uri)
        if seen is None:
            said.append(f"{uri} is gone; its sha256 was {wanted}")
        elif seen != wanted:
            said.append(f"{uri} was changed: its sha256 is {seen}, and was {wanted}")
    return said
