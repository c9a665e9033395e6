"""Print a SAM template translated to plain CloudFormation, as `sam deploy` has AWS do it.

Whoever reads template.yaml reads it here: its loops (Fn::ForEach) are no resources yet.
"""

import hashlib
import json
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import everloop_localcloud.cloudformation
from everloop_localcloud.cloudformation.template import read, translated, unrolled

_REGION = "us-east-1"  # the translator wants one; nothing of the template depends on it
_ROOT: Final = Path(__file__).resolve().parents[1]
_KEPT: Final = _ROOT / "build" / "translated"


def source(path: Path) -> dict[str, Any]:
    """Return the template as it is written, its loops unrolled; raises AwsError."""
    return unrolled(read(path.read_text()), {})


def translate(path: Path) -> dict[str, Any]:
    """Return the translated template; raises AwsError with what the translator finds wrong.

    The repository's own takes a second, and many programs ask for it: it is kept below build/.
    """
    if path.resolve() != _ROOT / "template.yaml":
        return _translate(path)
    kept = _KEPT / f"{_digest(path)}.json"
    try:
        return dict(json.loads(kept.read_text()))
    except FileNotFoundError:
        plain = _translate(path)
    _KEPT.mkdir(parents=True, exist_ok=True)
    for old in _KEPT.glob("*.json"):
        old.unlink(missing_ok=True)
    partial = kept.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(plain))
    partial.replace(kept)
    return plain


def _digest(path: Path) -> str:
    """Return a digest of all that the translation is made from: the template, and who makes it."""
    found = hashlib.sha256(metadata.version("aws-sam-translator").encode())
    package = Path(everloop_localcloud.cloudformation.__path__[0])
    for file in (path, Path(__file__), *sorted(package.glob("*.py"))):
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _translate(path: Path) -> dict[str, Any]:
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
