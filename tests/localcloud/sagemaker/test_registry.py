"""The Model Registry: groups, packages with versions and without, and what may be done to them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://lab/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@pytest.fixture
def sagemaker(cloud_with: Any) -> Any:
    made = cloud_with("events", "sagemaker")[1]("sagemaker")
    made.create_model_package_group(ModelPackageGroupName="delays")
    return made


def error(action: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        action(**request)
    told = raised.value.response["Error"]
    return told["Code"], told["Message"]


def register(sagemaker: Any, **more: Any) -> str:
    named = {} if "ModelPackageName" in more else {"ModelPackageGroupName": "delays"}
    arn: str = sagemaker.create_model_package(
        InferenceSpecification=SPECIFICATION, **named, **more
    )["ModelPackageArn"]
    return arn


def listed(sagemaker: Any, **filters: Any) -> list[str]:
    found = sagemaker.list_model_packages(
        SortBy="Name", SortOrder="Ascending", MaxResults=100, **filters
    )
    return [each["ModelPackageArn"].partition("/")[2] for each in found["ModelPackageSummaryList"]]


def test_packages_are_listed_with_versions_without_and_by_approval(sagemaker: Any) -> None:
    for _ in range(10):
        register(sagemaker)
    second = register(sagemaker, ModelApprovalStatus="Approved")
    register(sagemaker, ModelPackageName="alone")
    assert listed(sagemaker) == ["alone"]
    assert listed(sagemaker, ModelPackageType="Versioned")[:2] == ["delays/1", "delays/2"]
    assert listed(sagemaker, ModelPackageType="Both")[::11] == ["alone", "delays/11"]
    assert listed(sagemaker, ModelPackageGroupName="delays", ModelApprovalStatus="Approved") == [
        second.partition("/")[2]
    ]
    assert listed(sagemaker, ModelPackageType="Both", NameContains="lon") == ["alone"]
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName="delays", PaginationConfig={"PageSize": 4}
    )
    assert [len(page["ModelPackageSummaryList"]) for page in pages] == [4, 4, 3]


def test_a_package_without_versions_has_its_own_name_and_no_approval(sagemaker: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    arn = register(sagemaker, ModelPackageName="alone", Tags=tags)
    told = sagemaker.describe_model_package(ModelPackageName="alone")
    assert told["ModelPackageName"] == "alone"
    assert "ModelApprovalStatus" not in told and "ModelPackageVersion" not in told
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    assert "already exists" in error(register, sagemaker=sagemaker, ModelPackageName="alone")[1]
    approve = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
    assert error(sagemaker.update_model_package, **approve)[0] == "ValidationException"
    assert "Tags" in error(register, sagemaker=sagemaker, Tags=tags)[1]
    sagemaker.delete_model_package(ModelPackageName=arn)
    assert listed(sagemaker) == []


def test_an_update_changes_what_it_names(sagemaker: Any) -> None:
    arn = register(sagemaker, CustomerMetadataProperties={"a": "1", "b": "2"})
    extra = {"Name": "small", **SPECIFICATION}
    sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Approved",
        ApprovalDescription="better",
        CustomerMetadataProperties={"c": "3"},
        CustomerMetadataPropertiesToRemove=["a"],
        ModelLifeCycle={"Stage": "Production", "StageStatus": "Ready"},
        AdditionalInferenceSpecificationsToAdd=[extra],
        ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
    )
    told = sagemaker.describe_model_package(ModelPackageName=arn)
    assert told["ModelApprovalStatus"] == "Approved"
    assert told["CustomerMetadataProperties"] == {"b": "2", "c": "3"}
    assert told["ModelLifeCycle"]["Stage"] == "Production"
    assert [each["Name"] for each in told["AdditionalInferenceSpecifications"]] == ["small"]
    again = {"ModelPackageArn": arn, "AdditionalInferenceSpecificationsToAdd": [extra]}
    assert "small" in error(sagemaker.update_model_package, **again)[1]
    card = {"ModelCardContent": '{"colour": 1}', "ModelCardStatus": "Draft"}
    bad = error(sagemaker.update_model_package, ModelPackageArn=arn, ModelCard=card)
    assert "colour" in bad[1]
    told = sagemaker.describe_model_package(ModelPackageName=arn, IncludedData="MetadataOnly")
    assert told["ModelCard"] == {"ModelCardContent": "{}", "ModelCardStatus": "Draft"}
    rated = '{"intended_uses": {"risk_rating": "Low", "purpose_of_model": "delays"}}'
    sagemaker.update_model_package(
        ModelPackageArn=arn, ModelCard={"ModelCardContent": rated, "ModelCardStatus": "Draft"}
    )
    told = sagemaker.describe_model_package(ModelPackageName=arn, IncludedData="MetadataOnly")
    assert told["ModelCard"]["ModelCardContent"] == '{"intended_uses": {"risk_rating": "Low"}}'
    # A package's own card takes less of a model's overview than a model card by itself.
    card["ModelCardContent"] = '{"model_overview": {"model_name": "delays"}}'
    bad = error(sagemaker.update_model_package, ModelPackageArn=arn, ModelCard=card)
    assert "model_name is not permitted; model_artifact, model_creator are" in bad[1]


def test_many_packages_are_described_at_once(sagemaker: Any) -> None:
    arn = register(sagemaker)
    missing = arn.replace("/1", "/9")
    told = sagemaker.batch_describe_model_package(ModelPackageArnList=[arn, missing])
    assert told["ModelPackageSummaries"][arn]["ModelPackageVersion"] == 1
    assert told["BatchDescribeModelPackageErrorMap"][missing]["ErrorCode"] == "ValidationException"


def test_a_group_has_a_policy_until_that_is_deleted(sagemaker: Any) -> None:
    group = {"ModelPackageGroupName": "delays"}
    assert "policy" in error(sagemaker.get_model_package_group_policy, **group)[1]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
    sagemaker.put_model_package_group_policy(**group, ResourcePolicy=policy)
    assert sagemaker.get_model_package_group_policy(**group)["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(**group)
    assert error(sagemaker.get_model_package_group_policy, **group)[0] == "ValidationException"
    bad = error(sagemaker.put_model_package_group_policy, **group, ResourcePolicy="no")
    assert "JSON" in bad[1]


def test_tags_come_with_a_group_and_go_with_it(sagemaker: Any) -> None:
    tags = [{"Key": "team", "Value": "a"}]
    arn = sagemaker.create_model_package_group(ModelPackageGroupName="tagged", Tags=tags)[
        "ModelPackageGroupArn"
    ]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "cost", "Value": "b"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "cost", "Value": "b"}]
    sagemaker.delete_model_package_group(ModelPackageGroupName="tagged")
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
    assert "not found" in error(sagemaker.add_tags, ResourceArn=arn, Tags=tags)[1]
    known = arn.replace("tagged", "delays")
    reserved = [{"Key": "aws:x", "Value": "1"}]
    assert "aws:" in error(sagemaker.add_tags, ResourceArn=known, Tags=reserved)[1]
