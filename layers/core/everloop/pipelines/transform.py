"""A transform job, in which a model's serving container answers rows of S3: its shape, known once.

Each object is one request, as a client of the endpoint would send it, so that rows may have a
header and line breaks: SageMaker splits nothing, and puts nothing together. What is answered lies
under the object's name with `.out` behind it.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from everloop.pipelines.disks import has_own_disk
from everloop.spec import algorithms

Json = dict[str, Any]
_SENT: Final = "text/csv"
_MOST_MB: Final = 6  # of one request; jobs/everloop_jobs/transform_files.py writes smaller ones


@dataclass(frozen=True)
class Scoring:
    """What a container is sent and asked for, and what it runs on; disks of its own take no key."""

    instance: str
    accept: str = _SENT
    kms_key: str | None = None
    instances: int = 1


def scoring(
    spec: Mapping[str, Any], instance: str, kms_key: str | None = None, instances: int = 1
) -> Scoring:
    """Return how the container that serves a spec's model is asked."""
    return Scoring(instance, accepted(spec), kms_key, instances)


def accepted(spec: Mapping[str, Any]) -> str:
    """Return in which form a model's serving container answers."""
    algorithm = algorithms.of(spec)
    return algorithm.accept if algorithm and not spec["deploy"].get("image") else _SENT


def transform(model: Any, rows: Any, answers: Any, how: Scoring) -> Json:
    """Return what CreateTransformJob takes, without the job's name.

    `model` is a SageMaker model's name, `rows` and `answers` are prefixes of S3: each may be a
    function of a pipeline's definition that gives such.
    """
    resources: Json = {"InstanceType": how.instance, "InstanceCount": how.instances}
    output: Json = {"S3OutputPath": answers, "Accept": how.accept, "AssembleWith": "None"}
    if how.kms_key:
        output["KmsKeyId"] = how.kms_key
        if not has_own_disk(how.instance):
            resources["VolumeKmsKeyId"] = how.kms_key
    return {
        "ModelName": model,
        "BatchStrategy": "SingleRecord",
        "MaxPayloadInMB": _MOST_MB,
        "TransformInput": {
            "ContentType": _SENT,
            "SplitType": "None",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": rows}},
        },
        "TransformOutput": output,
        "TransformResources": resources,
    }
