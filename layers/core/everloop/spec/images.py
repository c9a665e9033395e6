"""The images that jobs and endpoints run in: AWS's own, by use, version, region and processor.

The table is images.json, which `make images` writes from AWS's own list.
"""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from everloop.errors import BadInput
from everloop.spec.nearest import nearest

Use = Literal["training", "inference"]
Kind = Literal["frameworks", "algorithms"]
USES: Final[tuple[Use, ...]] = ("training", "inference")
_ISOLATED: Final = (
    "us-iso",
    "eu-iso",
)  # how the names of regions without a way to the internet begin
_ANY: Final = "any"  # the processor of an image that runs on all
_GRAVITON = re.compile(r"[a-z]+[0-9]+g[a-z]*")
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<domain>[a-z.]+)/"
    r"(?P<repository>[a-z0-9]+(?:[._/-][a-z0-9]+)*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))"
)


@cache
def _table() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(files(__package__).joinpath("images.json").read_text())
    return document


def frameworks() -> tuple[str, ...]:
    """Return the frameworks that train."""
    return tuple(
        name
        for name, versions in _table()["frameworks"].items()
        if any("training" in uses for uses in versions.values())
    )


def algorithms() -> tuple[str, ...]:
    return tuple(_table()["algorithms"])


def versions(name: str, kind: Kind = "frameworks") -> tuple[str, ...]:
    """Return the versions that AWS has images of for training and for serving, newest first."""
    return tuple(
        version for version, uses in _table()[kind][name].items() if set(uses) >= set(USES)
    )


def known(name: str, kind: Kind = "frameworks") -> tuple[str, ...]:
    """Return the versions that a spec may have: also what was pushed before it lacked an image."""
    return tuple(_table()[kind][name])


def processors(name: str, version: str, use: Use, kind: Kind = "frameworks") -> tuple[str, ...]:
    """Return what a version has images for: cpu, gpu, or any."""
    return tuple(_table()[kind][name][version].get(use, {}).get("images", {}))


def processor(instance: str) -> str:
    """Return what an instance type computes on: cpu, gpu, arm (Graviton) or neuron."""
    family = instance.removeprefix("ml.").partition(".")[0]
    if family.startswith(("inf", "trn")):
        return "neuron"
    if family.startswith(("g", "p")):
        return "gpu"
    return "arm" if _GRAVITON.fullmatch(family) else "cpu"


def image_uri(
    name: str,
    version: str,
    region: str,
    use: Use = "training",
    *,
    on: str = "cpu",
    exactly: bool = False,
    kind: Kind = "frameworks",
) -> str:
    """Return the URI of the image for a processor. Raises BadInput naming what there is.

    A version that AWS lists for training only is served from that image, as it was before AWS's
    list was read: its models are in use. `exactly` refuses it.
    """
    key = f"train.{kind.removesuffix('s')}"
    named = _table()[kind]
    if name not in named:
        there = ", ".join(frameworks() if kind == "frameworks" else algorithms())
        raise BadInput(f"{key} is {name!r}{nearest(name, named) or f'; there is: {there}'}")
    uses = named[name].get(version)
    if uses is None:
        raise BadInput(f"train.version is {version!r}; {offered(name, version, kind)}")
    if exactly and use not in uses:
        raise BadInput(
            f"train.version is {version!r}, of which AWS has no image for {use}; "
            f"{offered(name, version, kind)}"
        )
    entry = uses.get(use) or uses["training"]
    registry = _registry(entry, region, name, version)
    images = entry["images"]
    image = images.get(on) or images.get(_ANY) or next(iter(images.values()))
    return f"{registry}/{image}"


def offered(name: str, version: str, kind: Kind) -> str:
    """Say which versions there are, and which may be meant."""
    there = versions(name, kind)
    close = nearest(version, there).removeprefix("; ")
    return f"{close} there are: {', '.join(there)}".lstrip()


def _registry(entry: Mapping[str, Any], region: str, name: str, version: str) -> str:
    if region.startswith(_ISOLATED):
        raise BadInput(
            f"region {region!r} is isolated from the internet; whether the services that the stack "
            "stands on are there is not known, so nothing is pushed to it"
        )
    accounts = _table()["accounts"][entry["accounts"]]
    if region not in accounts or region in entry["not_in"]:
        there = ", ".join(
            each
            for each in accounts
            if not each.startswith(_ISOLATED) and each not in entry["not_in"]
        )
        raise BadInput(f"region {region!r} has no image of {name} {version}; there are: {there}")
    return f"{accounts[region]}.dkr.ecr.{region}.{_table()['domains'][region]}"


def uri_problem(uri: str) -> str:
    """Say what is wrong with the URI of an image of one's own; nothing where it is well formed."""
    found = _ECR.fullmatch(uri)
    if found is None:
        return (
            "give the URI of an image in ECR with its tag or digest, such as "
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3"
        )
    domain = _table()["domains"].get(found["region"])
    if domain is not None and found["domain"] != domain:
        return f"registries of {found['region']} end in {domain}"
    return ""


def uri_region(uri: str) -> str:
    found = _ECR.fullmatch(uri)
    return found["region"] if found else ""


def wrong_processor(uri: str, instances: Iterable[str]) -> str:
    """Say where one of AWS's own images, told by its tag, is for other instances than these."""
    found = _ECR.fullmatch(uri)
    words = (found["tag"] or "").split("-") if found else []
    for kind, other in (("gpu", "cpu"), ("cpu", "gpu")):
        if kind in words:
            for instance in instances:
                if processor(instance) == other:
                    return f"{instance} is a {other.upper()} instance, and {uri} a {kind} image"
    return ""
