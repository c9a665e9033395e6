"""A new account's quotas: few instances, asked for by Service Quotas, counted as AWS does."""

import json
import re

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.kernel.quotas import of_new_account

ROLE = "arn:aws:iam::123456789012:role/sagemaker"
M5, T2 = "ml.m5.large for endpoint usage", "ml.t2.medium for endpoint usage"


@pytest.fixture
def account(cloud_with):
    _, client = cloud_with(quotas="new-account", speed=100)
    return client


def quotas(client, service="sagemaker"):
    pages = client("service-quotas").get_paginator("list_service_quotas")
    found = pages.paginate(ServiceCode=service, PaginationConfig={"PageSize": 5})
    return {each["QuotaName"]: each for page in found for each in page["Quotas"]}


def test_every_quota_of_the_file_has_its_source_and_aws_form():
    listed = of_new_account()
    assert len({each["code"] for each in listed}) == len(listed)
    for each in listed:
        assert re.fullmatch(r"L-[0-9A-F]{8}", each["code"]), each
        assert each["source"] and each["value"] >= 0, each


def test_an_account_tells_its_quotas_and_grants_what_is_asked_for(account):
    assert quotas(account)[M5]["Value"] == 0
    assert quotas(account, "lambda")["Concurrent executions"]["Value"] == 10
    client = account("service-quotas")
    asked = {"ServiceCode": "sagemaker", "QuotaCode": "L-614B09FD"}
    assert client.get_service_quota(**asked)["Quota"]["QuotaName"] == M5
    told = client.request_service_quota_increase(**asked, DesiredValue=3.0)["RequestedQuota"]
    assert (told["Status"], told["DesiredValue"]) == ("APPROVED", 3.0)
    assert client.get_service_quota(**asked)["Quota"]["Value"] == 3
    with pytest.raises(ClientError, match="greater than the current value"):
        client.request_service_quota_increase(**asked, DesiredValue=2.0)
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        client.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-00000000")
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        client.list_service_quotas(ServiceCode="ec2")


def test_a_quota_of_0_refuses_in_words_that_name_it_and_an_increase_helps(account):
    sagemaker = account("sagemaker")
    job = {
        "ProcessingJobName": "p",
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1",
            "ContainerEntrypoint": ["python3", "-c", "import time; time.sleep(600)"],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
            }
        },
    }
    with pytest.raises(ClientError) as refused:
        sagemaker.create_processing_job(**job)
    error = refused.value.response["Error"]
    assert error["Code"] == "ResourceLimitExceeded"
    assert (
        "'ml.m5.large for processing job usage' is 0 Instances, with current utilization of 0 "
        "Instances and a request delta of 1 Instances" in error["Message"]
    )
    account("service-quotas").request_service_quota_increase(
        ServiceCode="sagemaker", QuotaCode="L-8541302D", DesiredValue=1.0
    )
    assert "ProcessingJobArn" in sagemaker.create_processing_job(**job)
    with pytest.raises(ClientError, match="current utilization of 1 Instances"):
        sagemaker.create_processing_job(**{**job, "ProcessingJobName": "q"})


def test_without_a_set_nothing_is_held_to_them(cloud_with):
    _, client = cloud_with()
    assert json.dumps(sorted(quotas(client)))  # they are told all the same
    with pytest.raises(ClientError) as refused:
        client("sagemaker").create_endpoint(EndpointName="e", EndpointConfigName="none")
    assert "Could not find" in str(refused.value)
