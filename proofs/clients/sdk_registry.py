"""The Model Registry by the SDK: versions registered, listed, approved, described."""

import io
import json
import tarfile

import boto3
from botocore.exceptions import ClientError
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.model_metrics import MetricsSource, ModelMetrics
from sagemaker.core.resources import ModelPackage, ModelPackageGroup
from sagemaker.core.shapes import ModelLifeCycle, Tag
from sagemaker.serve.model_builder import ModelBuilder

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-registry"
GROUP = "sdk-registry-delays"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
session = Session(default_bucket=BUCKET)
image = image_uris.retrieve("sklearn", "us-east-1", version="1.4-2")

group = ModelPackageGroup.create(
    model_package_group_name=GROUP,
    model_package_group_description="delays of flights",
    tags=[Tag(key="team", value="ops")],
)
assert group.model_package_group_status == "Completed"


def register(version: int, error: float) -> ModelPackage:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz"):
        pass
    key = f"{version}/model.tar.gz"
    s3.put_object(Bucket=BUCKET, Key=key, Body=packed.getvalue())
    report = {"regression_metrics": {"mae": {"value": error}}}
    s3.put_object(Bucket=BUCKET, Key=f"{version}/quality.json", Body=json.dumps(report))
    source = MetricsSource(
        content_type="application/json", s3_uri=f"s3://{BUCKET}/{version}/quality.json"
    )
    builder = ModelBuilder(
        image_uri=image,
        s3_model_data_url=f"s3://{BUCKET}/{key}",
        role_arn=ROLE,
        sagemaker_session=session,
    )
    arn = builder.register(
        model_package_group_name=GROUP,
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        description=f"attempt {version}",
        model_metrics=ModelMetrics(model_statistics=source),
        customer_metadata_properties={"mae": str(error)},
        approval_status="PendingManualApproval",
    )
    return ModelPackage.get(model_package_name=arn)


packages = [register(version, error) for version, error in ((1, 9.5), (2, 7.25), (3, 8.0))]
assert [package.model_package_version for package in packages] == [1, 2, 3]
assert packages[0].model_package_status == "Completed"

pending = ModelPackage.get_all(
    model_package_group_name=GROUP,
    model_approval_status="PendingManualApproval",
    sort_by="CreationTime",
    sort_order="Ascending",
)
best = min(
    (ModelPackage.get(model_package_name=each.model_package_arn) for each in pending),
    key=lambda package: float(package.customer_metadata_properties["mae"]),
)
assert best.model_package_version == 2
best.update(
    model_approval_status="Approved",
    approval_description="the least error",
    model_life_cycle=ModelLifeCycle(stage="Production", stage_status="Ready"),
)
packages[0].update(model_approval_status="Rejected", approval_description="worse")

approved = list(
    ModelPackage.get_all(model_package_group_name=GROUP, model_approval_status="Approved")
)
assert [each.model_package_version for each in approved] == [2]
again = ModelPackage.get(model_package_name=best.model_package_arn)
assert again.approval_description == "the least error"
assert again.model_life_cycle.stage == "Production"
statistics = again.model_metrics.model_quality.statistics.s3_uri
body = s3.get_object(Bucket=BUCKET, Key=statistics.removeprefix(f"s3://{BUCKET}/"))["Body"]
assert json.load(body)["regression_metrics"]["mae"]["value"] == 7.25

client = boto3.client("sagemaker")
described = client.batch_describe_model_package(
    ModelPackageArnList=[package.model_package_arn for package in packages]
)["ModelPackageSummaries"]
assert {each["ModelApprovalStatus"] for each in described.values()} == {
    "Approved",
    "Rejected",
    "PendingManualApproval",
}
policy = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
            "Action": "sagemaker:DescribeModelPackageGroup",
            "Resource": group.model_package_group_arn,
        }
    ],
}
client.put_model_package_group_policy(
    ModelPackageGroupName=GROUP, ResourcePolicy=json.dumps(policy)
)
kept = client.get_model_package_group_policy(ModelPackageGroupName=GROUP)["ResourcePolicy"]
assert json.loads(kept) == policy

try:
    group.delete()
except ClientError as error:
    assert error.response["Error"]["Code"] == "ConflictException", error
else:
    raise AssertionError("a group with packages in it was deleted")
for package in packages:
    package.delete()
group.delete()
print("approved version", best.model_package_version, "of", len(packages))
