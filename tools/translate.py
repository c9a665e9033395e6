"""Print a SAM template translated to plain CloudFormation, as `sam deploy` has AWS do it.

Whoever reads template.yaml reads it here: its loops (Fn::ForEach) are no resources yet.
"""

import json
import sys
from pathlib import Path
from typing import Any

from everloop_localcloud.cloudformation.template import read, translated, unrolled

_REGION = "us-east-1"  # the translator wants one; nothing of the template depends on it


def source(path: Path) -> dict[str, Any]:
    """Return the template as it is written, its loops unrolled; raises AwsError."""
    return unrolled(read(path.read_text()), {})


def translate(path: Path) -> dict[str, Any]:
    """Return the translated template; raises AwsError with what the translator finds wrong."""
    given = source(path)
    # Local folders are uploaded before translation.
    parts = [resource.get("Properties", {}) for resource in given["Resources"].values()]
    for properties in parts + list(given.get("Globals", {}).values()):
        for key in ("CodeUri", "ContentUri", "DefinitionUri"):
            if isinstance(properties.get(key), str):
                properties[key] = f"s3://bucket/{properties[key]}"
    plain = translated(given, {}, _REGION)
    if "Fn::FindInMap" not in json.dumps(plain):  # linters mind what only loops looked up
        plain.pop("Mappings", None)
    return plain


if __name__ == "__main__":
    json.dump(translate(Path(sys.argv[1])), sys.stdout, indent=1)
