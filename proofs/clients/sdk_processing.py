"""Processing jobs by the SDK: a script with arguments, then a folder of code with requirements."""

import json
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.processing import FrameworkProcessor, ScriptProcessor
from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-processing"
CODE = Path(__file__).parent / "flights"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
rows = np.random.default_rng(7).normal(size=(1000, 2))
table = pd.DataFrame(rows, columns=["distance", "hour"])
s3.put_object(Bucket=BUCKET, Key="raw/flights.csv", Body=table.to_csv(index=False))

session = Session(default_bucket=BUCKET)
image = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2")


def given(name: str, uri: str) -> ProcessingInput:
    place = f"/opt/ml/processing/input/{name}"
    return ProcessingInput(
        input_name=name,
        s3_input=ProcessingS3Input(
            s3_uri=uri, local_path=place, s3_data_type="S3Prefix", s3_input_mode="File"
        ),
    )


def made(name: str, uri: str) -> ProcessingOutput:
    place = f"/opt/ml/processing/{name}"
    return ProcessingOutput(
        output_name=name,
        s3_output=ProcessingS3Output(s3_uri=uri, local_path=place, s3_upload_mode="EndOfJob"),
    )


processor = ScriptProcessor(
    role=ROLE,
    image_uri=image,
    command=["python3"],
    instance_count=1,
    instance_type="ml.m5.xlarge",
    base_job_name="split",
    sagemaker_session=session,
)
processor.run(
    code=str(CODE / "split.py"),
    inputs=[given("raw", f"s3://{BUCKET}/raw")],
    outputs=[made("train", f"s3://{BUCKET}/train"), made("test", f"s3://{BUCKET}/test")],
    arguments=["--share", "0.25"],
)
job = processor.latest_job
job.refresh()
assert job.processing_job_status == "Completed", job.failure_reason
body = s3.get_object(Bucket=BUCKET, Key="test/test.csv")["Body"]
assert len(pd.read_csv(body)) == 250

framework = FrameworkProcessor(
    role=ROLE,
    image_uri=image,
    command=["python3"],
    instance_count=1,
    instance_type="ml.m5.xlarge",
    base_job_name="describe",
    sagemaker_session=session,
)
framework.run(
    code="describe.py",
    source_dir=str(CODE),
    inputs=[given("train", f"s3://{BUCKET}/train")],
    outputs=[made("report", f"s3://{BUCKET}/report")],
    wait=True,
    logs=False,
)
report = json.load(s3.get_object(Bucket=BUCKET, Key="report/report.json")["Body"])
assert report["rows"] == 750
print("split 1000 rows into 750 and 250; report:", report)
