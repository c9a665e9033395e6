"""Seals: what a version was made of when it was first seen."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from everloop.records.keys import Item, Key, of_model
from everloop.records.writes import EXISTS, NEW, Put, Update, set_of


@dataclass(frozen=True)
class Seal:
    """A version's container as it was registered, and the digests (sha256, hex) of its bytes.

    `model_uri` is the copy of the model's data that nothing but Everloop writes: its name is its
    digest, and endpoints serve from it. `bundle_copy_uri` is such a copy of the bundle. With
    `image`, `environment` and `metadata` (the package's own properties) the version can be judged,
    watched and made again when its package is deleted. `versions` says of each object in which of
    its versions in S3 these bytes were found. Seals of before have none of these five.

    `contents_digest` is of the names and bytes of the members of the model's archive, whatever its
    times say; `image_digest` is what the registry said of the image when it was sealed. Either is
    empty where nobody knows it.
    """

    version: int
    package_arn: str
    container_digest: str
    source_uri: str
    model_uri: str
    model_digest: str
    bundle_uri: str
    bundle_digest: str
    bundle_copy_uri: str = ""
    image: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    contents_digest: str = ""
    image_digest: str = ""

    @property
    def complete(self) -> bool:
        """Whether it holds all that the package held."""
        return bool(self.metadata and self.image)


def key(model: str, version: int) -> Key:
    return of_model(model, f"SEAL#{version:08d}")


def put(model: str, seal: Seal) -> Put:
    """Return what writes a seal, for good: a version has one."""
    return Put(key(model, seal.version), asdict(seal), NEW)


def of(item: Item) -> Seal:
    return Seal(**{each.name: item[each.name] for each in fields(Seal) if each.name in item})


def complete(model: str, seal: Seal) -> Update:
    """Return what adds to a seal of before what it did not keep; what it says stays as it is."""
    return set_of(
        key(model, seal.version),
        {
            "image": seal.image,
            "environment": dict(seal.environment),
            "metadata": dict(seal.metadata),
        },
        f"{EXISTS} AND attribute_not_exists(#metadata)",
    )


def note_versions(model: str, seal: Seal) -> Update:
    """Return what writes down in which versions a seal's bytes were found."""
    return set_of(key(model, seal.version), {"versions": dict(seal.versions)}, EXISTS)
