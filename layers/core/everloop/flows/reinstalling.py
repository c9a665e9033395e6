"""Reinstalling: what a push made and somebody deleted since is made again, from what is left of it.

Pipeline, package group, bundle and spec have derived names; each is looked for where it should be.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from everloop.aws import pipelines, registry, storage
from everloop.aws.settings import settings
from everloop.errors import BadInput, NotReady
from everloop.pipelines.plans import with_plan
from everloop.records.installation import Installation

BUNDLE: Final = "bundle.tar.gz"
SPEC: Final = "spec.json"
DEFINITION: Final = "definition.json"  # of the pipeline, as it was installed


class NothingLeft(BadInput):
    """Something is gone that nothing is left of: only a push brings it back."""


def reinstall(installed: Installation, now: datetime) -> Iterator[str]:
    """Make again what is missing, and say of each what it was. Raises Lost."""
    bucket, key = storage.split(installed.bundle_uri)
    folder = key.rpartition("/")[0]
    there = {each.rpartition("/")[2] for each, _ in storage.listed(bucket, f"{folder}/")}
    if SPEC not in there:
        document = json.dumps(installed.spec, indent=1).encode()
        storage.write(bucket, f"{folder}/{SPEC}", document, "application/json")
        yield f"the spec that jobs read, {folder}/{SPEC}, was deleted, and was made again"
    if BUNDLE not in there:
        source = _bundle(installed)
        yield f"the bundle {key} was deleted, and was made again from {source}"
    if registry.ensure_group(installed.model):
        yield f"the package group {installed.model} was deleted, and was made again"
    if not pipelines.exists(installed.model):
        _pipeline(installed, bucket, f"{folder}/{DEFINITION}", now)
        yield f"the pipeline {installed.model} was deleted, and was made again"


def _bundle(installed: Installation) -> str:
    """Copy the bundle back from the push, or from a version's sealed copy, by its digest."""
    bucket, key = storage.split(installed.bundle_uri)
    model, digest = installed.model, installed.bundle_digest
    for source in (
        f"s3://{settings().data_bucket}/models/{model}/{BUNDLE}",
        f"s3://{settings().artefact_bucket}/models/{model}/{digest}/{BUNDLE}",
    ):
        measured = storage.measured(source)
        if measured is not None and measured[0] == digest:
            storage.copy_once(source, measured[1], bucket, key)
            return source
    raise NothingLeft(
        f"the bundle {key} was deleted, and no copy of it is left: push the folder again"
    )


def _pipeline(installed: Installation, bucket: str, key: str, now: datetime) -> None:
    try:
        definition = with_plan(storage.read(bucket, key).decode(), installed.plan)
    except NotReady:
        raise NothingLeft(
            f"the pipeline {installed.model} was deleted, and {key} is not there to make it again "
            "from: push the folder again"
        ) from None
    pipelines.upsert(
        installed.model,
        definition,
        settings().sagemaker_role,
        str(installed.spec.get("description") or ""),
        again=f"{now:%Y-%m-%d}",
    )
