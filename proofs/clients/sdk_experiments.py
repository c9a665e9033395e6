"""Experiments by the SDK: runs with parameters, metrics and files, compared by search."""

import tempfile
import time
from pathlib import Path

import boto3
import numpy as np
from sagemaker.core.experiments import Experiment, Run
from sagemaker.core.experiments.run import list_runs, load_run
from sagemaker.core.helper.session_helper import Session

BUCKET = "sdk-experiments"
EXPERIMENT = "sdk-experiments-ridge"

boto3.client("s3").create_bucket(Bucket=BUCKET)
session = Session(default_bucket=BUCKET)
sagemaker = boto3.client("sagemaker")

rng = np.random.default_rng(7)
features = rng.normal(size=(200, 5))
target = features @ np.array([1.0, 2.0, 0.0, -1.0, 0.5]) + rng.normal(0, 0.3, 200)

for alpha in (0.01, 1.0, 100.0):
    with Run(
        experiment_name=EXPERIMENT,
        run_name=f"alpha-{str(alpha).replace('.', '-')}",
        sagemaker_session=session,
    ) as run:
        run.log_parameters({"alpha": alpha, "solver": "normal equations"})
        weights = np.zeros(5)
        for step in range(20):
            gradient = features.T @ (features @ weights - target) / 200 + alpha * weights / 200
            weights -= 0.3 * gradient
            loss = float(np.mean((features @ weights - target) ** 2))
            run.log_metric(name="loss", value=loss, step=step)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.csv"
            np.savetxt(path, weights, delimiter=",")
            run.log_file(str(path), name="weights")
        run.log_confusion_matrix(target > 0, features @ weights > 0, title="sign")

runs = list_runs(experiment_name=EXPERIMENT, sagemaker_session=session)
assert {run.run_name for run in runs} == {"alpha-0-01", "alpha-1-0", "alpha-100-0"}

with load_run(experiment_name=EXPERIMENT, run_name="alpha-1-0", sagemaker_session=session) as run:
    run.log_parameter("reviewed", "yes")

# Metrics are sent while a run goes on, and summed up where the run is kept.
component = f"{EXPERIMENT}-alpha-1-0"
deadline = time.monotonic() + 120
while True:
    told = sagemaker.describe_trial_component(TrialComponentName=component)
    metrics = {metric["MetricName"]: metric for metric in told["Metrics"]}
    if metrics.get("loss", {}).get("Count") == 20:
        break
    assert time.monotonic() < deadline, metrics
    time.sleep(1)
assert metrics["loss"]["Min"] == metrics["loss"]["Last"] < metrics["loss"]["Max"]
assert told["Parameters"]["alpha"] == {"NumberValue": 1.0}
assert told["Parameters"]["reviewed"] == {"StringValue": "yes"}
assert told["Status"]["PrimaryStatus"] == "Completed"
assert told["OutputArtifacts"]["weights"]["Value"].startswith(f"s3://{BUCKET}/")

series = boto3.client("sagemaker-metrics").batch_get_metrics(
    MetricQueries=[
        {
            "MetricName": "loss",
            "ResourceArn": told["TrialComponentArn"],
            "MetricStat": "Last",
            "Period": "IterationNumber",
            "XAxisType": "IterationNumber",
        }
    ]
)["MetricQueryResults"][0]
assert series["XAxisValues"] == list(range(20))
assert series["MetricValues"][-1] == metrics["loss"]["Last"]

found = sagemaker.search(
    Resource="ExperimentTrialComponent",
    SearchExpression={
        "Filters": [
            {"Name": "Parents.ExperimentName", "Operator": "Equals", "Value": EXPERIMENT},
            {"Name": "Parameters.alpha", "Operator": "LessThan", "Value": "50"},
        ]
    },
    SortBy="Metrics.loss.min",
    SortOrder="Ascending",
)["Results"]
names = [each["TrialComponent"]["TrialComponentName"] for each in found]
assert names == [f"{EXPERIMENT}-alpha-0-01", f"{EXPERIMENT}-alpha-1-0"], names

experiment = Experiment.load(EXPERIMENT, sagemaker_session=session)
experiment._delete_all(action="--force")
listed = sagemaker.list_experiments()["ExperimentSummaries"]
assert EXPERIMENT not in [each["ExperimentName"] for each in listed]
print("compared", len(runs), "runs; the best loss:", round(series["MetricValues"][-1], 4))
