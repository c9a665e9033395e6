"""One training for each of some hyperparameters, and the best of them: the SDK's ForEach step."""

import time
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.shapes import MetricDefinition
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.for_each_step import (
    CurrentItem,
    ForEachSelector,
    ForEachStep,
    IterationOutput,
)
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-for-each"
CODE = Path(__file__).parent / "flights"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
for name, count in {"train": 400, "test": 100}.items():
    table = pd.DataFrame({"distance": rng.uniform(0, 10, count), "hour": rng.uniform(5, 23, count)})
    table["delay"] = 2 * table["distance"] + 0.5 * table["hour"]
    s3.put_object(Bucket=BUCKET, Key=f"{name}/{name}.csv", Body=table.to_csv(index=False))

session = PipelineSession(default_bucket=BUCKET)
image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2")
trainer = ModelTrainer(
    sagemaker_session=session,
    role=ROLE,
    training_image=image,
    source_code=SourceCode(source_dir=str(CODE), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
    hyperparameters={"alpha": CurrentItem().alpha},
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
    base_job_name="each",
).with_metric_definitions([MetricDefinition(name="test:mse", regex="test:mse=([0-9.]+);")])
train = TrainingStep(
    name="Train",
    step_args=trainer.train(
        input_data_config=[
            InputData(channel_name=name, data_source=f"s3://{BUCKET}/{name}/")
            for name in ("train", "test")
        ]
    ),
)
alphas = ParameterString(
    name="Alphas", default_value='["{\\"alpha\\": 1000.0}", "{\\"alpha\\": 0.01}"]'
)
each = ForEachStep(
    name="Each",
    iterable_items=alphas,
    max_concurrency=2,
    for_each_body=[train],
    selector=ForEachSelector(
        pick="MinBy", field=IterationOutput(train).FinalMetricDataList[0].Value
    ),
)
tell = FailStep(name="Tell", error_message=each.properties.Selected.TrainingJobName)
pipeline = Pipeline(
    name="sdk-for-each", parameters=[alphas], steps=[each, tell], sagemaker_session=session
)
pipeline.upsert(role_arn=ROLE)
execution = pipeline.start()
while execution.describe()["PipelineExecutionStatus"] == "Executing":
    time.sleep(1)
steps = {step["StepName"]: step for step in execution.list_steps()}
assert steps["Each"]["StepStatus"] == "Succeeded", steps["Each"].get("FailureReason")
told = steps["Each"]["Metadata"]["ForEach"]
assert (told["SucceededStepCount"], told["Selector"]["Index"]) == (2, 1), told
best = steps["Train-1"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
assert steps["Tell"]["Metadata"]["Fail"]["ErrorMessage"] == best
print("trained twice; the best is", steps["Train-1"]["IterationContext"]["Item"])
