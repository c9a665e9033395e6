"""More steps of pipelines by the SDK: search, repack, model, transform, function, callback.

Then a step that is taken from the cache, and one that runs because another failed.
"""

import json
import time
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.processing import ScriptProcessor
from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.callback_step import (
    CallbackOutput,
    CallbackOutputTypeEnum,
    CallbackStep,
)
from sagemaker.mlops.workflow.lambda_step import LambdaOutput, LambdaOutputTypeEnum, LambdaStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.parallelism_config import ParallelismConfiguration
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.step_dependency import StepDependency, TriggerCondition
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep, TransformStep, TuningStep
from sagemaker.serve.model_builder import ModelBuilder
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
BUCKET = "sdk-pipeline-steps"
HERE = Path(__file__).parent

s3, sqs, sagemaker = (boto3.client(service) for service in ("s3", "sqs", "sagemaker"))
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
for name, count in {"train": 400, "test": 100}.items():
    table = pd.DataFrame({"distance": rng.uniform(0, 10, count), "hour": rng.uniform(5, 23, count)})
    table["delay"] = 2 * table["distance"] + 0.5 * table["hour"]
    s3.put_object(Bucket=BUCKET, Key=f"{name}/{name}.csv", Body=table.to_csv(index=False))
rows = table[["distance", "hour"]].to_csv(index=False, header=False)
s3.put_object(Bucket=BUCKET, Key="new/flights.csv", Body=rows)
queue = sqs.create_queue(QueueName="sdk-pipeline-steps")["QueueUrl"]

session = PipelineSession(default_bucket=BUCKET)
image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2")


def finished(execution):
    while execution.describe()["PipelineExecutionStatus"] in ("Executing", "Stopping"):
        time.sleep(1)
    told = execution.describe()
    steps = {step["StepName"]: step for step in execution.list_steps()}
    return told["PipelineExecutionStatus"], steps, told.get("FailureReason")


# A search, its best model with the inference code put in, scores for all rows, a function, a person
trainer = ModelTrainer(
    sagemaker_session=session,
    role=ROLE,
    training_image=image,
    source_code=SourceCode(source_dir=str(HERE / "flights"), entry_script="train.py"),
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
    hyperparameter_ranges={"alpha": ContinuousParameter(0.001, 10, scaling_type="Logarithmic")},
    strategy="Random",
    max_jobs=2,
    max_parallel_jobs=2,
)
tune = TuningStep(
    name="Tune",
    step_args=tuner.tune(
        inputs=[
            InputData(channel_name="train", data_source=f"s3://{BUCKET}/train/"),
            InputData(channel_name="test", data_source=f"s3://{BUCKET}/test/"),
        ]
    ),
    retry_policies=[
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.RESOURCE_LIMIT], max_attempts=2
        )
    ],
)
builder = ModelBuilder(
    image_uri=image,
    s3_model_data_url=tune.get_top_model_s3_uri(top_k=0, s3_bucket=BUCKET, prefix="models"),
    source_code=SourceCode(source_dir=str(HERE / "flights"), entry_script="inference.py"),
    role_arn=ROLE,
    sagemaker_session=session,
    instance_type="ml.m5.large",
)
create = ModelStep(
    name="Create",
    step_args=builder.build(),
    retry_policies=[
        StepRetryPolicy(exception_types=[StepExceptionTypeEnum.THROTTLING], max_attempts=3)
    ],
)
transformer = Transformer(
    model_name=create.properties.ModelName,
    instance_count=1,
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
    output_path=f"s3://{BUCKET}/scores",
    sagemaker_session=session,
)
score = TransformStep(
    name="Score",
    step_args=transformer.transform(
        data=f"s3://{BUCKET}/new/", content_type="text/csv", split_type="Line"
    ),
)
counter = Lambda(
    function_name="sdk-pipeline-steps-count-lines",
    execution_role_arn=ROLE,
    script=str(HERE / "functions" / "count_lines.py"),
    handler="count_lines.handler",
    runtime="python3.13",
    session=session,
)
count = LambdaStep(
    name="Count",
    lambda_func=counter,
    inputs={"uri": score.properties.TransformOutput.S3OutputPath},
    outputs=[LambdaOutput(output_name="lines", output_type=LambdaOutputTypeEnum.Integer)],
    depends_on=[score],
)
ask = CallbackStep(
    name="Ask",
    sqs_queue_url=queue,
    inputs={"lines": count.properties.Outputs["lines"], "model": create.properties.ModelName},
    outputs=[CallbackOutput(output_name="by", output_type=CallbackOutputTypeEnum.String)],
)
pipeline = Pipeline(
    name="sdk-pipeline-steps", steps=[tune, create, score, count, ask], sagemaker_session=session
)
pipeline.upsert(role_arn=ROLE)
execution = pipeline.start(
    parallelism_config=ParallelismConfiguration(max_parallel_execution_steps=2)
)
message = {}
while "Messages" not in message:
    message = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
    assert execution.describe()["PipelineExecutionStatus"] == "Executing", finished(execution)
asked = json.loads(message["Messages"][0]["Body"])
assert asked["arguments"]["lines"] == 100, asked
sagemaker.send_pipeline_execution_step_success(
    CallbackToken=asked["token"], OutputParameters=[{"Name": "by", "Value": "ana"}]
)
status, steps, reason = finished(execution)
assert status == "Succeeded", reason
assert steps["Ask"]["Metadata"]["Callback"]["OutputParameters"] == [{"Name": "by", "Value": "ana"}]
assert steps["Tune"]["Metadata"]["TuningJob"]["Arn"]
scores = s3.get_object(Bucket=BUCKET, Key="scores/flights.csv.out")["Body"].read().decode()
assert np.allclose([float(line) for line in scores.split()], table["delay"], atol=0.5)

# The same step with the same inputs is not run again
mode = ParameterString(name="Mode", default_value="good")
processor = ScriptProcessor(
    role=ROLE,
    image_uri=image,
    command=["python3"],
    instance_count=1,
    instance_type="ml.m5.xlarge",
    sagemaker_session=session,
)
work = ProcessingStep(
    name="Work",
    step_args=processor.run(
        code=str(HERE / "functions" / "succeed_or_fail.py"), arguments=["--mode", mode]
    ),
    cache_config=CacheConfig(enable_caching=True, expire_after="PT1H"),
)
# and a function runs only because it failed.
rescue = LambdaStep(
    name="Rescue",
    lambda_func=Lambda(function_arn=steps["Count"]["Metadata"]["Lambda"]["Arn"], session=session),
    inputs={"uri": f"s3://{BUCKET}/new"},
    depends_on=[StepDependency(work, TriggerCondition.FAILED)],
)
careful = Pipeline(
    name="sdk-pipeline-careful", parameters=[mode], steps=[work, rescue], sagemaker_session=session
)
careful.upsert(role_arn=ROLE)
first = careful.start()
status, steps, reason = finished(first)
assert (status, set(steps)) == ("Succeeded", {"Work"}), (status, steps, reason)
status, steps, reason = finished(careful.start())
assert steps["Work"]["CacheHitResult"]["SourcePipelineExecutionArn"] == first.arn, steps
status, steps, reason = finished(careful.start(parameters={"Mode": "bad"}))
assert status == "CompletedWithFailures", (status, reason)
assert steps["Work"]["StepStatus"] == "Failed"
assert steps["Rescue"]["StepStatus"] == "Succeeded"
print("searched, repacked, scored 100 rows, asked a person; cached; rescued")
