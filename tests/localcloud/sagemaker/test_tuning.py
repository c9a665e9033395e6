"""Hyperparameter tuning jobs: real training jobs, searched over, scored by what they print."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

ROLE = "arn:aws:iam::123456789012:role/tuning"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
# Prints a loss that is least where shift is "b" and size is 2.
SCRIPT = """
import argparse, json, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--size", type=float, default=0)
parser.add_argument("--shift", default="a")
given = parser.parse_args()
x = given.size + {"a": 0, "b": 1, "endless": 0, "silent": 0}[given.shift]
if given.shift == "endless":
    time.sleep(600)
if given.shift != "silent":
    print(f"loss={(x - 3) ** 2};")
open(os.path.join(os.environ["SM_MODEL_DIR"], "x"), "w").write(str(x))
"""


@pytest.fixture
def world(
    cloud_with: Callable[..., Any], pack: Callable[[dict[str, str]], bytes]
) -> tuple[Any, Any]:
    cloud, client = cloud_with("s3", "sagemaker", "logs", "events")
    s3 = client("s3")
    s3.create_bucket(Bucket="lab")
    s3.put_object(Bucket="lab", Key="code.tar.gz", Body=pack({"train.py": SCRIPT}))
    return cloud, client("sagemaker")


def request(
    name: str, ranges: dict[str, Any], strategy: str = "Random", **limits: int
) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxParallelTrainingJobs": 2, **limits},
            "ParameterRanges": ranges,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": "s3://lab/code.tar.gz",
            },
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
            },
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://lab/models"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        },
    }


def choices(**values: list[str]) -> dict[str, Any]:
    listed = [{"Name": name, "Values": some} for name, some in values.items()]
    return {"CategoricalParameterRanges": listed}


def tuned(sagemaker: Any, name: str, good: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    told: dict[str, Any] = until(
        lambda: sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        good,
        120,
    )
    return told


def ended(told: dict[str, Any]) -> bool:
    return told["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped")


def test_a_grid_is_trained_whole_and_its_best_is_told(world: Any) -> None:
    cloud, sagemaker = world
    events: list[dict[str, Any]] = []
    cloud.on_event(events.append)
    grid = choices(size=["2", "5"], shift=["a", "b"])
    sagemaker.create_hyper_parameter_tuning_job(**request("grid", grid, "Grid"))
    told = tuned(sagemaker, "grid", ended)
    assert told["HyperParameterTuningJobStatus"] == "Completed", told["FailureReason"]
    assert told["TrainingJobStatusCounters"]["Completed"] == 4
    assert told["ObjectiveStatusCounters"] == {"Succeeded": 4, "Pending": 0, "Failed": 0}
    best = told["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"size": "2", "shift": "b"}
    assert best["FinalHyperParameterTuningJobObjectiveMetric"] == {
        "Type": "Minimize",
        "MetricName": "loss",
        "Value": 0.0,
    }
    listed = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="grid", SortBy="FinalObjectiveMetricValue"
    )["TrainingJobSummaries"]
    losses = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in listed]
    assert losses == [0.0, 1.0, 4.0, 9.0]
    training = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert training["TuningJobArn"] == told["HyperParameterTuningJobArn"]
    assert training["HyperParameters"]["size"] == "2"
    kind = "SageMaker HyperParameter Tuning Job State Change"
    statuses = [
        event["detail"]["HyperParameterTuningJobStatus"]
        for event in events
        if event["detail-type"] == kind
    ]
    assert statuses == ["InProgress", "Completed"]


def test_a_search_that_is_stopped_stops_its_trials(world: Any) -> None:
    _, sagemaker = world
    endless = request("endless", choices(shift=["endless"]), MaxNumberOfTrainingJobs=9)
    sagemaker.create_hyper_parameter_tuning_job(**endless)
    tuned(sagemaker, "endless", lambda t: t["TrainingJobStatusCounters"]["InProgress"] == 2)
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="endless")
    told = tuned(sagemaker, "endless", ended)
    assert told["HyperParameterTuningJobStatus"] == "Stopped"
    assert told["TrainingJobStatusCounters"]["Stopped"] == 2
    assert "BestTrainingJob" not in told


def test_trials_without_the_metric_have_failed_and_so_has_their_search(world: Any) -> None:
    _, sagemaker = world
    silent = request("silent", choices(shift=["silent"]), MaxNumberOfTrainingJobs=2)
    sagemaker.create_hyper_parameter_tuning_job(**silent)
    told = tuned(sagemaker, "silent", ended)
    assert told["HyperParameterTuningJobStatus"] == "Failed"
    assert "No training job succeeded after 2 attempts" in told["FailureReason"]
    assert told["ObjectiveStatusCounters"]["Failed"] == 2
    assert told["TrainingJobStatusCounters"]["Completed"] == 2


def test_a_search_goes_on_after_a_restart_and_ends_at_its_target(
    cloud_with: Callable[..., Any], pack: Callable[[dict[str, str]], bytes], tmp_path: Any
) -> None:
    services = ("s3", "sagemaker", "logs")
    cloud, client = cloud_with(*services, folder=tmp_path / "kept")
    s3 = client("s3")
    s3.create_bucket(Bucket="lab")
    gate = tmp_path / "restarted"  # no trial ends before
    waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.05)\n"
    s3.put_object(Bucket="lab", Key="code.tar.gz", Body=pack({"train.py": waits + SCRIPT}))
    wanted = request("kept", choices(size=["2"], shift=["b"]), MaxNumberOfTrainingJobs=9)
    config = wanted["HyperParameterTuningJobConfig"]
    config["ResourceLimits"]["MaxParallelTrainingJobs"] = 1
    config["TuningJobCompletionCriteria"] = {"TargetObjectiveMetricValue": 0.5}
    client("sagemaker").create_hyper_parameter_tuning_job(**wanted)
    running = tuned(
        client("sagemaker"), "kept", lambda t: t["TrainingJobStatusCounters"]["InProgress"]
    )
    assert not ended(running)
    cloud.stop()
    gate.touch()
    _, client = cloud_with(*services, folder=tmp_path / "kept")
    told = tuned(client("sagemaker"), "kept", ended)
    assert told["HyperParameterTuningJobStatus"] == "Completed", told["FailureReason"]
    counters = told["TrainingJobStatusCounters"]
    assert (counters["RetryableError"], counters["Completed"]) == (1, 1)


X = {"Name": "x", "MinValue": "0", "MaxValue": "1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda r: r["TrainingJobDefinition"]["AlgorithmSpecification"].pop("MetricDefinitions"),
            "A metric is required for this hyperparameter tuning job objective",
            id="no-metric",
        ),
        pytest.param(
            lambda r: r["TrainingJobDefinition"]["AlgorithmSpecification"][
                "MetricDefinitions"
            ].append({"Name": "bad", "Regex": "bad=("}),
            "the Regex of metric bad is invalid",
            id="regex",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"].update(Strategy="Hyperband"),
            "HyperbandStrategyConfig lacks MaxResource",
            id="hyperband",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"].update(
                StrategyConfig={"HyperbandStrategyConfig": {"MaxResource": 9}}
            ),
            "HyperbandStrategyConfig goes with the Strategy Hyperband only",
            id="hyperband-of-another",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"].update(
                Strategy="Hyperband",
                StrategyConfig={"HyperbandStrategyConfig": {"MaxResource": 9}},
                TrainingJobEarlyStoppingType="Auto",
            ),
            "TrainingJobEarlyStoppingType must be Off with Hyperband",
            id="hyperband-and-early",
        ),
        pytest.param(lambda r: r.update(Autotune={"Mode": "Enabled"}), "Autotune", id="autotune"),
        pytest.param(
            lambda r: r.update(
                WarmStartConfig={
                    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "p"}],
                    "WarmStartType": "TransferLearning",
                }
            ),
            "Hyperparameter tuning job p does not exist",
            id="warm-start",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"].update(
                ParameterRanges={"ContinuousParameterRanges": [{**X, "MaxValue": "-1"}]}
            ),
            "x: MinValue 0 is above MaxValue -1",
            id="range",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"].update(
                ParameterRanges={"IntegerParameterRanges": [{**X, "MinValue": "0.5"}]}
            ),
            "x: MinValue '0.5' is no integer",
            id="integer",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"].update(
                ParameterRanges={"ContinuousParameterRanges": [{**X, "ScalingType": "Logarithmic"}]}
            ),
            "x: logarithmic scaling needs a MinValue above 0",
            id="logarithm",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"].update(
                Strategy="Grid", ParameterRanges={"ContinuousParameterRanges": [X]}
            ),
            "Grid search takes categorical hyperparameters only, x",
            id="grid",
        ),
        pytest.param(
            lambda r: r["TrainingJobDefinition"]["StaticHyperParameters"].update(shift="a"),
            "shift is both static and tuned",
            id="both",
        ),
        pytest.param(
            lambda r: r["TrainingJobDefinition"]["AlgorithmSpecification"].update(
                TrainingImage="1.dkr.ecr.us-east-1.amazonaws.com/pytorch:2"
            ),
            "pytorch:2 is not available locally",
            id="image",
        ),
        pytest.param(
            lambda r: r["HyperParameterTuningJobConfig"]["ResourceLimits"].update(
                MaxParallelTrainingJobs=3
            ),
            "MaxParallelTrainingJobs is above",
            id="limits",
        ),
    ],
)
def test_a_search_that_cannot_run_is_refused(
    cloud_with: Callable[..., Any], change: Callable[[Any], None], message: str
) -> None:
    _, client = cloud_with("sagemaker")
    wanted = request("wrong", choices(shift=["a"]), MaxNumberOfTrainingJobs=2)
    change(wanted)
    with pytest.raises(ClientError) as refused:
        client("sagemaker").create_hyper_parameter_tuning_job(**wanted)
    assert refused.value.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound")
    assert message in refused.value.response["Error"]["Message"]


def test_a_pipeline_searches_and_hands_on_the_best(world: Any) -> None:
    _, sagemaker = world
    arguments = request("unused", choices(size=["5", "2"]), "Grid")
    del arguments["HyperParameterTuningJobName"]
    arguments["TrainingJobDefinition"]["StaticHyperParameters"]["shift"] = {
        "Get": "Parameters.Shift"
    }
    best = {"Get": "Steps.Search.BestTrainingJob.TrainingJobName"}
    first = {"Get": "Steps.Search.TrainingJobSummaries[0].TrainingJobName"}
    steps = [
        {"Name": "Search", "Type": "Tuning", "Arguments": arguments},
        {
            "Name": "Tell",
            "Type": "Fail",
            "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": [best, first]}}},
        },
    ]
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Shift", "Type": "String", "DefaultValue": "b"}],
        "Steps": steps,
    }
    sagemaker.create_pipeline(
        PipelineName="search", PipelineDefinition=json.dumps(definition), RoleArn=ROLE
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="search")["PipelineExecutionArn"]
    deadline = time.monotonic() + 120
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    while told["PipelineExecutionStatus"] == "Executing" and time.monotonic() < deadline:
        time.sleep(0.1)
        told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    listed = sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )["PipelineExecutionSteps"]
    name = listed[0]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert found["BestTrainingJob"]["TunedHyperParameters"] == {"size": "2"}
    chosen = found["BestTrainingJob"]["TrainingJobName"]
    assert told["FailureReason"].endswith(f"{chosen} {chosen}")


# Tells its size at every epoch, and does not come to an end by itself where it is above 5.
EPOCHS = """
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--size", type=float)
size = parser.parse_args().size
for epoch in range(100_000 if size > 5 else 3):
    print(f"loss={size};", flush=True)
    time.sleep(0.1)
open(os.path.join(os.environ["SM_MODEL_DIR"], "x"), "w").write(str(size))
"""


@pytest.fixture
def lab(world: Any, pack: Callable[[dict[str, str]], bytes]) -> Any:
    cloud, sagemaker = world
    body = pack({"train.py": EPOCHS})
    cloud.call("s3", "PutObject", {"Bucket": "lab", "Key": "code.tar.gz", "Body": body})
    return sagemaker


def test_a_trial_that_is_worse_than_the_median_is_stopped_early(lab: Any) -> None:
    wanted = request("early", choices(size=["1", "2", "3", "9"]), "Grid")
    config = wanted["HyperParameterTuningJobConfig"]
    config["TrainingJobEarlyStoppingType"] = "Auto"
    config["ResourceLimits"]["MaxParallelTrainingJobs"] = 1
    lab.create_hyper_parameter_tuning_job(**wanted)
    told = tuned(lab, "early", ended)
    assert told["HyperParameterTuningJobStatus"] == "Completed", told["FailureReason"]
    counters = told["TrainingJobStatusCounters"]
    assert (counters["Completed"], counters["Stopped"]) == (3, 1)
    assert told["BestTrainingJob"]["TunedHyperParameters"] == {"size": "1"}
    found = lab.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="early", StatusEquals="Stopped"
    )["TrainingJobSummaries"]
    assert [one["TunedHyperParameters"] for one in found] == [{"size": "9"}]


def test_hyperband_ends_every_trial_and_tells_the_best(lab: Any) -> None:
    ranges = {"ContinuousParameterRanges": [{"Name": "size", "MinValue": "6", "MaxValue": "9"}]}
    wanted = request("band", ranges, "Hyperband", MaxNumberOfTrainingJobs=5)
    wanted["HyperParameterTuningJobConfig"]["StrategyConfig"] = {
        "HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 8}
    }
    lab.create_hyper_parameter_tuning_job(**wanted)
    told = tuned(lab, "band", ended)
    assert told["HyperParameterTuningJobStatus"] == "Completed", told["FailureReason"]
    assert told["TrainingJobStatusCounters"]["Stopped"] == 5
    listed = lab.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="band", SortBy="FinalObjectiveMetricValue"
    )["TrainingJobSummaries"]
    assert len(listed) == 5
    assert told["BestTrainingJob"]["TrainingJobName"] == listed[0]["TrainingJobName"]


def test_a_warm_start_takes_over_what_its_parent_tried(world: Any) -> None:
    _, sagemaker = world
    grid = choices(size=["0", "2", "5", "9"], shift=["b"])
    sagemaker.create_hyper_parameter_tuning_job(**request("parent", grid, "Grid"))
    parent = tuned(sagemaker, "parent", ended)
    ranges = {"ContinuousParameterRanges": [{"Name": "size", "MinValue": "0", "MaxValue": "10"}]}
    wanted = request(
        "child", ranges, "Bayesian", MaxNumberOfTrainingJobs=1, MaxParallelTrainingJobs=1
    )
    wanted["TrainingJobDefinition"]["StaticHyperParameters"]["shift"] = "b"
    wanted["WarmStartConfig"] = {
        "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "parent"}],
        "WarmStartType": "IdenticalDataAndAlgorithm",
    }
    sagemaker.create_hyper_parameter_tuning_job(**wanted)
    told = tuned(sagemaker, "child", ended)
    assert told["HyperParameterTuningJobStatus"] == "Completed", told["FailureReason"]
    assert told["WarmStartConfig"] == wanted["WarmStartConfig"]
    overall = told["OverallBestTrainingJob"]
    assert overall["TuningJobName"] == "parent"
    assert overall["TrainingJobName"] == parent["BestTrainingJob"]["TrainingJobName"]

    for change, message in (
        (lambda r: r["TrainingJobDefinition"]["StaticHyperParameters"].pop("shift"), "shift"),
        (lambda r: r["HyperParameterTuningJobConfig"].update(Strategy="Grid"), "Grid"),
        (
            lambda r: r["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"].update(
                Type="Maximize"
            ),
            "another objective metric",
        ),
    ):
        wrong = json.loads(json.dumps({**wanted, "HyperParameterTuningJobName": "wrong"}))
        change(wrong)
        with pytest.raises(ClientError, match=message):
            sagemaker.create_hyper_parameter_tuning_job(**wrong)
