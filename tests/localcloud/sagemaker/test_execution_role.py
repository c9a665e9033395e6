"""Endpoints, training and batch transforms do with S3 and alarms what their role may."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from waiting import until

ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PULL = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
LIST = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::models"}


def may(action: str, *keys: str) -> dict[str, Any]:
    resources = [f"arn:aws:s3:::models/{key}" for key in keys]
    return {"Effect": "Allow", "Action": action, "Resource": resources}


MODELS = may("s3:GetObject", "*/model.tar.gz")


@pytest.fixture
def serving(hosting: Callable[..., Any]) -> Callable[..., Any]:
    """Start a cloud whose IAM has the role of every model here, with these statements."""

    def serving(*statements: dict[str, Any]) -> Any:
        hosted = hosting()
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
        trust["Principal"] = {"Service": "sagemaker.amazonaws.com"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = {"RoleName": "serving", "AssumeRolePolicyDocument": document}
        hosted.cloud.call("iam", "CreateRole", role)
        granted = json.dumps({"Version": "2012-10-17", "Statement": [PULL, *statements]})
        policy = {"RoleName": "serving", "PolicyName": "own", "PolicyDocument": granted}
        hosted.cloud.call("iam", "PutRolePolicy", policy)
        return hosted

    return serving


def denied(hosted: Any) -> set[str]:
    return {each["action"] for each in hosted.cloud.roles.report()["denied"]}


def test_traffic_that_the_role_may_not_put_is_not_captured(serving: Any) -> None:
    hosted = serving(MODELS)
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://models/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    }
    config = hosted.config("one", hosted.model("adder", add=1), DataCaptureConfig=capture)
    assert hosted.endpoint("adder", config)["EndpointStatus"] == "InService"
    assert hosted.ask("adder", 41) == "42"  # it serves on, as on AWS
    until(lambda: denied(hosted), lambda found: "s3:PutObject" in found)
    found = hosted.s3.list_objects_v2(Bucket="models", Prefix="capture/")
    assert found["KeyCount"] == 0


def test_a_deployment_whose_alarms_the_role_may_not_see_is_rolled_back(serving: Any) -> None:
    hosted = serving(MODELS)
    hosted.endpoint("adder", hosted.config("old", hosted.model("old")))
    hosted.update(
        "adder",
        hosted.config("new", hosted.model("new", add=100)),
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "ALL_AT_ONCE",
                    "WaitIntervalInSeconds": 0,
                }
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
        },
    )
    told = hosted.settled("adder")
    assert told["EndpointConfigName"] == "old"
    assert "not authorized to perform: cloudwatch:DescribeAlarms" in told["FailureReason"]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ((MODELS, LIST), "Data download failed:AccessDenied: Unable to download object s3://mod"),
        (
            (MODELS, LIST, may("s3:GetObject", "in/*")),
            "Artifact upload failed:Unable to upload object s3://models/out/a.out (AccessDenied",
        ),
    ],
    ids=["input", "output"],
)
def test_a_transform_moves_its_data_as_the_models_role(
    serving: Any, statements: Any, said: str
) -> None:
    hosted = serving(*statements)
    hosted.put("in/a", b"1\n")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://models/in/"}}
    hosted.sagemaker.create_transform_job(
        TransformJobName="batch",
        ModelName=hosted.model("adder", add=1),
        TransformInput={"DataSource": source, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": "s3://models/out"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    told = until(
        lambda: hosted.sagemaker.describe_transform_job(TransformJobName="batch"),
        lambda told: told["TransformJobStatus"] in ("Completed", "Failed"),
    )
    assert told["FailureReason"].startswith(f"ClientError: {said}")


def test_a_training_puts_its_model_as_its_role(serving: Any) -> None:
    hosted = serving()
    hosted.sagemaker.create_training_job(
        TrainingJobName="fit",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["sh", "-c", "echo 1 > /opt/ml/model/one"],
        },
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://models/runs"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    told = until(
        lambda: hosted.sagemaker.describe_training_job(TrainingJobName="fit"),
        lambda told: told["TrainingJobStatus"] in ("Completed", "Failed"),
    )
    place = "s3://models/runs/fit/output/model.tar.gz"
    said = f"ClientError: Artifact upload failed:Unable to upload object {place} (AccessDenied: "
    assert told["FailureReason"].startswith(said)
