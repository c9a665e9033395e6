"""What SageMaker's SDK asks of training jobs beside their script, and what becomes of it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
SERVICES = ("s3", "sagemaker", "logs")
CHECKPOINTS = {"S3Uri": "s3://lab/checkpoints/steps"}
# Goes on from the step that is written; the second run ends, the first never does.
STEPS = """
import json, os, pathlib, time
kept = pathlib.Path("/opt/ml/checkpoints/deep/step")
began = int(kept.read_text()) if kept.exists() else 0
kept.parent.mkdir(parents=True, exist_ok=True)
kept.write_text(str(began + 1))
while not began:
    time.sleep(0.1)
pathlib.Path("/opt/ml/model/began").write_text(str(began))
"""
HOSTS = """
import json, pathlib, socket
config = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
found = {host: socket.gethostbyname(host) for host in config["hosts"]}
pathlib.Path("/opt/ml/output/failure").write_text(json.dumps([config["current_host"], found]))
raise SystemExit(1)
"""


def channel(name: str = "train", **source: Any) -> dict[str, Any]:
    data = {"S3DataType": "S3Prefix", "S3Uri": "s3://lab/code/", **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": data}}


def job(client: Any, name: str, script: str, **more: Any) -> dict[str, Any]:
    """Return the request for a job that runs a script, which lies in S3 then."""
    client("s3").put_object(Bucket="lab", Key="code/run.py", Body=script.encode())
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/run.py"],
        },
        "InputDataConfig": [channel("code"), *more.pop("channels", [])],
        "OutputDataConfig": {"S3OutputPath": "s3://lab/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 5,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **more,
    }


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    return until(
        lambda: sagemaker.describe_training_job(TrainingJobName=name),
        lambda told: told["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"),
    )


@pytest.fixture
def lab(cloud_with: Callable[..., Any]) -> Any:
    _, client = cloud_with(*SERVICES)
    client("s3").create_bucket(Bucket="lab")
    return client


RETRY = {"RetryStrategy": {"MaximumRetryAttempts": 1}}
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
}


@pytest.mark.parametrize(
    ("more", "seen"),
    [
        pytest.param(RETRY, ["Starting", "Downloading", "Training", "Starting"], id="retry"),
        pytest.param(
            SPOT, ["Starting", "Downloading", "Training", "Interrupted", "Starting"], id="spot"
        ),
    ],
)
def test_a_job_whose_machine_was_lost_goes_on_from_its_checkpoints(
    cloud_with: Callable[..., Any], tmp_path: Any, more: dict[str, Any], seen: list[str]
) -> None:
    cloud, client = cloud_with(*SERVICES, folder=tmp_path / "kept")
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket="lab")
    request = job(client, "steps", STEPS, CheckpointConfig=CHECKPOINTS, **more)
    sagemaker.create_training_job(**request)
    key = "checkpoints/steps/deep/step"
    until(
        lambda: s3.list_objects_v2(Bucket="lab", Prefix="checkpoints/").get("Contents", []),
        lambda found: [each["Key"] for each in found] == [key],
    )
    cloud.stop()
    _, client = cloud_with(*SERVICES, folder=tmp_path / "kept")
    told = ended(client("sagemaker"), "steps")
    assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
    steps = [each["Status"] for each in told["SecondaryStatusTransitions"]]
    assert steps[: len(seen)] == seen
    assert client("s3").get_object(Bucket="lab", Key=key)["Body"].read() == b"2"
    assert all(told[member] == value for member, value in more.items())


def test_a_job_without_a_retry_strategy_is_lost_with_its_machine(
    cloud_with: Callable[..., Any], tmp_path: Any
) -> None:
    cloud, client = cloud_with(*SERVICES, folder=tmp_path / "kept")
    client("s3").create_bucket(Bucket="lab")
    client("sagemaker").create_training_job(**job(client, "steps", STEPS))
    cloud.stop()
    _, client = cloud_with(*SERVICES, folder=tmp_path / "kept")
    told = client("sagemaker").describe_training_job(TrainingJobName="steps")
    assert told["TrainingJobStatus"] == "Failed"
    assert "InternalServerError" in told["FailureReason"]


def test_a_script_sees_its_machine_under_awss_name(lab: Any) -> None:
    lab("sagemaker").create_training_job(**job(lab, "hosts", HOSTS))
    told = ended(lab("sagemaker"), "hosts")
    assert '["algo-1", {"algo-1": "127.0.0.1"}]' in told["FailureReason"]


@pytest.mark.parametrize(
    "uri", ["s3://lab/nowhere/", "s3://none/code/", "s3://lab/code/not.py"], ids=str
)
def test_input_that_is_not_there_is_refused_as_aws_does(lab: Any, uri: str) -> None:
    request = job(lab, "none", STEPS, channels=[channel(S3Uri=uri)])
    with pytest.raises(ClientError, match=f'No S3 objects found under S3 URL "{uri}" given in'):
        lab("sagemaker").create_training_job(**request)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"channels": [{**channel(), "RecordWrapperType": "RecordIO"}]}, "RecordWrapperType"),
        ({"channels": [channel(AttributeNames=["a"])]}, "S3DataSource.AttributeNames"),
        (
            {"OutputDataConfig": {"S3OutputPath": "s3://lab/out", "CompressionType": "NONE"}},
            "OutputDataConfig.CompressionType",
        ),
        (
            {"CheckpointConfig": {**CHECKPOINTS, "LocalPath": "/tmp/steps"}},
            "below /opt/ml only: LocalPath /tmp/steps",
        ),
    ],
    ids=["wrapper", "attributes", "compression", "checkpoints"],
)
def test_no_member_is_dropped_in_silence(lab: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said):
        lab("sagemaker").create_training_job(**job(lab, "more", STEPS, **more))
