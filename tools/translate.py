"""Print a SAM template translated to plain CloudFormation, as `sam deploy` has AWS do it."""

import json
import sys
from pathlib import Path

from cfnlint.decode.cfn_yaml import load as load_template
from samtranslator.translator.transform import transform


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def translate(path: Path) -> dict[str, object]:
    """Return the translated template; raises what the translator finds wrong with it."""
    source = json.loads(json.dumps(load_template(str(path))))
    # Local folders are uploaded before translation.
    parts = [resource.get("Properties", {}) for resource in source["Resources"].values()]
    for properties in parts + list(source.get("Globals", {}).values()):
        for key in ("CodeUri", "ContentUri", "DefinitionUri"):
            if isinstance(properties.get(key), str):
                properties[key] = f"s3://bucket/{properties[key]}"
    translated: dict[str, object] = transform(source, {}, _NoManagedPolicies())
    return translated


if __name__ == "__main__":
    json.dump(translate(Path(sys.argv[1])), sys.stdout, indent=1)
