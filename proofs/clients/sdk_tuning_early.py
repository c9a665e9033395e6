"""Trials that end early: Hyperband, the median rule, and a search that starts where one ended."""

from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.shapes import (
    HyperbandStrategyConfig,
    HyperParameterTuningJobStrategyConfig,
    HyperParameterTuningJobWarmStartConfig,
    ParentHyperParameterTuningJob,
)
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
BUCKET = "sdk-tuning-early"
CODE = Path(__file__).parent / "epochs"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
for name, count in {"train": 400, "test": 200}.items():
    table = pd.DataFrame({"x": rng.normal(0, 1, count), "z": rng.normal(0, 1, count)})
    table["y"] = 3 * table["x"] - table["z"] + rng.normal(0, 0.1, count)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/{name}.csv", Body=table.to_csv(index=False))

session = Session(default_bucket=BUCKET)
INPUTS = [
    InputData(channel_name="train", data_source=f"s3://{BUCKET}/train/"),
    InputData(channel_name="test", data_source=f"s3://{BUCKET}/test/"),
]


def tune(name, **options):
    trainer = ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2"),
        source_code=SourceCode(source_dir=str(CODE), entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=1, volume_size_in_gb=10),
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
        hyperparameters={"epochs": 27},
        base_job_name="epochs",
    )
    tuner = HyperparameterTuner(
        model_trainer=trainer,
        objective_metric_name="test:mse",
        objective_type="Minimize",
        metric_definitions=[{"Name": "test:mse", "Regex": "test:mse=([0-9.e+]+);"}],
        hyperparameter_ranges={
            "eta": ContinuousParameter(0.00001, 0.1, scaling_type="Logarithmic")
        },
        random_seed=1,
        max_parallel_jobs=2,
        **options,
    )
    tuner.tune(inputs=INPUTS, job_name=f"sdk-tuning-early-{name}", wait=True)
    told = tuner.describe()
    assert told.hyper_parameter_tuning_job_status == "Completed"
    counters = told.training_job_status_counters
    best = told.best_training_job.final_hyper_parameter_tuning_job_objective_metric.value
    print(f"{counters.completed} to the end, {counters.stopped} stopped early, best {best:.4f}")
    return tuner, told


band = HyperbandStrategyConfig(min_resource=3, max_resource=27)
_, hyperband = tune(
    "band",
    strategy="Hyperband",
    strategy_config=HyperParameterTuningJobStrategyConfig(hyperband_strategy_config=band),
    max_jobs=6,
)
assert hyperband.training_job_status_counters.stopped >= 1

_, early = tune("median", strategy="Random", early_stopping_type="Auto", max_jobs=6)
parent = ParentHyperParameterTuningJob(
    hyper_parameter_tuning_job_name=early.hyper_parameter_tuning_job_name
)
_, warm = tune(
    "warm",
    strategy="Bayesian",
    max_jobs=2,
    warm_start_config=HyperParameterTuningJobWarmStartConfig(
        parent_hyper_parameter_tuning_jobs=[parent],
        warm_start_type="TransferLearning",
    ),
)
assert warm.warm_start_config.warm_start_type == "TransferLearning"
assert warm.training_job_status_counters.completed == 2
