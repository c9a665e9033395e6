"""The training step's request: script mode or a built-in algorithm, on one machine or several."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from everloop.pipelines.disks import has_own_disk
from everloop.pipelines.plans import spot_wait
from everloop.spec import algorithms, several_hosts
from everloop.spec.instances import first

Json = dict[str, Any]
Spec = Mapping[str, Any]
# Some serving containers look for their code in the model, where script mode does not put it.
CODE: Final = "/opt/ml/model/code"
_WITH_CODE: Final = [
    "/bin/bash",
    "-c",
    f"train && mkdir -p {CODE} && cp -r /opt/ml/code/. {CODE}/",
]


@dataclass(frozen=True)
class Around:
    """What surrounds a training: image, code, role, and where it reads and writes.

    URIs may be functions of a pipeline's definition.
    """

    image: str
    code_inside: bool  # the serving container looks for the code in the model
    bundle_uri: str
    region: str
    role_arn: str
    kms_key: str | None
    channels: Mapping[str, Any]
    output_uri: Any
    checkpoints_uri: Any


def arguments(spec: Spec, around: Around) -> Json:
    """Return what CreateTrainingJob takes, without the job's name."""
    train, instance = spec["train"], first(spec["train"]["instance"])
    seconds = train["time_limit_minutes"] * 60
    made: Json = {
        "AlgorithmSpecification": {
            "TrainingImage": around.image,
            "TrainingInputMode": train.get("input") or "File",
            **({"ContainerEntrypoint": _WITH_CODE} if around.code_inside else {}),
        },
        "HyperParameters": _hyperparameters(spec, around),
        "InputDataConfig": [_channel(spec, name, uri) for name, uri in around.channels.items()],
        "OutputDataConfig": {"S3OutputPath": around.output_uri},
        "ResourceConfig": {
            "InstanceType": instance,
            "InstanceCount": several_hosts.count(spec),
            "VolumeSizeInGB": train["volume_gb"],
        },
        "RoleArn": around.role_arn,
        "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
    }
    if around.kms_key:
        made["OutputDataConfig"]["KmsKeyId"] = around.kms_key
        if not has_own_disk(instance):
            made["ResourceConfig"]["VolumeKmsKeyId"] = around.kms_key
    if train.get("keep_warm_minutes"):
        made["ResourceConfig"]["KeepAlivePeriodInSeconds"] = train["keep_warm_minutes"] * 60
    if train.get("checkpoints"):
        made["CheckpointConfig"] = {"S3Uri": around.checkpoints_uri}
    if train["spot"] is True:
        made["EnableManagedSpotTraining"] = True
        # Spot capacity may be hours away. After these the job ends, people are notified, and
        # the machine that waits for it tries again.
        made["StoppingCondition"]["MaxWaitTimeInSeconds"] = spot_wait(seconds)
    return made


def _hyperparameters(spec: Spec, around: Around) -> dict[str, str]:
    """Values are JSON, as the SageMaker SDK writes and the toolkit reads them."""
    if spec["train"].get("algorithm"):
        return algorithms.hyperparameters(spec)
    own = spec["train"]["hyperparameters"]
    return {
        **{name: json.dumps(value) for name, value in sorted(own.items())},
        **several_hosts.hyperparameters(spec),
        "sagemaker_program": json.dumps("train.py"),
        "sagemaker_submit_directory": json.dumps(around.bundle_uri),
        "sagemaker_region": json.dumps(around.region),
        "sagemaker_container_log_level": "20",
    }


def _channel(spec: Spec, name: str, uri: Any) -> Json:
    shares = "ShardedByS3Key" if several_hosts.sharded(spec, name) else "FullyReplicated"
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": shares}
    algorithm = algorithms.of(spec)
    called = algorithm.validation if algorithm and name == "validation" else name
    return {
        "ChannelName": called,
        "ContentType": algorithm.content_type if algorithm else "text/csv",
        "DataSource": {"S3DataSource": source},
    }
