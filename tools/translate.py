"""Print a SAM template translated to plain CloudFormation, as `sam deploy` has AWS do it."""

import json
import sys
from pathlib import Path

from everloop_localcloud.cloudformation.template import read, translated

_REGION = "us-east-1"  # the translator wants one; nothing of the template depends on it


def translate(path: Path) -> dict[str, object]:
    """Return the translated template; raises AwsError with what the translator finds wrong."""
    source = read(path.read_text())
    # Local folders are uploaded before translation.
    parts = [resource.get("Properties", {}) for resource in source["Resources"].values()]
    for properties in parts + list(source.get("Globals", {}).values()):
        for key in ("CodeUri", "ContentUri", "DefinitionUri"):
            if isinstance(properties.get(key), str):
                properties[key] = f"s3://bucket/{properties[key]}"
    return translated(source, {}, _REGION)


if __name__ == "__main__":
    json.dump(translate(Path(sys.argv[1])), sys.stdout, indent=1)
