"""A folder's own pipeline.py, compiled: what its pipeline.json holds, and how a stack fills it in.

`pipeline.py` runs where the SageMaker Python SDK is (`everloop push`), never in a Lambda. What it
cannot know it names as `${Name}`; `fill` puts in what this stack knows, and nothing else.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from everloop.bundle import Bundle
from everloop.errors import BadInput
from everloop.pipelines.disks import has_own_disk
from everloop.pipelines.own_problems import problems
from everloop.pipelines.standard import BundleRef, Site, images_of
from everloop.spec.model_spec import ModelSpec

SOURCE, COMPILED = "pipeline.py", "pipeline.json"
Json = dict[str, Any]
_NAMED = re.compile(r"\$\{([^}]*)\}")

# What a pipeline.py is compiled against.
# The role is written as an ARN, because the SDK looks other names up in IAM.
ROLE = "arn:${Partition}:iam::${AccountId}:role/${RoleName}"
IMAGE, SERVING_IMAGE = "${Image}", "${ServingImage}"
SITE = Site("${ArtefactBucket}", "${Region}", ROLE, "${JobsUri}")
BUNDLE = BundleRef("${BundleFolder}/bundle.tar.gz", "${BundleDigest}")


def source_digest(files: Mapping[str, bytes]) -> str:
    """Return the digest of all that a compilation may have read: the folder but its result."""
    named = {name: content for name, content in files.items() if name != COMPILED}
    lines = (f"{name}\0{hashlib.sha256(named[name]).hexdigest()}\n" for name in sorted(named))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def compiled(definition: Json, files: Mapping[str, bytes], sdk: str) -> bytes:
    """Return pipeline.json; the same definition and folder give the same bytes."""
    document = {
        "version": 1,
        "sdk": sdk,
        "compiled_from": source_digest(files),
        "definition": without_nulls(definition),
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def is_current(files: Mapping[str, bytes]) -> bool:
    """Tell whether the folder's pipeline.json was compiled from the folder as it is."""
    try:
        document = json.loads(files.get(COMPILED, b"{}"))
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("compiled_from") == source_digest(files)


def own_definition(bundle: Bundle, spec: ModelSpec, site: Site, ref: BundleRef) -> str | None:
    """Return the definition of the folder's own pipeline for this stack; None where it has none.

    Raises BadInput with everything that keeps the stack from running it.
    """
    if SOURCE not in bundle.files:
        if COMPILED in bundle.files:
            raise BadInput(f"the bundle has a {COMPILED} and no {SOURCE}; remove it, or add that")
        return None
    if spec.tune is not None:
        raise BadInput(
            f"tune is for the default pipeline, and the folder has a {SOURCE}; tune there"
        )
    if spec.train.in_one_job:
        raise BadInput(
            f"train.in_one_job is for the default pipeline, and the folder has a {SOURCE}, which "
            "says itself what its jobs are; remove that key"
        )
    if spec.privacy is not None:
        raise BadInput(
            f"privacy is for the default pipeline, and the folder has a {SOURCE}, whose jobs may "
            f"read the rows and write them as they are; remove [privacy], or the {SOURCE}"
        )
    try:
        definition = fill(_read(bundle), spec, site, ref)
        wrong = problems(definition, spec.name, site, ref)
    except RecursionError as error:
        raise BadInput(f"{COMPILED} is nested too deeply") from error
    if wrong:
        raise BadInput("\n".join(f"{SOURCE}: {each}" for each in wrong))
    return json.dumps(definition, sort_keys=True, separators=(",", ":"))


def _read(bundle: Bundle) -> Json:
    again = "push the folder with  everloop push, which compiles it"
    if COMPILED not in bundle.files:
        raise BadInput(f"the bundle has a {SOURCE} and no {COMPILED}; {again}")
    try:
        document = json.loads(bundle.text(COMPILED))
        definition = document["definition"]
        written = {name: definition[name] for name in ("Version", "Parameters", "Steps")}
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{COMPILED} is not what a {SOURCE} compiles to ({error!r}); {again}") from (
            error
        )
    for name in ("Parameters", "Steps"):
        if not _objects(written[name]):
            raise BadInput(f"{COMPILED}: {name} must be a list of objects; {again}")
    if document.get("version") != 1:
        raise BadInput(f"{COMPILED} has version {document.get('version')!r}; this stack reads 1")
    if not is_current(bundle.files):
        raise BadInput(
            f"{COMPILED} was compiled from other files than the bundle's; {again}, or compile it "
            "again with  everloop compile"
        )
    checked: Json = definition
    return checked


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def fill(definition: Json, spec: ModelSpec, site: Site, ref: BundleRef) -> Json:
    """Replace each `${Name}`, and encrypt with the stack's key what the author left open.

    Raises BadInput for a name that this stack does not know.
    """
    _, partition, _, _, account, role = site.role_arn.split(":", 5)
    images = images_of(spec, site.region)
    known = {
        "Partition": partition,
        "AccountId": account,
        "RoleName": role.partition("/")[2],
        "Region": site.region,
        "Image": images.training,
        "ServingImage": images.serving,
        "ArtefactBucket": site.artefact_bucket,
        "JobsUri": site.jobs_uri,
        "BundleFolder": ref.uri.rpartition("/")[0],
        "BundleDigest": ref.digest,
    }

    def put(match: re.Match[str]) -> str:
        if match[1] not in known:
            raise BadInput(f"{SOURCE}: {match[0]} is not known; there are: {', '.join(known)}")
        return known[match[1]]

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return _NAMED.sub(put, value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        made = {key: walk(item) for key, item in value.items()}
        if site.kms_key_id:
            if {"InstanceType", "VolumeSizeInGB"} <= set(made) and not has_own_disk(
                str(made["InstanceType"])
            ):
                made.setdefault("VolumeKmsKeyId", site.kms_key_id)
            if "S3OutputPath" in made or "Outputs" in made:
                made.setdefault("KmsKeyId", site.kms_key_id)
        return made

    filled: Json = walk(definition)
    return filled


def without_nulls(value: Any) -> Any:
    """Drop members that are null: in definitions null means absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
