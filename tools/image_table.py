"""Write the table of AWS's images from AWS's own list: the SageMaker SDK's data files.

`make images` writes layers/core/everloop/spec/images.json; `--check` only says whether it is so.
Training and inference are lists of their own there: a version may be in one and not in the other.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from botocore.session import Session

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "layers" / "core" / "everloop" / "spec" / "images.json"
_ALGORITHMS: Final = ("1",)
_OLDEST_PYTHON: Final = (3, 10)  # on which the scripts of jobs/ run
Json = dict[str, Any]


@dataclass(frozen=True)
class Offer:
    """What we offer of a file of AWS's: versions, newest first, or all with a Python new enough."""

    file: str
    versions: Sequence[str] = ()
    base: str = ""  # how the names of what it stands on begin, where a version stands on several

    @property
    def asked(self) -> str:
        """The name by which the SDK knows it."""
        return self.file.removesuffix(".json")


FRAMEWORKS: Final[Mapping[str, Offer]] = {
    "scikit-learn": Offer("sklearn.json", ("1.9-0", "1.4-2-py312", "1.4-2")),
    "xgboost": Offer("xgboost.json", ("3.2-0", "3.0-5")),
    "pytorch": Offer("pytorch.json"),
    "tensorflow": Offer("tensorflow.json"),
    "huggingface": Offer("huggingface.json", base="pytorch"),
    "spark": Offer("spark.json", ("3.5",)),
}
ALGORITHMS: Final[Mapping[str, Offer]] = {
    "xgboost": Offer("xgboost.json", ("3.2-0", "3.0-5")),
    "linear-learner": Offer("linear-learner.json", _ALGORITHMS),
    "knn": Offer("knn.json", _ALGORITHMS),
}
USES: Final = ("training", "inference", "processing")


@dataclass(frozen=True)
class Listed:
    """One version for one use, as AWS lists it."""

    repository: str
    tags: Mapping[str, str]  # by processor; "any" where the image does for all
    registries: Mapping[str, str]
    base: str = ""

    @property
    def images(self) -> dict[str, str]:
        return {kind: f"{self.repository}:{tag}" for kind, tag in self.tags.items()}


def table(lists: Path, sdk: str, only: Sequence[str] = ()) -> Json:
    """Return the table, from a folder of AWS's files and the version of the SDK that has them."""
    accounts: list[dict[str, str]] = []
    made: Json = {}
    for kind, offers in (("frameworks", FRAMEWORKS), ("algorithms", ALGORITHMS)):
        made[kind] = {
            name: _versions(json.loads((lists / offer.file).read_text()), offer, accounts)
            for name, offer in offers.items()
            if not only or offer.file in only
        }
    regions = sorted({region for some in accounts for region in some})
    return {
        "from": f"sagemaker=={sdk}",
        "domains": {region: _domain(region) for region in regions},
        "accounts": [dict(sorted(some.items())) for some in accounts],
        **_compact(made, accounts),
    }


def _versions(told: Json, offer: Offer, accounts: list[dict[str, str]]) -> Json:
    found: dict[str, dict[str, Listed]] = {}
    for use in USES:
        part = told.get(use) or (told if use in told.get("scope", ()) else {})
        for version, listed in _listed(part, offer):
            if listed is not None:
                found.setdefault(version, {})[use] = listed
    # Images to serve with may be listed for versions that our jobs cannot train.
    starts = [version for version, uses in found.items() if {"training", "processing"} & {*uses}]
    newest = sorted(starts, key=_order, reverse=True)
    return {version: _uses(found[version], accounts) for version in offer.versions or newest}


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.replace("-", ".").split(".") if part.isdigit())


def _listed(part: Json, offer: Offer) -> Iterator[tuple[str, Listed | None]]:
    for version, found in (part.get("versions") or {}).items():
        if offer.versions and version not in offer.versions:
            continue
        if not offer.base:
            yield version, _image(version, found, part, offer)
            continue
        bases = [name for name in found if name.startswith(offer.base)]
        for base in sorted(bases, key=lambda name: _order(name.removeprefix(offer.base)))[-1:]:
            yield version, _image(version, found[base], part, offer, base)


def _image(version: str, found: Json, part: Json, offer: Offer, base: str = "") -> Listed | None:
    """Return the image; None for one whose Python is too old for our jobs, or is not told."""
    python = (found.get("py_versions") or [""])[-1]
    minor = python.removeprefix("py3")
    old = minor.isdigit() and (3, int(minor)) < _OLDEST_PYTHON
    if old or python == "py2" or (python == "py3" and not offer.versions):
        return None
    processors = found.get("processors") or part.get("processors") or ["any"]
    container = found.get("container_version") or {}
    number = f"{base.removeprefix('pytorch')}-transformers{version}" if base else version
    tags = {
        kind: "-".join(
            word
            for word in (number, "" if kind == "any" else kind, python, container.get(kind))
            if word
        )
        for kind in processors
    }
    if "repository" not in found:  # of long ago: one repository for each Python
        return None
    return Listed(found["repository"], tags, found["registries"], base)


def _uses(uses: Mapping[str, Listed], accounts: list[dict[str, str]]) -> dict[str, Listed]:
    for listed in uses.values():
        _place(listed.registries, accounts)
    return dict(uses)


def _place(registries: Mapping[str, str], accounts: list[dict[str, str]]) -> int:
    """Return which of the lists of accounts has an image's regions; it gains what it lacked."""
    for number, some in enumerate(accounts):
        if some.keys() & registries.keys() and all(
            some.get(region, account) == account for region, account in registries.items()
        ):
            some.update(registries)
            return number
    accounts.append(dict(registries))
    return len(accounts) - 1


def _compact(made: Json, accounts: list[dict[str, str]]) -> Json:
    """Write each image with the number of its accounts, and the regions of these that lack it."""

    def written(listed: Listed) -> Json:
        at = _place(listed.registries, accounts)
        lacking = sorted(accounts[at].keys() - listed.registries.keys())
        on = {"on": listed.base} if listed.base else {}
        return {"images": listed.images, "accounts": at, "not_in": lacking, **on}

    return {
        kind: {
            name: {
                version: {use: written(listed) for use, listed in uses.items()}
                for version, uses in versions.items()
            }
            for name, versions in named.items()
        }
        for kind, named in made.items()
    }


@cache
def _domains() -> tuple[Session, Mapping[str, str]]:
    session = Session()
    partitions = session.get_data("partitions")["partitions"]
    return session, {one["id"]: one["outputs"]["dnsSuffix"] for one in partitions}


def _domain(region: str) -> str:
    """Return what the addresses of a region's partition end in."""
    session, domains = _domains()
    return domains[session.get_partition_for_region(region)]


def written(made: Json) -> str:
    return json.dumps(made, indent=1) + "\n"


def _installed() -> tuple[Path, str]:
    """Return the folder of the SDK that runs here, and its version."""
    from importlib.metadata import version

    found = find_spec("sagemaker.core")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the SageMaker SDK is not installed here: make images has one that is")
    return Path(found.submodule_search_locations[0]) / "image_uri_config", version("sagemaker")


# The SDK takes seconds for hundreds of images: some regions of each partition show each account.
_ASKED: Final = frozenset(("us-east-1", "eu-central-2", "cn-north-1", "us-gov-west-1"))
_INSTANCES: Final = {"cpu": "ml.m5.large", "gpu": "ml.g5.xlarge", "any": "ml.m5.large"}


def _differences(made: Json) -> Iterator[str]:
    """Yield where the table says other than the SDK itself, asked for each image and region."""
    for kind, offers in (("frameworks", FRAMEWORKS), ("algorithms", ALGORITHMS)):
        for name, versions in made[kind].items():
            for version, uses in versions.items():
                for use, entry in uses.items():
                    yield from _differing(made, offers[name], version, use, entry)


def _differing(made: Json, offer: Offer, version: str, use: str, entry: Json) -> Iterator[str]:
    from sagemaker.core import image_uris

    accounts = made["accounts"][entry["accounts"]]
    for region in _ASKED & (accounts.keys() - {*entry["not_in"]}):
        account = accounts[region]
        for kind, image in entry["images"].items():
            python = [word for word in image.split("-") if word.startswith("py3") and word != "py3"]
            words: Json = {"version": version, "image_scope": use}
            if use == "processing":
                words |= {"container_version": None}
            theirs = image_uris.retrieve(
                offer.asked,
                region,
                instance_type=_INSTANCES[kind],
                base_framework_version=entry.get("on"),
                py_version=python[0] if python and "-py" not in version else None,
                **words,
            )
            ours = f"{account}.dkr.ecr.{region}.{made['domains'][region]}/{image}"
            if theirs != ours:
                yield f"{ours}, and the SDK says {theirs}"


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    check = parser.parse_args(words).check
    made = table(*_installed())
    wrong = list(_differences(made))
    if wrong:
        print("\n".join(wrong))
        return 1
    text = written(made)
    if check:
        same = TABLE.read_text() == text
        print(f"{TABLE.name} {'is' if same else 'is NOT'} what AWS's SDK lists")
        return 0 if same else 1
    TABLE.write_text(text)
    print(f"wrote {TABLE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
