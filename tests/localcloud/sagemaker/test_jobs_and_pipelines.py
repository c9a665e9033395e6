"""Jobs that really run, and the pipelines made of them."""

import io
import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
COPY = (
    "from pathlib import Path\n"
    "given = Path('/opt/ml/processing/input/data/in.txt').read_text()\n"
    "Path('/opt/ml/processing/output/out/out.json').write_text('{\"score\": ' + given + '}')\n"
    "Path('/opt/ml/output').mkdir(exist_ok=True)\n"
    "Path('/opt/ml/output/message').write_text('copied ' + given)\n"
)


@pytest.fixture
def world(cloud_with: Callable[..., Any]) -> tuple[Any, Callable[..., Any]]:
    cloud, client = cloud_with("s3", "sagemaker", "logs", "events", "sqs")
    s3 = client("s3")
    s3.create_bucket(Bucket="lab")
    s3.put_object(Bucket="lab", Key="in/in.txt", Body=b"0.7")
    s3.put_object(Bucket="lab", Key="code/copy.py", Body=COPY.encode())
    return cloud, client


def processing(name: str, *words: str, **more: Any) -> dict[str, Any]:
    def given(source: str) -> dict[str, Any]:
        return {
            "InputName": source,
            "S3Input": {
                "S3Uri": f"s3://lab/{'in' if source == 'data' else source}/",
                "LocalPath": f"/opt/ml/processing/input/{source}",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }

    out = {
        "OutputName": "out",
        "S3Output": {
            "S3Uri": f"s3://lab/out/{name}",
            "LocalPath": "/opt/ml/processing/output/out",
            "S3UploadMode": "EndOfJob",
        },
    }
    return {
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": list(words)},
        "ProcessingInputs": [given("data"), given("code")],
        "ProcessingOutputConfig": {"Outputs": [out]},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            }
        },
        "RoleArn": ROLE,
        **more,
    }


def ended(sagemaker: Any, name: str, limit: float = 30) -> dict[str, Any]:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        told: dict[str, Any] = sagemaker.describe_processing_job(ProcessingJobName=name)
        if told["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return told
        time.sleep(0.05)
    raise AssertionError(f"{name} did not end")


def test_a_processing_job_runs_with_its_paths_and_leaves_nothing(world: Any) -> None:
    cloud, client = world
    sagemaker = client("sagemaker")
    request = processing("copy", "python3", "/opt/ml/processing/input/code/copy.py")
    sagemaker.create_processing_job(ProcessingJobName="copy", **request)
    told = ended(sagemaker, "copy")
    assert told["ProcessingJobStatus"] == "Completed"
    assert told["ExitMessage"] == "copied 0.7"
    body = client("s3").get_object(Bucket="lab", Key="out/copy/out.json")["Body"].read()
    assert json.loads(body) == {"score": 0.7}
    assert not list((cloud.folder / "jobs").iterdir())
    assert not Path("/opt/ml/processing").exists()


def test_a_job_that_fails_says_why_and_uploads_nothing(world: Any) -> None:
    _, client = world
    sagemaker = client("sagemaker")
    request = processing("bad", "python3", "-c", "raise ValueError('no colour')")
    sagemaker.create_processing_job(ProcessingJobName="bad", **request)
    told = ended(sagemaker, "bad")
    assert told["ProcessingJobStatus"] == "Failed"
    assert "AlgorithmError" in told["FailureReason"]
    assert "no colour" in told["FailureReason"]
    assert "Contents" not in client("s3").list_objects_v2(Bucket="lab", Prefix="out/")


def test_a_job_that_never_ends_is_stopped_at_its_limit(world: Any) -> None:
    _, client = world
    sagemaker = client("sagemaker")
    request = processing(
        "endless",
        "python3",
        "-c",
        "import time; time.sleep(600)",
        StoppingCondition={"MaxRuntimeInSeconds": 1},
    )
    sagemaker.create_processing_job(ProcessingJobName="endless", **request)
    told = ended(sagemaker, "endless")
    assert told["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds" in told["FailureReason"]


def test_a_fast_clock_stops_no_job_that_only_computes(cloud_with: Callable[..., Any]) -> None:
    # An hour in half a second.
    _, client = cloud_with("s3", "sagemaker", "logs", "events", speed=7200)
    client("s3").create_bucket(Bucket="lab")
    for folder in ("in", "code"):
        client("s3").put_object(Bucket="lab", Key=f"{folder}/x", Body=b"x")
    sagemaker = client("sagemaker")
    request = processing(
        "slow",
        "python3",
        "-c",
        "import time; time.sleep(2)",
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    sagemaker.create_processing_job(ProcessingJobName="slow", **request)
    assert ended(sagemaker, "slow")["ProcessingJobStatus"] == "Completed"


def test_a_job_name_serves_once(world: Any) -> None:
    _, client = world
    sagemaker = client("sagemaker")
    request = processing("one", "python3", "-c", "pass")
    sagemaker.create_processing_job(ProcessingJobName="one", **request)
    with pytest.raises(ClientError) as refused:
        sagemaker.create_processing_job(ProcessingJobName="one", **request)
    assert refused.value.response["Error"]["Code"] == "ResourceInUse"
    ended(sagemaker, "one")


def test_an_image_that_is_not_here_is_refused_by_name(world: Any) -> None:
    _, client = world
    request = processing("torch", "python3")
    request["AppSpecification"]["ImageUri"] = "1.dkr.ecr.us-east-1.amazonaws.com/pytorch:2"
    with pytest.raises(ClientError, match=r"pytorch:2 is not available locally"):
        client("sagemaker").create_processing_job(ProcessingJobName="torch", **request)


def test_script_mode_trains_through_the_toolkit(world: Any) -> None:
    _, client = world
    script = (
        b"import argparse, os\nfrom pathlib import Path\n"
        b"parser = argparse.ArgumentParser()\nparser.add_argument('--depth')\n"
        b"depth = parser.parse_known_args()[0].depth\n"
        b"data = (Path(os.environ['SM_CHANNEL_TRAIN']) / 'in.txt').read_text()\n"
        b"print('loss=0.25;')\n"
        b"(Path(os.environ['SM_MODEL_DIR']) / 'model.txt').write_text(depth + ' ' + data)\n"
    )
    bundle = io.BytesIO()
    with tarfile.open(fileobj=bundle, mode="w:gz") as archive:
        member = tarfile.TarInfo("train.py")
        member.size = len(script)
        archive.addfile(member, io.BytesIO(script))
    client("s3").put_object(Bucket="lab", Key="bundle.tar.gz", Body=bundle.getvalue())
    sagemaker = client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="script",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
        },
        HyperParameters={
            "depth": "3",
            "sagemaker_program": '"train.py"',
            "sagemaker_submit_directory": '"s3://lab/bundle.tar.gz"',
        },
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://lab/in"}},
            }
        ],
        OutputDataConfig={"S3OutputPath": "s3://lab/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        RoleArn=ROLE,
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName="script", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    told = sagemaker.describe_training_job(TrainingJobName="script")
    assert told["TrainingJobStatus"] == "Completed"
    assert told["FinalMetricDataList"][0]["Value"] == 0.25
    place = told["ModelArtifacts"]["S3ModelArtifacts"]
    assert place == "s3://lab/models/script/output/model.tar.gz"
    body = client("s3").get_object(Bucket="lab", Key="models/script/output/model.tar.gz")["Body"]
    with tarfile.open(fileobj=io.BytesIO(body.read())) as archive:
        found = archive.extractfile("model.txt")
        assert found is not None
        assert found.read() == b"3 0.7"


def definition(least: float) -> str:
    arguments = processing("score", "python3", "/opt/ml/processing/input/code/copy.py")
    score = {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Score.PropertyFiles.told"}, "Path": "score"}
    }
    package = {
        "ModelPackageGroupName": "scores",
        "ModelApprovalStatus": "PendingManualApproval",
        "CustomerMetadataProperties": {
            "where": {"Get": "Steps.Score.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"},
            "why": {"Get": "Parameters.Cause"},
        },
    }
    return json.dumps(
        {
            "Version": "2020-12-01",
            "Parameters": [{"Name": "Cause", "Type": "String"}],
            "Steps": [
                {
                    "Name": "Score",
                    "Type": "Processing",
                    "Arguments": arguments,
                    "PropertyFiles": [
                        {
                            "PropertyFileName": "told",
                            "OutputName": "out",
                            "FilePath": "out.json",
                        }
                    ],
                },
                {
                    "Name": "Good",
                    "Type": "Condition",
                    "Arguments": {
                        "Conditions": [
                            {
                                "Type": "GreaterThanOrEqualTo",
                                "LeftValue": score,
                                "RightValue": least,
                            }
                        ],
                        "IfSteps": [
                            {"Name": "Register", "Type": "RegisterModel", "Arguments": package}
                        ],
                        "ElseSteps": [
                            {
                                "Name": "Bad",
                                "Type": "Fail",
                                "Arguments": {
                                    "ErrorMessage": {
                                        "Std:Join": {"On": " ", "Values": ["score is", score]}
                                    }
                                },
                            }
                        ],
                    },
                },
            ],
        }
    )


def run(sagemaker: Any, least: float, token: str = "t" * 32) -> dict[str, Any]:
    name = f"scores-{int(least * 100)}"
    sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDefinition=definition(least),
        RoleArn=ROLE,
        ClientRequestToken="c" * 32,
    )
    parameters = [{"Name": "Cause", "Value": "test"}]
    arns = {
        sagemaker.start_pipeline_execution(
            PipelineName=name, PipelineParameters=parameters, ClientRequestToken=token
        )["PipelineExecutionArn"]
        for _ in range(2)
    }
    assert len(arns) == 1  # the same token is the same execution
    arn = arns.pop()
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        told: dict[str, Any] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if told["PipelineExecutionStatus"] in ("Succeeded", "Failed", "Stopped"):
            return told
        time.sleep(0.05)
    raise AssertionError("the execution did not end")


def test_a_pipeline_runs_its_steps_and_registers_what_meets_the_bar(world: Any) -> None:
    cloud, client = world
    events: list[dict[str, Any]] = []
    cloud.on_event(events.append)
    sagemaker = client("sagemaker")
    told = run(sagemaker, 0.5)
    assert told["PipelineExecutionStatus"] == "Succeeded", told
    steps = sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=told["PipelineExecutionArn"], SortOrder="Ascending"
    )["PipelineExecutionSteps"]
    assert [step["StepName"] for step in steps] == ["Score", "Good", "Register"]
    arn = steps[2]["Metadata"]["RegisterModel"]["Arn"]
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["CustomerMetadataProperties"] == {"where": "s3://lab/out/score", "why": "test"}
    kind = "SageMaker Model Building Pipeline Execution Status Change"
    statuses = [
        event["detail"]["currentPipelineExecutionStatus"]
        for event in events
        if event["detail-type"] == kind
    ]
    assert statuses == ["Executing", "Succeeded"]


def test_a_pipeline_below_its_bar_fails_with_the_message(world: Any) -> None:
    _, client = world
    told = run(client("sagemaker"), 0.9)
    assert told["PipelineExecutionStatus"] == "Failed"
    assert "score is 0.7" in told["FailureReason"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda d: d["Steps"][0].update(Type="EMR"), "Score has type 'EMR'", id="type"),
        pytest.param(
            lambda d: d["Steps"].append(d["Steps"][0]), "duplicate step name 'Score'", id="twice"
        ),
        pytest.param(
            lambda d: d["Steps"][0].update(DependsOn=["Nobody"]), "'Nobody'", id="unknown-step"
        ),
        pytest.param(lambda d: d.update(Parameters=[]), "'Cause'", id="unknown-parameter"),
        pytest.param(lambda d: d["Steps"][0].update(DependsOn=["Good"]), "cycle", id="cycle"),
        pytest.param(lambda d: d.update(Version="1"), "Version", id="version"),
        pytest.param(lambda d: d.update(Parameters=[1]), "a list of objects", id="parameters"),
        pytest.param(lambda d: d["Steps"][0].update(Name=[]), "step name []", id="name"),
        pytest.param(lambda d: d["Steps"][0].update(Type=[]), "has type []", id="kind"),
        pytest.param(lambda d: d["Steps"][0].update(DependsOn=1), "a list of", id="depends-on"),
        pytest.param(
            lambda d: d["Steps"][0].update(DependsOn=[{}]), "the name of a Step", id="depends-on-x"
        ),
        pytest.param(
            lambda d: d["Steps"][0].update(RetryPolicies=[{"ExceptionType": 1}]),
            "ExceptionType takes",
            id="exception-type",
        ),
        pytest.param(
            lambda d: d["Steps"][0].update(
                RetryPolicies=[{"ExceptionType": "Step.THROTTLING", "MaxAttempts": "x"}]
            ),
            "MaxAttempts x",
            id="attempts",
        ),
        pytest.param(lambda d: d["Steps"][0].update(CacheConfig=1), "no object", id="cache"),
    ],
)
def test_a_definition_that_cannot_run_is_refused(
    world: Any, change: Callable[[Any], None], message: str
) -> None:
    _, client = world
    read = json.loads(definition(0.5))
    change(read)
    with pytest.raises(ClientError) as refused:
        client("sagemaker").create_pipeline(
            PipelineName="wrong",
            PipelineDefinition=json.dumps(read),
            RoleArn=ROLE,
            ClientRequestToken="c" * 32,
        )
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in refused.value.response["Error"]["Message"]


def test_an_approval_is_told_with_who_and_what_changed(world: Any) -> None:
    cloud, client = world
    events: list[dict[str, Any]] = []
    cloud.on_event(events.append)
    sagemaker = client("sagemaker", key="ana")
    sagemaker.create_model_package_group(ModelPackageGroupName="group")
    arn = sagemaker.create_model_package(ModelPackageGroupName="group")["ModelPackageArn"]
    assert arn.endswith(":model-package/group/1")
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good"
    )
    told = sagemaker.describe_model_package(ModelPackageName=arn)
    assert told["ModelApprovalStatus"] == "Approved"
    assert told["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":user/ana")
    changes = [
        event["detail"]
        for event in events
        if event["detail-type"] == "SageMaker Model Package State Change"
    ]
    assert "UpdatedModelPackageFields" not in changes[0]
    assert changes[1]["UpdatedModelPackageFields"] == ["ModelApprovalStatus", "ApprovalDescription"]


def test_a_job_that_was_running_when_the_cloud_ended_is_reported_as_lost(
    cloud_with: Callable[..., Any], tmp_path: Path
) -> None:
    services = ("s3", "sagemaker", "logs")
    cloud, client = cloud_with(*services, folder=tmp_path / "kept")
    client("s3").create_bucket(Bucket="lab")
    for key in ("in/in.txt", "code/copy.py"):
        client("s3").put_object(Bucket="lab", Key=key, Body=b"x")
    sagemaker = client("sagemaker")
    request = processing("lost", "python3", "-c", "import time; time.sleep(600)")
    sagemaker.create_processing_job(ProcessingJobName="lost", **request)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if "ProcessingStartTime" in sagemaker.describe_processing_job(ProcessingJobName="lost"):
            break
        time.sleep(0.02)
    cloud.stop()
    _, client = cloud_with(*services, folder=tmp_path / "kept")
    told = client("sagemaker").describe_processing_job(ProcessingJobName="lost")
    assert told["ProcessingJobStatus"] == "Failed"
    assert "InternalServerError" in told["FailureReason"]
