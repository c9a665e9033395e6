"""From a training script to an answering endpoint, by the SDK: ModelTrainer and ModelBuilder."""

import io
import json
import tarfile
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.serve.mode.function_pointers import Mode
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-train-and-deploy"
CODE = Path(__file__).parent / "flights"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
for name, count in {"train": 2000, "test": 500}.items():
    table = pd.DataFrame({"distance": rng.uniform(0, 10, count), "hour": rng.uniform(5, 23, count)})
    table["delay"] = 2 * table["distance"] + 0.5 * table["hour"] + rng.normal(0, 0.1, count)
    s3.put_object(Bucket=BUCKET, Key=f"{name}/{name}.csv", Body=table.to_csv(index=False))

session = Session(default_bucket=BUCKET)
image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2")
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
trainer.train(
    input_data_config=[
        InputData(channel_name="train", data_source=f"s3://{BUCKET}/train/"),
        InputData(channel_name="test", data_source=f"s3://{BUCKET}/test/"),
    ]
)
job = trainer._latest_training_job
job.refresh()
assert job.training_job_status == "Completed", job.failure_reason
artifact = job.model_artifacts.s3_model_artifacts
bucket, key = artifact.removeprefix("s3://").split("/", 1)
with tarfile.open(fileobj=io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) as tar:
    assert "model.joblib" in tar.getnames()

builder = ModelBuilder(
    image_uri=image,
    s3_model_data_url=artifact,
    source_code=SourceCode(source_dir=str(CODE), entry_script="inference.py"),
    role_arn=ROLE,
    sagemaker_session=session,
    instance_type="ml.m5.large",
    mode=Mode.SAGEMAKER_ENDPOINT,
)
model = builder.build(model_name="sdk-train-and-deploy")
endpoint = builder.deploy(endpoint_name="sdk-train-and-deploy", initial_instance_count=1)
assert endpoint.endpoint_status == "InService"
answer = endpoint.invoke(
    body=json.dumps([[4.0, 10.0], [8.0, 20.0]]),
    content_type="application/json",
    accept="application/json",
)
delays = json.loads(answer.body.read())
assert np.allclose(delays, [13.0, 26.0], atol=0.5), delays
endpoint.delete()
model.delete()
print("trained", job.training_job_name, "and asked its endpoint:", delays)
