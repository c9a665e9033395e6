"""Lineage by the SDK: which data, job and package an endpoint's model came from, and back."""

import io
import tarfile
import time

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.lineage.action import Action
from sagemaker.core.lineage.artifact import Artifact, DatasetArtifact, ModelArtifact
from sagemaker.core.lineage.association import Association
from sagemaker.core.lineage.context import Context, EndpointContext
from sagemaker.core.lineage.query import (
    LineageEntityEnum,
    LineageFilter,
    LineageQuery,
    LineageQueryDirectionEnum,
    LineageSourceEnum,
)

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = "sdk-lineage"
NAME = "sdk-lineage"
DATA = f"s3://{BUCKET}/data/"
CODE = f"s3://{BUCKET}/code/"
TRAIN = """
import pathlib
code = pathlib.Path("/opt/ml/model/code")
code.mkdir(parents=True)
code.joinpath("inference.py").write_text(
    "def model_fn(folder): return 42\\n"
    "def transform_fn(model, body, content_type, accept): return str(model), 'text/plain'\\n"
)
"""

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
s3.put_object(Bucket=BUCKET, Key="data/rows.csv", Body=b"1,2\n")
s3.put_object(Bucket=BUCKET, Key="code/train.py", Body=TRAIN.encode())
session = Session(default_bucket=BUCKET)
client = boto3.client("sagemaker")


def channel(name: str, uri: str) -> dict:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


# A loop in small: train, register, deploy.
client.create_training_job(
    TrainingJobName=NAME,
    AlgorithmSpecification={
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
    },
    RoleArn=ROLE,
    InputDataConfig=[channel("train", DATA), channel("code", CODE)],
    OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    StoppingCondition={"MaxRuntimeInSeconds": 3600},
)
client.get_waiter("training_job_completed_or_stopped").wait(
    TrainingJobName=NAME, WaiterConfig={"Delay": 2}
)
job = client.describe_training_job(TrainingJobName=NAME)
assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
trained = job["ModelArtifacts"]["S3ModelArtifacts"]
packed = s3.get_object(Bucket=BUCKET, Key=trained.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
    assert "code/inference.py" in tar.getnames()
client.create_model_package_group(ModelPackageGroupName=NAME)
package = client.create_model_package(
    ModelPackageGroupName=NAME,
    ModelApprovalStatus="Approved",
    InferenceSpecification={
        "Containers": [{"Image": IMAGE, "ModelDataUrl": trained}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/plain"],
    },
)["ModelPackageArn"]
client.create_model(
    ModelName=NAME, PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=ROLE
)
client.create_endpoint_config(
    EndpointConfigName=NAME,
    ProductionVariants=[
        {
            "VariantName": "all",
            "ModelName": NAME,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
    ],
)
endpoint = client.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)["EndpointArn"]
client.get_waiter("endpoint_in_service").wait(EndpointName=NAME, WaiterConfig={"Delay": 2})

# From the endpoint back.
deadline = time.monotonic() + 60
while not (contexts := list(Context.list(source_uri=endpoint, sagemaker_session=session))):
    assert time.monotonic() < deadline, "the endpoint left no context"
    time.sleep(1)
context = EndpointContext.load(context_name=contexts[0].context_name, sagemaker_session=session)
datasets = {each.source.source_uri for each in context.dataset_artifacts()}
assert datasets == {DATA, CODE}, datasets
jobs = context.training_job_arns()
assert jobs == [job["TrainingJobArn"]], jobs
query = LineageQuery(session).query(
    start_arns=[context.context_arn],
    query_filter=LineageFilter(
        entities=[LineageEntityEnum.ARTIFACT], sources=[LineageSourceEnum.MODEL]
    ),
    direction=LineageQueryDirectionEnum.ASCENDANTS,
    include_edges=False,
)
models = {vertex.to_lineage_object().source.source_uri for vertex in query.vertices}
assert {trained, package} <= models, models

# From the data, and from the package, forward.
[summary] = Artifact.list(source_uri=DATA, sagemaker_session=session)
dataset = DatasetArtifact.load(artifact_arn=summary.artifact_arn, sagemaker_session=session)
uses = {each.source.source_uri for each in dataset.endpoint_contexts()}
assert uses == {endpoint}, uses
[summary] = Artifact.list(source_uri=package, sagemaker_session=session)
model = ModelArtifact.load(artifact_arn=summary.artifact_arn, sagemaker_session=session)
assert {each.source.source_uri for each in model.dataset_artifacts()} == {DATA, CODE}
assert {each.source.source_uri for each in model.endpoint_contexts()} == {endpoint}

# A step of one's own, between what AWS noted.
raw = Artifact.create(
    artifact_name="sdk-lineage-raw",
    source_uri="s3://elsewhere/raw.csv",
    artifact_type="DataSet",
    sagemaker_session=session,
)
clean = Action.create(
    action_name="sdk-lineage-clean",
    action_type="DataProcessing",
    source_uri="https://example.com/clean.py",
    status="Completed",
    sagemaker_session=session,
)
for source, destination, kind in (
    (raw.artifact_arn, clean.action_arn, "ContributedTo"),
    (clean.action_arn, dataset.artifact_arn, "Produced"),
):
    Association.create(
        source_arn=source,
        destination_arn=destination,
        association_type=kind,
        sagemaker_session=session,
    )
found = {each.source.source_uri for each in context.dataset_artifacts()}
assert found == {DATA, CODE, "s3://elsewhere/raw.csv"}, found
listed = list(Association.list(destination_arn=dataset.artifact_arn, sagemaker_session=session))
assert [each.source_name for each in listed] == ["sdk-lineage-clean"]
clean.delete(disassociate=True)
raw.delete(disassociate=True)
client.delete_endpoint(EndpointName=NAME)
print("endpoint <-", ", ".join(sorted(models)), "<-", jobs[0], "<-", DATA)
