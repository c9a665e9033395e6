"""A processing job that runs a script of `jobs/`: its shape, the same in a pipeline and beside it.

Inputs and outputs lie in the container where the scripts look for them, by their names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from everloop.pipelines.disks import has_own_disk

INPUT: Final = "/opt/ml/processing/input"
OUTPUT: Final = "/opt/ml/processing/output"
MANIFEST: Final = ".manifest"  # how the name of an input ends that lists what the input is
Json = dict[str, Any]


@dataclass(frozen=True)
class Machine:
    """What a job runs on; with a key, its volume and its outputs are encrypted."""

    image_uri: str
    instance: str
    volume_gb: int
    most_seconds: int
    region: str
    role_arn: str
    kms_key: str | None = None


def processing(
    script: str,
    machine: Machine,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    environment: Mapping[str, Any],
) -> Json:
    """Return what CreateProcessingJob takes, without the job's name.

    Inputs and outputs are named S3 URIs, or functions of a pipeline's definition that give such.
    """
    cluster: Json = {
        "InstanceType": machine.instance,
        "InstanceCount": 1,
        "VolumeSizeInGB": machine.volume_gb,
    }
    output: Json = {"Outputs": list(_outputs(outputs))}
    if machine.kms_key:
        if not has_own_disk(machine.instance):
            cluster["VolumeKmsKeyId"] = machine.kms_key
        output["KmsKeyId"] = machine.kms_key
    return {
        "AppSpecification": {
            "ImageUri": machine.image_uri,
            "ContainerEntrypoint": ["python3", f"{INPUT}/jobs/{script}"],
        },
        "Environment": {**environment, "AWS_DEFAULT_REGION": machine.region},
        "ProcessingInputs": list(_inputs(inputs)),
        "ProcessingOutputConfig": output,
        "ProcessingResources": {"ClusterConfig": cluster},
        "RoleArn": machine.role_arn,
        "StoppingCondition": {"MaxRuntimeInSeconds": machine.most_seconds},
    }


def _inputs(inputs: Mapping[str, Any]) -> Iterable[Json]:
    for name, uri in inputs.items():
        listed = isinstance(uri, str) and uri.endswith(MANIFEST)
        yield {
            "InputName": name,
            "S3Input": {
                "S3Uri": uri,
                "LocalPath": f"{INPUT}/{name}",
                "S3DataType": "ManifestFile" if listed else "S3Prefix",
                "S3InputMode": "File",
                "S3DataDistributionType": "FullyReplicated",
            },
        }


def _outputs(outputs: Mapping[str, Any]) -> Iterable[Json]:
    for name, uri in outputs.items():
        place = {"S3Uri": uri, "LocalPath": f"{OUTPUT}/{name}", "S3UploadMode": "EndOfJob"}
        yield {"OutputName": name, "S3Output": place}
