"""What a version was made of, from the documents that are kept of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from everloop.aws.registry import PackageDescription
from everloop.bom import Materials
from everloop.moments import text
from everloop.records.seal import Seal
from everloop.views.version import Listed, Version

CARD: Final = "version/model-card.json"
PACKAGES: Final = "supply-chain/packages.json"


def materials(
    version: Version,
    described: PackageDescription | None,
    seal: Seal | None,
    listed: Sequence[Listed],
    files: Mapping[str, bytes],
) -> Materials:
    """Return what is known; `files` are the documents by their path in a pack."""
    registered = [each.registered_at for each in listed if each.version == version.version]
    return Materials(
        model=version.package.split("/")[-2],
        version=version.version,
        package=version.package,
        registered_at=text(registered[0]) if registered else "",
        model_uri=seal.model_uri if seal else "",
        model_digest=version.model_digest,
        image=(seal.image if seal else "") or (described.image if described else ""),
        image_digest=(seal.image_digest if seal else "")
        or (described.image_digest if described else ""),
        bundle_digest=version.made_of.get("bundle-digest", ""),
        metadata=version.made_of,
        card=_parsed(files.get(CARD)),
        evaluation=_parsed(files.get("evaluation/evaluation.json")),
        packages=_parsed(files.get(PACKAGES)),
        manifest=_parsed(files.get("data/manifest.json")),
    )


def _parsed(data: bytes | None) -> Mapping[str, Any]:
    """Return a document; an empty one where there is none, or it is none."""
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
