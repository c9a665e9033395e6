"""Batch transform by the SDK: rows with ids in, rows with ids and predictions out."""

import io
import json
import tarfile
from pathlib import Path

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Model, TransformJob
from sagemaker.core.shapes import ContainerDefinition
from sagemaker.core.transformer import Transformer

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-batch-transform"
CODE = Path(__file__).parent / "linear"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:gz") as archive:
    archive.add(CODE / "inference.py", "code/inference.py")
    content = json.dumps([2, 0.5]).encode()
    entry = tarfile.TarInfo("coefficients.json")
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=packed.getvalue())
s3.put_object(Bucket=BUCKET, Key="in/monday.csv", Body=b"AA1,4,10\nAA2,8,20\n")
s3.put_object(Bucket=BUCKET, Key="in/late/tuesday.csv", Body=b"AA3,1,6\n")

session = Session(default_bucket=BUCKET)
model = Model.create(
    model_name="sdk-batch-transform",
    execution_role_arn=ROLE,
    primary_container=ContainerDefinition(
        image=image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2"),
        model_data_url=f"s3://{BUCKET}/model.tar.gz",
        environment={"SAGEMAKER_PROGRAM": "inference.py"},
    ),
)
transformer = Transformer(
    model_name=model.model_name,
    instance_count=1,
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
    output_path=f"s3://{BUCKET}/out",
    max_payload=1,
    sagemaker_session=session,
)
transformer.transform(
    f"s3://{BUCKET}/in/",
    content_type="text/csv",
    split_type="Line",
    input_filter="$[1:]",
    join_source="Input",
    output_filter="$[0,-1]",
)
job = TransformJob.get(transform_job_name=transformer.latest_transform_job.transform_job_name)
assert job.transform_job_status == "Completed", job.failure_reason
monday = s3.get_object(Bucket=BUCKET, Key="out/monday.csv.out")["Body"].read().decode()
tuesday = s3.get_object(Bucket=BUCKET, Key="out/late/tuesday.csv.out")["Body"].read().decode()
assert monday == "AA1,13\nAA2,26\n", monday
assert tuesday == "AA3,5\n", tuesday
model.delete()
print("scored", repr(monday), "and", repr(tuesday))
