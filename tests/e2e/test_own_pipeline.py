"""A folder's own pipeline in the loop: flights are tuned on, and the best is released."""

import pytest
from e2e.laptop import ROOT, Laptop

from everloop_cli import flights

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
MODEL = "air-time"


def test_the_best_of_a_tuning_is_released(laptop: Laptop) -> None:
    laptop.everloop("push", str(ROOT / "models" / MODEL))
    assert laptop.decided(MODEL, "install")["go"]
    month, rows = next(iter(flights.air_times(rows=500)))
    laptop.put(f"data/{MODEL}/{month}", rows)

    laptop.serves(MODEL, 1, limit=300)

    sagemaker = laptop.client("sagemaker")
    arn = sagemaker.list_pipeline_executions(PipelineName=MODEL)["PipelineExecutionSummaries"][0]
    steps = {
        step["StepName"]: step
        for step in sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=arn["PipelineExecutionArn"]
        )["PipelineExecutionSteps"]
    }
    tuned = steps["Tune"]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    told = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuned)
    best = told["BestTrainingJob"]
    trials = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuned
    )["TrainingJobSummaries"]
    scores = [one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for one in trials]
    assert len(scores) == 4
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(scores) < max(scores)
    package = sagemaker.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    container = package["InferenceSpecification"]["Containers"][0]
    assert f"/{best['TrainingJobName']}/" in container["ModelDataUrl"]

    head, *flown = rows.decode().splitlines()[:3]
    answer = laptop.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=MODEL, ContentType="text/csv", Body="\n".join([head, *flown])
    )
    for line, said in zip(flown, answer["Body"].read().split(), strict=True):
        assert abs(float(line.rpartition(",")[2]) - float(said)) < 60
