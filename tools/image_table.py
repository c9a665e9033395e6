"""Write the table of AWS's framework images from AWS's own list: the SageMaker SDK's data files.

`make images` writes layers/core/everloop/spec/images.json; `--check` only says whether it is so.
Training and inference are lists of their own there: a version may be in one and not in the other.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from botocore.session import Session

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "layers" / "core" / "everloop" / "spec" / "images.json"
# What we offer: AWS's file for a framework, and its versions, newest first. Older ones have a
# Python that the scripts of jobs/ do not run on.
OFFERED: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "scikit-learn": ("sklearn.json", ("1.9-0", "1.4-2-py312", "1.4-2")),
}
USES: Final = ("training", "inference")
Json = dict[str, Any]


def table(lists: Path, sdk: str) -> Json:
    """Return the table, from a folder of AWS's files and the version of the SDK that has them."""
    frameworks = {
        name: _framework(json.loads((lists / file).read_text()), versions)
        for name, (file, versions) in OFFERED.items()
    }
    return {"from": f"sagemaker=={sdk}", "frameworks": frameworks}


def _framework(told: Json, versions: Sequence[str]) -> Json:
    registries: dict[str, str] = {}
    images: dict[str, dict[str, str]] = {}
    for version in versions:
        images[version] = {}
        for use in USES:
            found = told[use]["versions"].get(version)
            if found is None:
                continue
            (python,), (processor,) = found["py_versions"], found["processors"]
            images[version][use] = f"{found['repository']}:{version}-{processor}-{python}"
            here = {
                region: _registry(account, region)
                for region, account in found["registries"].items()
            }
            if registries and registries != here:
                raise SystemExit(f"{version} for {use} lies in other accounts than the rest")
            registries = here
    return {"images": images, "registries": dict(sorted(registries.items()))}


def _registry(account: str, region: str) -> str:
    """Return where an account's images lie in a region: its partition has a domain of its own."""
    session = Session()
    here = session.get_partition_for_region(region)
    (domain,) = (
        one["outputs"]["dnsSuffix"]
        for one in session.get_data("partitions")["partitions"]
        if one["id"] == here
    )
    return f"{account}.dkr.ecr.{region}.{domain}"


def written(made: Json) -> str:
    return json.dumps(made, indent=1) + "\n"


def _installed() -> tuple[Path, str]:
    """Return the folder of the SDK that runs here, and its version."""
    from importlib.metadata import version

    found = find_spec("sagemaker.core")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("the SageMaker SDK is not installed here: make images has one that is")
    return Path(found.submodule_search_locations[0]) / "image_uri_config", version("sagemaker")


def _differences(made: Json) -> list[str]:
    """Return where the table says other than the SDK itself, asked for each image."""
    from sagemaker.core import image_uris

    found = []
    for name, framework in made["frameworks"].items():
        asked = OFFERED[name][0].removesuffix(".json")
        for region, registry in framework["registries"].items():
            for version, uses in framework["images"].items():
                for use, image in uses.items():
                    theirs = image_uris.retrieve(
                        asked, region, version=version, image_scope=use, instance_type="ml.m5.large"
                    )
                    if theirs != f"{registry}/{image}":
                        found.append(f"{registry}/{image}, and the SDK says {theirs}")
    return found


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    check = parser.parse_args(words).check
    made = table(*_installed())
    wrong = _differences(made)
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
