"""The images that jobs and endpoints run in: AWS's framework images, by use, version and region.

The table is images.json, which `make images` writes from AWS's own list.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from everloop.errors import BadInput

Use = Literal["training", "inference"]
USES: Final[tuple[Use, ...]] = ("training", "inference")
_ISOLATED: Final = "us-iso"  # how the names of regions without a way to the internet begin


@cache
def _frameworks() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files(__package__).joinpath("images.json").read_text())
    return document["frameworks"]  # type: ignore[no-any-return]


def frameworks() -> tuple[str, ...]:
    return tuple(_frameworks())


def versions(framework: str) -> tuple[str, ...]:
    """Return the versions that a push may ask for, newest first: AWS has every image of them."""
    images = _frameworks()[framework]["images"]
    return tuple(version for version, uses in images.items() if set(uses) == set(USES))


def known(framework: str) -> tuple[str, ...]:
    """Return the versions that a spec may have: also what was pushed before it lacked an image."""
    return tuple(_frameworks()[framework]["images"])


def check(framework: str, version: str, region: str) -> None:
    """Raise BadInput where AWS has no image to train with, or none to serve with, there."""
    for use in USES:
        image_uri(framework, version, region, use, exactly=True)


def image_uri(
    framework: str, version: str, region: str, use: Use = "training", *, exactly: bool = False
) -> str:
    """Return the image's URI. Raises BadInput naming what there is.

    A version that AWS lists for training only is served from that image, as it was before AWS's
    list was read: its models are in use. `exactly` refuses it.
    """
    if framework not in _frameworks():
        there = ", ".join(frameworks())
        raise BadInput(f"train.framework is {framework!r}; there is: {there}")
    images, registries = (_frameworks()[framework][part] for part in ("images", "registries"))
    offered = ", ".join(versions(framework))
    if version not in images:
        raise BadInput(f"train.version is {version!r}; there are: {offered}")
    if exactly and use not in images[version]:
        raise BadInput(
            f"train.version is {version!r}, of which AWS has no image for {use}; "
            f"there are: {offered}"
        )
    if region.startswith(_ISOLATED):
        raise BadInput(
            f"region {region!r} is isolated from the internet; whether the services that the stack "
            "stands on are there is not known, so nothing is pushed to it"
        )
    if region not in registries:
        there = ", ".join(each for each in registries if not each.startswith(_ISOLATED))
        raise BadInput(f"region {region!r} has no known image; there are: {there}")
    return f"{registries[region]}/{images[version].get(use) or images[version]['training']}"
