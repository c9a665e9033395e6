"""A pipeline by the SDK: prepare, train, evaluate, and register what meets the bar, else fail."""

import json
import time
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.workflow.conditions import ConditionLessThanOrEqualTo
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join, JsonGet
from sagemaker.core.workflow.parameters import ParameterFloat, ParameterInteger, ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import PropertyFile
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-pipeline"
CODE = Path(__file__).parent / "flights"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
table = pd.DataFrame({"distance": rng.uniform(0, 10, 2000), "hour": rng.uniform(5, 23, 2000)})
table["delay"] = 2 * table["distance"] + 0.5 * table["hour"] + rng.normal(0, 0.1, 2000)
s3.put_object(Bucket=BUCKET, Key="raw/flights.csv", Body=table.to_csv(index=False))

session = PipelineSession(default_bucket=BUCKET)
image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2")
data = ParameterString(name="Data", default_value=f"s3://{BUCKET}/raw")
largest_error = ParameterFloat(name="LargestError", default_value=0.05)
instances = ParameterInteger(name="Instances", default_value=1)
approval = ParameterString(name="Approval", default_value="PendingManualApproval")


def given(name, uri):
    place = f"/opt/ml/processing/input/{name}"
    source = ProcessingS3Input(
        s3_uri=uri, local_path=place, s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=source)


def made(name):
    uri = Join(
        on="/",
        values=[f"s3://{BUCKET}/runs", ExecutionVariables.PIPELINE_EXECUTION_ID, name],
    )
    target = ProcessingS3Output(
        s3_uri=uri, local_path=f"/opt/ml/processing/{name}", s3_upload_mode="EndOfJob"
    )
    return ProcessingOutput(output_name=name, s3_output=target)


processor = ScriptProcessor(
    role=ROLE,
    image_uri=image,
    command=["python3"],
    instance_count=instances,
    instance_type="ml.m5.xlarge",
    sagemaker_session=session,
)
split = ProcessingStep(
    name="Split",
    step_args=processor.run(
        code=str(CODE / "split.py"),
        inputs=[given("raw", data)],
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
    hyperparameters={"alpha": 0.5},
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
    base_job_name="delays",
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
artifact = train.properties.ModelArtifacts.S3ModelArtifacts

evaluation = PropertyFile(name="Evaluation", output_name="report", path="evaluation.json")
evaluate = ProcessingStep(
    name="Evaluate",
    step_args=processor.run(
        code=str(CODE / "evaluate.py"),
        inputs=[given("model", artifact), given("test", outputs["test"].S3Output.S3Uri)],
        outputs=[made("report")],
    ),
    property_files=[evaluation],
)
report = evaluate.properties.ProcessingOutputConfig.Outputs["report"].S3Output.S3Uri
error = JsonGet(step_name=evaluate.name, property_file=evaluation, json_path="regression.mse")

builder = ModelBuilder(
    s3_model_data_url=artifact,
    image_uri=image,
    role_arn=ROLE,
    sagemaker_session=session,
)
register = ModelStep(
    name="Register",
    step_args=builder.register(
        model_package_group_name="sdk-pipeline",
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        approval_status=approval,
        model_metrics=ModelMetrics(
            model_statistics=MetricsSource(
                content_type="application/json",
                s3_uri=Join(on="/", values=[report, "evaluation.json"]),
            )
        ),
    ),
)
worse = FailStep(
    name="TooFarOff", error_message=Join(on=" ", values=["the error is above", largest_error])
)
good = ConditionStep(
    name="GoodEnough",
    conditions=[ConditionLessThanOrEqualTo(left=error, right=largest_error)],
    if_steps=[register],
    else_steps=[worse],
)
pipeline = Pipeline(
    name="sdk-pipeline",
    parameters=[data, largest_error, instances, approval],
    steps=[split, train, evaluate, good],
    sagemaker_session=session,
)
arn = pipeline.upsert(role_arn=ROLE)["PipelineArn"]
assert pipeline.describe()["PipelineStatus"] == "Active"
assert pipeline.upsert(role_arn=ROLE, description="again")["PipelineArn"] == arn

execution = pipeline.start(parameters={"Approval": "Approved"})
execution.wait(delay=2, max_attempts=150)
told = execution.describe()
assert told["PipelineExecutionStatus"] == "Succeeded", told
steps = {step["StepName"]: step for step in execution.list_steps()}
assert set(steps) == {"Split", "Train", "Evaluate", "GoodEnough", "Register"}, steps
assert steps["GoodEnough"]["Metadata"]["Condition"]["Outcome"] == "True"
parameters = execution.list_parameters()["PipelineParameters"]
assert {"Name": "Approval", "Value": "Approved"} in parameters

sagemaker = boto3.client("sagemaker")
package = sagemaker.describe_model_package(
    ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
)
assert package["ModelApprovalStatus"] == "Approved"
container = package["InferenceSpecification"]["Containers"][0]
assert container["ModelDataUrl"].endswith("/output/model.tar.gz")
bucket, key = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"][5:].split("/", 1)
mse = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])["regression"]["mse"]

strict = pipeline.start(parameters={"LargestError": 0.000001})
stopped = pipeline.start()
stopped.stop()
while stopped.describe()["PipelineExecutionStatus"] in ("Executing", "Stopping"):
    time.sleep(1)
assert stopped.describe()["PipelineExecutionStatus"] == "Stopped"
try:
    strict.wait(delay=2, max_attempts=150)
except Exception as failed:
    assert "Failed" in str(failed), failed
told = strict.describe()
assert told["PipelineExecutionStatus"] == "Failed"
assert "the error is above 1e-06" in told["FailureReason"], told["FailureReason"]
listed = pipeline.list_executions()["PipelineExecutionSummaries"]
assert len(listed) == 3
pipeline.delete()
print(f"registered version {package['ModelPackageVersion']} with an error of {mse:.4f}")
