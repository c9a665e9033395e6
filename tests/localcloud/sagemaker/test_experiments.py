"""Experiments, trials and trial components: by hand, with metrics, and by jobs themselves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
SERVICES = ("s3", "logs", "events", "sagemaker", "sagemaker-metrics")


@pytest.fixture
def client(cloud_with: Any) -> Callable[..., Any]:
    made: Callable[..., Any] = cloud_with(*SERVICES)[1]
    made("s3").create_bucket(Bucket="lab")
    made("s3").put_object(Bucket="lab", Key="data/in.csv", Body=b"1,2")
    return made


@pytest.fixture
def sagemaker(client: Callable[..., Any]) -> Any:
    return client("sagemaker")


def error(action: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        action(**request)
    told = raised.value.response["Error"]
    return told["Code"], told["Message"]


def train(sagemaker: Any, name: str, script: str = "pass", **more: Any) -> dict[str, Any]:
    algorithm = {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python3", "-c", script],
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    }
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://lab/data/"}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification=algorithm,
        RoleArn=ROLE,
        InputDataConfig=[{**channel, "ContentType": "text/csv"}],
        OutputDataConfig={"S3OutputPath": "s3://lab/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        **more,
    )
    component = f"{name}-aws-training-job"
    return until(
        lambda: sagemaker.describe_trial_component(TrialComponentName=component),
        lambda told: told["Status"]["PrimaryStatus"] in ("Completed", "Failed"),
    )


def test_experiments_hold_trials_and_trials_components(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="churn", Description="why")["ExperimentArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:experiment/churn"
    sagemaker.create_trial(TrialName="first", ExperimentName="churn")
    sagemaker.create_trial_component(
        TrialComponentName="prepare", Parameters={"rows": {"NumberValue": 10}}
    )
    both = {"TrialComponentName": "prepare", "TrialName": "first"}
    sagemaker.associate_trial_component(**both)
    code, message = error(sagemaker.create_experiment, ExperimentName="churn")
    assert (code, "already exists" in message) == ("ValidationException", True)
    assert error(sagemaker.create_trial, TrialName="b", ExperimentName="none")[0] == (
        "ResourceNotFound"
    )
    inside = sagemaker.list_trial_components(ExperimentName="churn")["TrialComponentSummaries"]
    assert [each["TrialComponentName"] for each in inside] == ["prepare"]
    trials = sagemaker.list_trials(TrialComponentName="prepare")["TrialSummaries"]
    assert [each["TrialName"] for each in trials] == ["first"]
    assert "first" in error(sagemaker.delete_experiment, ExperimentName="churn")[1]
    assert "prepare" in error(sagemaker.delete_trial, TrialName="first")[1]
    assert "first" in error(sagemaker.delete_trial_component, TrialComponentName="prepare")[1]
    sagemaker.disassociate_trial_component(**both)
    sagemaker.delete_trial_component(TrialComponentName="prepare")
    sagemaker.delete_trial(TrialName="first")
    sagemaker.delete_experiment(ExperimentName="churn")
    assert error(sagemaker.describe_experiment, ExperimentName="churn") == (
        "ResourceNotFound",
        f"Experiment '{arn}' does not exist.",
    )


def test_lists_come_in_pages_sorted_by_name(sagemaker: Any) -> None:
    for name in ("b", "c", "a"):
        sagemaker.create_experiment(ExperimentName=name)
    pages = sagemaker.get_paginator("list_experiments").paginate(
        SortBy="Name", SortOrder="Ascending", PaginationConfig={"PageSize": 2}
    )
    names = [[each["ExperimentName"] for each in page["ExperimentSummaries"]] for page in pages]
    assert names == [["a", "b"], ["c"]]


def test_a_component_is_updated_key_by_key(sagemaker: Any) -> None:
    sagemaker.create_trial_component(
        TrialComponentName="run", Parameters={"a": {"NumberValue": 1}, "b": {"StringValue": "x"}}
    )
    sagemaker.update_trial_component(
        TrialComponentName="run",
        Status={"PrimaryStatus": "Completed"},
        Parameters={"c": {"NumberValue": 3}},
        ParametersToRemove=["b"],
        OutputArtifacts={"plot": {"MediaType": "image/png", "Value": "s3://lab/plot.png"}},
    )
    told = sagemaker.describe_trial_component(TrialComponentName="run")
    assert told["Parameters"] == {"a": {"NumberValue": 1.0}, "c": {"NumberValue": 3.0}}
    assert told["Status"]["PrimaryStatus"] == "Completed"
    assert told["OutputArtifacts"]["plot"]["Value"] == "s3://lab/plot.png"


def test_metrics_are_summed_up_and_read_as_series(
    client: Callable[..., Any], sagemaker: Any
) -> None:
    metrics = client("sagemaker-metrics")
    arn = sagemaker.create_trial_component(TrialComponentName="run")["TrialComponentArn"]
    now = datetime.now(UTC)
    points = [
        {"MetricName": "loss", "Timestamp": now + timedelta(seconds=s), "Step": s, "Value": value}
        for s, value in enumerate((3.0, 1.0, 2.0))
    ]
    late = {"MetricName": "loss", "Timestamp": now - timedelta(days=30), "Value": 1.0}
    told = metrics.batch_put_metrics(TrialComponentName="run", MetricData=[*points, late])
    assert told["Errors"] == [{"Code": "VALIDATION_ERROR", "MetricIndex": 3}]
    [summary] = sagemaker.describe_trial_component(TrialComponentName="run")["Metrics"]
    assert {key: summary[key] for key in ("Min", "Max", "Avg", "Last", "Count")} == {
        "Min": 1.0,
        "Max": 3.0,
        "Avg": 2.0,
        "Last": 2.0,
        "Count": 3,
    }
    query = {"MetricName": "loss", "ResourceArn": arn, "MetricStat": "Last"}
    steps = {"Period": "IterationNumber", "XAxisType": "IterationNumber"}
    answers = metrics.batch_get_metrics(
        MetricQueries=[
            {**query, **steps},
            {**query, **steps, "Start": 1, "End": 1},
            {**query, "Period": "OneHour", "XAxisType": "IterationNumber"},
        ]
    )["MetricQueryResults"]
    assert answers[0]["XAxisValues"] == [0, 1, 2]
    assert answers[0]["MetricValues"] == [3.0, 1.0, 2.0]
    assert answers[1]["MetricValues"] == [1.0]
    assert answers[2]["Status"] == "ValidationError"


def test_a_job_keeps_its_own_component_in_the_trial_it_names(sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="churn")
    sagemaker.create_trial(TrialName="first", ExperimentName="churn")
    told = train(
        sagemaker,
        "fit",
        "print('loss=3'); print('loss=1.5')",
        HyperParameters={"depth": "3", "kind": '"tree"'},
        ExperimentConfig={"ExperimentName": "churn", "TrialName": "first"},
        Tags=[{"Key": "team", "Value": "a"}],
    )
    assert told["Source"]["SourceType"] == "SageMakerTrainingJob"
    assert told["Status"]["PrimaryStatus"] == "Completed"
    assert told["Parameters"] == {
        "depth": {"NumberValue": 3.0},
        "kind": {"StringValue": "tree"},
        "SageMaker.InstanceType": {"StringValue": "ml.m5.large"},
        "SageMaker.InstanceCount": {"NumberValue": 1.0},
        "SageMaker.VolumeSizeInGB": {"NumberValue": 5.0},
    }
    assert told["InputArtifacts"]["train"] == {"MediaType": "text/csv", "Value": "s3://lab/data/"}
    assert told["OutputArtifacts"]["SageMaker.ModelArtifact"]["Value"].endswith("model.tar.gz")
    told = until(
        lambda: sagemaker.describe_trial_component(TrialComponentName="fit-aws-training-job"),
        lambda told: told.get("Metrics"),
    )
    [metric] = told["Metrics"]
    assert (metric["Count"], metric["Min"], metric["Last"]) == (2, 1.5, 1.5)
    inside = sagemaker.list_trial_components(TrialName="first")["TrialComponentSummaries"]
    assert [each["DisplayName"] for each in inside] == ["fit-aws-training-job"]
    job = sagemaker.describe_training_job(TrainingJobName="fit")["TrainingJobArn"]
    assert sagemaker.list_tags(ResourceArn=job)["Tags"] == [{"Key": "team", "Value": "a"}]


def test_a_job_of_an_experiment_that_is_not_there_is_refused(sagemaker: Any) -> None:
    config = {"ExperimentName": "none", "TrialName": "none"}
    code, message = error(train, sagemaker=sagemaker, name="fit", ExperimentConfig=config)
    assert (code, "experiment/none" in message) == ("ResourceNotFound", True)
    assert not sagemaker.list_training_jobs()["TrainingJobSummaries"]


def test_an_execution_of_a_pipeline_is_a_trial_of_its_experiment(sagemaker: Any) -> None:
    step = {
        "Name": "Look",
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["true"]},
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                }
            },
            "RoleArn": ROLE,
        },
    }
    definition = {
        "Version": "2020-12-01",
        "PipelineExperimentConfig": {
            "ExperimentName": {"Get": "Execution.PipelineName"},
            "TrialName": {"Get": "Execution.PipelineExecutionId"},
        },
        "Steps": [step],
    }
    sagemaker.create_pipeline(
        PipelineName="nightly", PipelineDefinition=json.dumps(definition), RoleArn=ROLE
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="nightly")["PipelineExecutionArn"]
    trial = arn.rpartition("/")[2]
    execution = until(
        lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
        lambda told: told["PipelineExecutionStatus"] != "Executing",
    )
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert execution["PipelineExperimentConfig"] == {
        "ExperimentName": "nightly",
        "TrialName": trial,
    }
    assert sagemaker.describe_trial(TrialName=trial)["ExperimentName"] == "nightly"
    [component] = sagemaker.list_trial_components(TrialName=trial)["TrialComponentSummaries"]
    assert component["TrialComponentName"].startswith(f"pipelines-{trial}-Look-")
    job = component["TrialComponentSource"]["SourceArn"]
    assert sagemaker.list_tags(ResourceArn=job)["Tags"] == [
        {"Key": "sagemaker:pipeline-execution-arn", "Value": arn}
    ]


def test_records_are_there_after_a_restart(cloud_with: Any, tmp_path: Any) -> None:
    folder = tmp_path / "kept"
    cloud, client = cloud_with(*SERVICES, folder=folder)
    client("sagemaker").create_trial_component(TrialComponentName="run")
    point = {"MetricName": "loss", "Timestamp": datetime.now(UTC), "Value": 0.5}
    client("sagemaker-metrics").batch_put_metrics(TrialComponentName="run", MetricData=[point])
    cloud.stop()
    sagemaker = cloud_with(*SERVICES, folder=folder)[1]("sagemaker")
    [metric] = sagemaker.describe_trial_component(TrialComponentName="run")["Metrics"]
    assert metric["Last"] == 0.5
