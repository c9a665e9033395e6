"""Requests of the processing jobs that serve every model: compare and monitor.

Each is what the state machines hand to CreateProcessingJob, key by key, beside what they need of it
themselves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.images import image_uri
from everloop.moments import text

_INPUT = "/opt/ml/processing/input"
_OUTPUT = "/opt/ml/processing/output"
# A job's name is at most 63 characters, and the machine adds the number of its try.
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a model's artefact and the code that serves it."""

    model_uri: str
    bundle_uri: str


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
) -> dict[str, Any]:
    """Return the job that scores candidate and champion on the candidate's holdout."""
    inputs = {
        "jobs": jobs_uri,
        "candidate/model": candidate.model_uri,
        "candidate/code": candidate.bundle_uri,
        "champion/model": champion.model_uri,
        "champion/code": champion.bundle_uri,
        "holdout": holdout_uri,
    }
    environment = {"EVERLOOP_SPEC": json.dumps(spec, sort_keys=True)}
    return _job(
        f"{name}-compare",
        "compare.py",
        spec,
        inputs,
        ("comparison", output_uri),
        environment,
        jobs=(role_arn, region, kms_key),
    )


def monitor(
    *,
    name: str,
    spec: Mapping[str, Any],
    model: str,
    version: int,
    since: datetime,
    until: datetime,
    baseline_uri: str,
    reference_uri: str,
    capture_uri: str,
    labels_uri: str | None,
    jobs_uri: str,
    output_uri: str,
    role_arn: str,
    region: str,
    kms_key: str | None = None,
) -> dict[str, Any]:
    """Return the job that looks at captured traffic and late labels of a span of time."""
    inputs = {
        "jobs": jobs_uri,
        "baseline": baseline_uri,
        "reference": reference_uri,
        "capture": capture_uri,
    }
    if labels_uri:
        inputs["labels"] = labels_uri
    environment = {
        "EVERLOOP_SPEC": json.dumps(spec, sort_keys=True),
        "EVERLOOP_ENDPOINT": model,
        "EVERLOOP_FROM": text(since),
        "EVERLOOP_TO": text(until),
    }
    job = _job(
        f"{name}-monitor",
        "monitor.py",
        spec,
        inputs,
        ("findings", output_uri),
        environment,
        jobs=(role_arn, region, kms_key),
    )
    return {**job, "findings_uri": f"{output_uri}/findings.json", "version": version}


def _job(
    name: str,
    script: str,
    spec: Mapping[str, Any],
    inputs: Mapping[str, str],
    output: tuple[str, str],
    environment: Mapping[str, str],
    *,
    jobs: tuple[str, str, str | None],
) -> dict[str, Any]:
    role_arn, region, kms_key = jobs
    train = spec["train"]
    cluster: dict[str, Any] = {
        "InstanceType": train["instance"],
        "InstanceCount": 1,
        "VolumeSizeInGB": train["volume_gb"],
    }
    outputs: dict[str, Any] = {
        "Outputs": [
            {
                "OutputName": output[0],
                "S3Output": {
                    "S3Uri": output[1],
                    "LocalPath": f"{_OUTPUT}/{output[0]}",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    }
    if kms_key:
        cluster["VolumeKmsKeyId"] = kms_key
        outputs["KmsKeyId"] = kms_key
    return {
        "name": name[:_LONGEST_NAME],
        "role_arn": role_arn,
        "app": {
            "ImageUri": image_uri(train["framework"], train["version"], region),
            "ContainerEntrypoint": ["python3", f"{_INPUT}/jobs/{script}"],
        },
        "environment": {**environment, "AWS_DEFAULT_REGION": region},
        "inputs": [
            {
                "InputName": place.replace("/", "-"),
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"{_INPUT}/{place}",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                    "S3DataDistributionType": "FullyReplicated",
                },
            }
            for place, uri in inputs.items()
        ],
        "outputs": outputs,
        "resources": {"ClusterConfig": cluster},
        "stopping": {"MaxRuntimeInSeconds": min(14400, train["time_limit_minutes"] * 60)},
        "tags": [{"Key": "everloop:model", "Value": str(spec["name"])}],
        "output_uri": output[1],
    }
