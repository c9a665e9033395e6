"""Hyperparameters searched by the SDK's tuner around a ModelTrainer."""

from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import ContinuousParameter, IntegerParameter
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import (
    Compute,
    InputData,
    OutputDataConfig,
    SourceCode,
    StoppingCondition,
)
from sagemaker.train.tuner import HyperparameterTuner

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-tuning"
CODE = Path(__file__).parent / "flights"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
for name, count in {"train": 500, "test": 200}.items():
    table = pd.DataFrame({"distance": rng.uniform(0, 10, count), "hour": rng.uniform(5, 23, count)})
    table["delay"] = table["distance"] ** 2 - table["hour"] + rng.normal(0, 0.1, count)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/{name}.csv", Body=table.to_csv(index=False))

session = Session(default_bucket=BUCKET)
trainer = ModelTrainer(
    sagemaker_session=session,
    role=ROLE,
    training_image=image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2"),
    source_code=SourceCode(source_dir=str(CODE), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1, volume_size_in_gb=10),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    hyperparameters={"degree": 1},
    base_job_name="tuned",
)
tuner = HyperparameterTuner(
    model_trainer=trainer,
    objective_metric_name="test:mse",
    objective_type="Minimize",
    metric_definitions=[{"Name": "test:mse", "Regex": "test:mse=([0-9.]+);"}],
    hyperparameter_ranges={
        "alpha": ContinuousParameter(0.001, 100, scaling_type="Logarithmic"),
        "degree": IntegerParameter(1, 3),
    },
    strategy="Bayesian",
    random_seed=1,
    max_jobs=5,
    max_parallel_jobs=2,
)
tuner.tune(
    inputs=[
        InputData(channel_name="train", data_source=f"s3://{BUCKET}/train/"),
        InputData(channel_name="test", data_source=f"s3://{BUCKET}/test/"),
    ],
    wait=True,
)
told = tuner.describe()
assert told.hyper_parameter_tuning_job_status == "Completed"
assert told.training_job_status_counters.completed == 5
best = told.best_training_job
assert tuner.best_training_job() == best.training_job_name
assert int(best.tuned_hyper_parameters["degree"]) >= 2, best.tuned_hyper_parameters
metric = best.final_hyper_parameter_tuning_job_objective_metric
assert metric.value < 1, metric

trials = boto3.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
    HyperParameterTuningJobName=told.hyper_parameter_tuning_job_name,
    SortBy="FinalObjectiveMetricValue",
    SortOrder="Ascending",
)["TrainingJobSummaries"]
assert trials[0]["TrainingJobName"] == best.training_job_name
frame = tuner.analytics().dataframe()
assert len(frame) == 5
print(frame[["TrainingJobName", "alpha", "degree", "FinalObjectiveValue"]].to_string(index=False))
