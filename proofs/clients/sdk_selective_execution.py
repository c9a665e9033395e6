"""One step of a pipeline again, on what an earlier execution left: selective execution."""

import time
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.workflow.parameters import ParameterFloat
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.selective_execution_config import SelectiveExecutionConfig
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-selective-execution"
CODE = Path(__file__).parent / "flights"

s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
table = pd.DataFrame({"distance": rng.uniform(0, 10, 400), "hour": rng.uniform(5, 23, 400)})
table["delay"] = 2 * table["distance"] + 0.5 * table["hour"]
s3.put_object(Bucket=BUCKET, Key="raw/flights.csv", Body=table.to_csv(index=False))

session = PipelineSession(default_bucket=BUCKET)
image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2")
alpha = ParameterFloat(name="Alpha", default_value=1000.0)


def made(name):
    place = ProcessingS3Output(
        s3_uri=f"s3://{BUCKET}/split/{name}",
        local_path=f"/opt/ml/processing/{name}",
        s3_upload_mode="EndOfJob",
    )
    return ProcessingOutput(output_name=name, s3_output=place)


raw = ProcessingS3Input(
    s3_uri=f"s3://{BUCKET}/raw/flights.csv",
    local_path="/opt/ml/processing/input/raw",
    s3_data_type="S3Prefix",
)
processor = ScriptProcessor(
    role=ROLE,
    image_uri=image,
    command=["python3"],
    instance_count=1,
    instance_type="ml.m5.xlarge",
    sagemaker_session=session,
)
split = ProcessingStep(
    name="Split",
    step_args=processor.run(
        code=str(CODE / "split.py"),
        inputs=[ProcessingInput(input_name="raw", s3_input=raw)],
        outputs=[made("train"), made("test")],
        arguments=["--share", "0.25"],
    ),
)
outputs = split.properties.ProcessingOutputConfig.Outputs
trainer = ModelTrainer(
    sagemaker_session=session,
    role=ROLE,
    training_image=image,
    source_code=SourceCode(source_dir=str(CODE), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
    hyperparameters={"alpha": alpha},
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
    base_job_name="again",
)
train = TrainingStep(
    name="Train",
    step_args=trainer.train(
        input_data_config=[
            InputData(channel_name=name, data_source=outputs[name].S3Output.S3Uri)
            for name in ("train", "test")
        ]
    ),
)
pipeline = Pipeline(
    name="sdk-selective-execution",
    parameters=[alpha],
    steps=[split, train],
    sagemaker_session=session,
)
pipeline.upsert(role_arn=ROLE)


def finished(execution):
    while execution.describe()["PipelineExecutionStatus"] in ("Executing", "Stopping"):
        time.sleep(1)
    told = execution.describe()
    assert told["PipelineExecutionStatus"] == "Succeeded", told.get("FailureReason")
    return {step["StepName"]: step for step in execution.list_steps()}


whole = pipeline.start()
before = finished(whole)
given = pipeline.build_parameters_from_execution(
    pipeline_execution_arn=whole.arn, parameter_value_overrides={"Alpha": 0.1}
)
again = pipeline.start(
    parameters=given,
    selective_execution_config=SelectiveExecutionConfig(
        source_pipeline_execution_arn=whole.arn, selected_steps=["Train"]
    ),
)
after = finished(again)
assert after["Split"]["SelectiveExecutionResult"]["SourcePipelineExecutionArn"] == whole.arn
assert after["Split"]["Metadata"] == before["Split"]["Metadata"]
jobs = [steps["Train"]["Metadata"]["TrainingJob"]["Arn"] for steps in (before, after)]
assert jobs[0] != jobs[1]
told = sagemaker.describe_training_job(TrainingJobName=jobs[1].rpartition("/")[2])
assert float(told["HyperParameters"]["alpha"].strip('"')) == 0.1, told["HyperParameters"]
assert len(sagemaker.list_processing_jobs()["ProcessingJobSummaries"]) >= 1
print("trained again on the same split, with another alpha")
