"""Lists of instance types, as AWS documents them: their order, their quotas, what is refused."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker import preferences

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/jobs"
M5, C5 = {"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.c5.xlarge"}
TWO: dict[str, Any] = {"InstancePreferences": [M5, C5], "InstanceCount": 1}


def job(name: str, *words: str, cluster: dict[str, Any] = TWO) -> dict[str, Any]:
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "-c", " ".join(words) or "pass"],
        },
        "ProcessingResources": {"ClusterConfig": {**cluster, "VolumeSizeInGB": 1}},
    }


def cluster_of(sagemaker: Any, name: str, status: str) -> dict[str, Any]:
    described = until(
        lambda: sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda told: told["ProcessingJobStatus"] == status,
    )
    found: dict[str, Any] = described["ProcessingResources"]["ClusterConfig"]
    return {**found, "why": described.get("FailureReason", "")}


def test_a_job_runs_on_the_first_type_that_has_capacity_and_says_which(cloud_with: Any) -> None:
    _, client = cloud_with("sagemaker", "s3", no_capacity=["ml.m5.large"])
    sagemaker = client("sagemaker")
    each = [{**M5, "InstanceCount": 2}, {**C5, "InstanceCount": 1}]
    sagemaker.create_processing_job(**job("p", cluster={"InstancePreferences": each}))
    told = cluster_of(sagemaker, "p", "Completed")
    assert (told["SelectedInstanceType"], told["SelectedInstanceCount"]) == ("ml.c5.xlarge", 1)
    assert told["InstancePreferences"] == each
    sagemaker.create_processing_job(**job("q", cluster={**M5, "InstanceCount": 1}))
    failed = cluster_of(sagemaker, "q", "Failed")
    assert failed["why"].startswith("CapacityError: Unable to provision requested ML compute")
    assert "SelectedInstanceType" not in failed


def test_a_job_that_wants_several_instances_is_refused_and_not_run_on_one(cloud_with: Any) -> None:
    _, client = cloud_with("sagemaker", "s3")
    with pytest.raises(ClientError, match="InstanceCount is 2; the local cloud runs a processing"):
        client("sagemaker").create_processing_job(**job("p", cluster={**M5, "InstanceCount": 2}))


def test_the_quota_of_every_type_in_the_list_is_asked_for_and_one_of_them_is_used(
    cloud_with: Any,
) -> None:
    cloud, client = cloud_with("sagemaker", "s3", quotas="new-account", speed=100)
    sagemaker = client("sagemaker")
    cloud.quotas.grant("ml.m5.large for processing job usage", 1)
    sleeps = "import time; time.sleep(600)"
    with pytest.raises(ClientError, match=r"'ml.c5.xlarge for processing job usage' is 0"):
        sagemaker.create_processing_job(**job("p", sleeps))
    cloud.quotas.grant("ml.c5.xlarge for processing job usage", 1)
    sagemaker.create_processing_job(**job("p", sleeps))
    with pytest.raises(ClientError, match=r"'ml.m5.large for processing job usage' is 1"):
        sagemaker.create_processing_job(**job("q", sleeps))
    sagemaker.create_processing_job(**job("r", sleeps, cluster={**C5, "InstanceCount": 1}))
    for name in ("p", "r"):
        sagemaker.stop_processing_job(ProcessingJobName=name)


@pytest.mark.parametrize(
    ("cluster", "spot", "words"),
    [
        ({**TWO, **M5}, False, "InstancePreferences and InstanceType are mutually exclusive"),
        ({**TWO, "InstanceGroups": []}, False, "and InstanceGroups are mutually exclusive"),
        (TWO, True, "and EnableManagedSpotTraining are mutually exclusive"),
        ({"InstancePreferences": [M5, C5]}, False, "either once for the job or on every one"),
        (
            {"InstancePreferences": [{**M5, "InstanceCount": 1}, C5]},
            False,
            "either once for the job or on every one",
        ),
        (
            {"InstancePreferences": [{**M5, "InstanceCount": 1}], "InstanceCount": 1},
            False,
            "either once for the job or on every one",
        ),
        ({**TWO, "InstancePreferences": [M5, M5]}, False, "names an instance type twice"),
        ({**TWO, "InstancePreferences": [M5] * 6}, False, "it must have 1 to 5"),
        ({**M5, "SelectedInstanceType": "ml.m5.large"}, False, "is read-only"),
    ],
)
def test_what_aws_refuses_of_a_job_is_refused(
    cluster: dict[str, Any], spot: bool, words: str
) -> None:
    with pytest.raises(AwsError, match=words):
        preferences.check(cluster, spot=spot)


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ({**M5, "InstancePools": [{**C5, "Priority": 1}]}, "are mutually exclusive"),
        ({"InstancePools": [{**M5, "Priority": 1}, {**M5, "Priority": 2}]}, "type twice"),
        ({"InstancePools": [{**M5, "Priority": 1}, {**C5, "Priority": 1}]}, "have one Priority"),
        (
            {"InstancePools": [{**M5, "Priority": 1, "ModelNameOverride": "m"}]},
            "no ModelNameOverride",
        ),
    ],
)
def test_what_aws_refuses_of_pools_is_refused(variant: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words):
        preferences.check_pools(variant)


def test_a_variant_fills_its_pools_in_their_order_and_counts_all_of_them(hosting: Any) -> None:
    hosted = hosting(quotas="new-account", speed=100, no_capacity=["ml.m5.large"])
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": hosted.model("adder", add=1),
        "InitialInstanceCount": 1,
        "InstancePools": [{**C5, "Priority": 2}, {**M5, "Priority": 1}],
    }
    sagemaker = hosted.sagemaker
    sagemaker.create_endpoint_config(EndpointConfigName="two", ProductionVariants=[variant])
    hosted.cloud.quotas.grant("ml.m5.large for endpoint usage", 1)
    with pytest.raises(ClientError, match=r"'ml.c5.xlarge for endpoint usage' is 0 Instances"):
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="two")
    hosted.cloud.quotas.grant("ml.c5.xlarge for endpoint usage", 1)
    (told,) = hosted.endpoint("e", "two")["ProductionVariants"]
    assert told["InstancePools"] == [
        {"InstanceType": "ml.m5.large", "CurrentInstanceCount": 0},
        {"InstanceType": "ml.c5.xlarge", "CurrentInstanceCount": 1},
    ]
    assert hosted.ask("e", 1) == "2"


def test_an_endpoint_without_any_capacity_has_failed_and_says_so(hosting: Any) -> None:
    hosted = hosting(no_capacity=["ml.m5.large"])
    told = hosted.endpoint("e", hosted.config("one", hosted.model("adder")))
    assert told["EndpointStatus"] == "Failed"
    assert "InsufficientInstanceCapacity" in told["FailureReason"]
