"""Training on several machines: processes that see each other under AWS's host names."""

import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
# Each listens on the same port of its own address; the first collects what the others were given.
MEET = """
import json, pathlib, socket, time
config = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
me, hosts = config["current_host"], config["hosts"]
mine = sorted(path.name for path in pathlib.Path("/opt/ml/input/data/train").iterdir())
listening = socket.create_server((me, 5005))
print("loss=0.5", flush=True)
found = {me: mine}
if me == hosts[0]:
    for _ in hosts[1:]:
        peer, _ = listening.accept()
        with peer, peer.makefile() as stream:
            found |= json.loads(stream.readline())
    pathlib.Path("/opt/ml/model/found.json").write_text(json.dumps(found))
else:
    deadline = time.monotonic() + 60
    while True:
        try:
            first = socket.create_connection((hosts[0], 5005))
            break
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with first:
        first.sendall((json.dumps(found) + "\\n").encode())
    pathlib.Path("/opt/ml/model/of").mkdir()
    pathlib.Path("/opt/ml/model/of", me).write_text("its part")
"""
ONE_FAILS = """
import json, pathlib, time
config = json.loads(pathlib.Path("/opt/ml/input/config/resourceconfig.json").read_text())
if config["current_host"] == "algo-2":
    pathlib.Path("/opt/ml/output/failure").write_text("the second lost its way")
    raise SystemExit(3)
time.sleep(600)
"""


def channel(name: str, prefix: str, how: str = "FullyReplicated") -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": f"s3://lab/{prefix}",
        "S3DataDistributionType": how,
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


@pytest.fixture
def lab(cloud_with: Callable[..., Any]) -> Any:
    _, client = cloud_with("s3", "sagemaker", "logs")
    client("s3").create_bucket(Bucket="lab")
    for number in range(3):
        client("s3").put_object(Bucket="lab", Key=f"train/{number}.csv", Body=b"1\n")
    return client


def trained(lab: Any, script: str, count: int = 2, **more: Any) -> dict[str, Any]:
    lab("s3").put_object(Bucket="lab", Key="code/run.py", Body=script.encode())
    request = {
        "TrainingJobName": "hosts",
        "RoleArn": "arn:aws:iam::123456789012:role/jobs",
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "FastFile",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/run.py"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        },
        "InputDataConfig": [
            channel("code", "code/"),
            channel("train", "train/", "ShardedByS3Key"),
        ],
        "OutputDataConfig": {"S3OutputPath": "s3://lab/out"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": count,
            "VolumeSizeInGB": 5,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        **more,
    }
    lab("sagemaker").create_training_job(**request)
    return until(
        lambda: lab("sagemaker").describe_training_job(TrainingJobName="hosts"),
        lambda told: told["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"),
    )


def test_machines_meet_and_each_has_its_share_of_a_sharded_channel(lab: Any) -> None:
    told = trained(lab, MEET)
    assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
    packed = lab("s3").get_object(Bucket="lab", Key="out/hosts/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {
            member.name: file.read().decode()
            for member in archive
            if (file := archive.extractfile(member)) is not None
        }
    assert json.loads(files["found.json"]) == {"algo-1": ["0.csv", "2.csv"], "algo-2": ["1.csv"]}
    assert files["of/algo-2"] == "its part"
    streams = lab("logs").describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs")
    names = [stream["logStreamName"] for stream in streams["logStreams"]]
    assert sorted(names) == ["hosts/algo-1", "hosts/algo-2"]


def test_one_machine_that_fails_ends_the_job_with_its_reason(lab: Any) -> None:
    told = trained(lab, ONE_FAILS)
    assert told["TrainingJobStatus"] == "Failed"
    assert "the second lost its way, exit code: 3" in told["FailureReason"]


def test_a_built_in_algorithm_trains_on_one_machine_here(lab: Any) -> None:
    algorithm = {"TrainingImage": XGBOOST, "TrainingInputMode": "File"}
    with pytest.raises(ClientError, match="InstanceCount is 2; the local cloud trains a built-in"):
        trained(lab, "", AlgorithmSpecification=algorithm)
