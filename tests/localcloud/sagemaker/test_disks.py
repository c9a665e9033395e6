"""Volumes of jobs: a key is refused where the instance's own disks are encrypted by hardware."""

import pytest
from botocore.exceptions import ClientError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/jobs"
KEY = "arn:aws:kms:us-east-1:123456789012:key/0"


def processing(instance):
    cluster = {"InstanceType": instance, "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "ProcessingJobName": "p",
        "RoleArn": ROLE,
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
        "ProcessingResources": {"ClusterConfig": {**cluster, "VolumeKmsKeyId": KEY}},
    }


def training(instance):
    return {
        "TrainingJobName": "t",
        "RoleArn": ROLE,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
        "ResourceConfig": {
            "InstanceType": instance,
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
            "VolumeKmsKeyId": KEY,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


@pytest.mark.parametrize("instance", ["ml.g5.xlarge", "ml.g4dn.xlarge", "ml.g6e.2xlarge"])
def test_a_key_for_disks_that_hardware_encrypts_is_refused(cloud_with, instance):
    _, client = cloud_with("sagemaker", "s3")
    sagemaker = client("sagemaker")
    for create, request in (
        (sagemaker.create_processing_job, processing(instance)),
        (sagemaker.create_training_job, training(instance)),
    ):
        with pytest.raises(ClientError, match=f"VolumeKmsKeyId is not supported .* {instance}"):
            create(**request)
