"""Requests of the jobs that serve every model beside its pipeline: compare and monitor.

Each is what the state machines hand to SageMaker, key by key, beside what they need of it
themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from everloop.moments import text
from everloop.pipelines.processing import Machine, processing
from everloop.pipelines.transform import Scoring, transform
from everloop.spec import instances, model_images
from everloop.spec.model_images import is_transformed

# A job's name is at most 63 characters, and the machine adds the number of its wait and try.
_LONGEST_NAME = 59
_MOST_SECONDS = 4 * 3600
# What the machines call the parts of a request.
_PARTS = {
    "role_arn": "RoleArn",
    "app": "AppSpecification",
    "environment": "Environment",
    "inputs": "ProcessingInputs",
    "outputs": "ProcessingOutputConfig",
    "resources": "ProcessingResources",
    "stopping": "StoppingCondition",
}
_TRANSFORM_PARTS = {
    "model": "ModelName",
    "strategy": "BatchStrategy",
    "payload_mb": "MaxPayloadInMB",
    "input": "TransformInput",
    "output": "TransformOutput",
    "resources": "TransformResources",
}


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a model's artefact and the code that serves it."""

    model_uri: str
    bundle_uri: str
    evaluation_uri: str | None = None  # of evaluation.json; None: it is not there any more
    baseline_uri: str | None = None  # of the baseline's folder, likewise
    answers_uri: str | None = None  # of what its serving container answered, where that scores it


def compare(
    *,
    name: str,
    spec: Mapping[str, Any],
    candidate: Side,
    champion: Side,
    holdout_uri: str,
    jobs_uri: str,
    output_uri: str,
    role_arn: str,
    region: str,
    kms_key: str | None = None,
    instance: str = "",
    told: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the job that scores candidate and champion on the candidate's holdout.

    `told` is what its report says of both, as the job's environment.
    """
    inputs = {
        "jobs": jobs_uri,
        "code": folder_of(candidate.bundle_uri),  # the bundle, and spec.json beside it
        "champion-code": folder_of(champion.bundle_uri),
        "holdout": holdout_uri,
    }
    # A processing job has ten inputs at most: whose answers are there is not opened again.
    if not is_transformed(spec):
        inputs["candidate"] = candidate.model_uri
    if not champion.answers_uri:
        inputs["champion"] = champion.model_uri
    references = {"reference": candidate, "champion-reference": champion}
    inputs |= {
        name: folder_of(side.evaluation_uri)
        for name, side in references.items()
        if side.evaluation_uri
    }
    baselines = {"baseline": candidate, "champion-baseline": champion}
    inputs |= {name: side.baseline_uri for name, side in baselines.items() if side.baseline_uri}
    if champion.answers_uri:
        inputs["champion-answers"] = champion.answers_uri
    return job(
        f"{name}-compare",
        "compare.py",
        spec,
        instance or instances.of_job(spec, "evaluate")[0].instance,
        inputs,
        {"comparison": output_uri},
        told,
        jobs=(role_arn, region, kms_key),
    )


def champion_rows(
    *,
    name: str,
    spec: Mapping[str, Any],
    champion: Side,
    holdout_uri: str,
    jobs_uri: str,
    output_uri: str,
    role_arn: str,
    region: str,
    kms_key: str | None = None,
    instance: str,
) -> dict[str, Any]:
    """Return the job that writes the candidate's holdout as the champion is sent rows."""
    inputs = {
        "jobs": jobs_uri,
        "champion-code": folder_of(champion.bundle_uri),
        "holdout": holdout_uri,
    }
    if champion.evaluation_uri:
        inputs["champion-reference"] = folder_of(champion.evaluation_uri)
    return job(
        f"{name}-rows",
        "champion_rows.py",
        spec,
        instance,
        inputs,
        {"requests": output_uri},
        {},
        jobs=(role_arn, region, kms_key),
    )


def scores(
    *,
    name: str,
    model: str,
    sagemaker_model: str,
    rows_uri: str,
    answers_uri: str,
    how: Scoring,
) -> dict[str, Any]:
    """Return the transform job in which a version's container answers rows."""
    job = transform(sagemaker_model, rows_uri, answers_uri, how)
    return {
        "name": name[:_LONGEST_NAME],
        **{ours: job[theirs] for ours, theirs in _TRANSFORM_PARTS.items()},
        "tags": [{"Key": "everloop:model", "Value": model}],
    }


def monitor(
    *,
    name: str,
    spec: Mapping[str, Any],
    model: str,
    version: int,
    since: datetime,
    until: datetime,
    bundle_uri: str,
    baseline_uri: str,
    predictions_uri: str,
    capture_manifest: str | None,
    labels_manifest: str | None,
    late_manifest: str | None,
    kept_uri: str | None,
    jobs_uri: str,
    output_uri: str,
    role_arn: str,
    region: str,
    kms_key: str | None = None,
    instance: str = "",
) -> dict[str, Any]:
    """Return the job that looks at captured traffic that came in a span of time, and at labels.

    Manifests list files in SageMaker's form (ManifestFile); None where there are none. `kept_uri`
    is where predictions are kept until their labels come.
    """
    inputs = {
        "jobs": jobs_uri,
        "code": folder_of(bundle_uri),
        "baseline": baseline_uri,
        "reference": folder_of(predictions_uri),  # evaluation.json lies beside the predictions
    }
    listed = {"capture": capture_manifest, "labels": labels_manifest, "late": late_manifest}
    inputs |= {name: uri for name, uri in listed.items() if uri}
    outputs = {"findings": output_uri}
    if kept_uri:
        outputs |= {"predictions": kept_uri, "learned": f"{kept_uri}/learned"}
    environment = {
        "EVERLOOP_MODEL": model,
        "EVERLOOP_ENDPOINT": model,
        "EVERLOOP_VERSION": str(version),
        "EVERLOOP_FROM": text(since),
        "EVERLOOP_TO": text(until),
    }
    made = job(
        f"{name}-monitor",
        "monitor.py",
        spec,
        instance or instances.of_job(spec, "monitor")[0].instance,
        inputs,
        outputs,
        environment,
        jobs=(role_arn, region, kms_key),
    )
    return {**made, "findings_uri": f"{output_uri}/findings.json", "version": version}


def folder_of(uri: str) -> str:
    """Return the prefix of the folder that an object lies in."""
    return uri.rpartition("/")[0] + "/"


def job(
    name: str,
    script: str,
    spec: Mapping[str, Any],
    instance: str,
    inputs: Mapping[str, str],
    outputs_to: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    jobs: tuple[str, str, str | None],
) -> dict[str, Any]:
    """Return a job that runs a script of jobs/; `jobs` are its role, its region and its key."""
    role_arn, region, kms_key = jobs
    train = spec["train"]
    machine = Machine(
        model_images.jobs_image(spec, region),
        instance,
        train["volume_gb"],
        min(_MOST_SECONDS, train["time_limit_minutes"] * 60),
        region,
        role_arn,
        kms_key,
    )
    request = processing(script, machine, inputs, outputs_to, environment)
    return {
        "name": name[:_LONGEST_NAME],
        **{ours: request[theirs] for ours, theirs in _PARTS.items()},
        "tags": [{"Key": "everloop:model", "Value": str(spec["name"])}],
        "output_uri": next(iter(outputs_to.values())),
    }
