"""Serverless endpoints: a process while they are asked, and what AWS refuses of them."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

SLOW = """
import time

def model_fn(folder):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(body, model):
    time.sleep(float(body))
    return body

def output_fn(body, accept):
    return "slept"
"""


def config(hosted: Any, name: str, model: str, **serverless: Any) -> str:
    given = {"MemorySizeInMB": 4096, "MaxConcurrency": 2, **serverless}
    extra = given.pop("extra", {})
    variant = {"VariantName": "AllTraffic", "ModelName": model, "ServerlessConfig": given}
    hosted.sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{**variant, **extra.pop("variant", {})}],
        **extra,
    )
    return name


def processes(hosted: Any, endpoint: str) -> int:
    host = hosted.cloud.apis["sagemaker"].hosting.hosts[endpoint]
    return len(host.fleet._instances["AllTraffic"])


def test_it_rests_when_nobody_asks_and_answers_when_somebody_does(hosting: Any) -> None:
    hosted = hosting(speed=600)
    hosted.model("one", add=1)
    told = hosted.endpoint("sum", config(hosted, "first", "one"))
    assert told["EndpointStatus"] == "InService"
    (variant,) = told["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 4096, "MaxConcurrency": 2}
    assert "CurrentInstanceCount" not in variant
    assert hosted.ask("sum") == "2"
    until(lambda: processes(hosted, "sum"), lambda found: found == 0)
    assert hosted.ask("sum", 4) == "5"  # a cold start


def test_provisioned_concurrency_never_rests(hosting: Any) -> None:
    hosted = hosting(speed=600)
    hosted.model("one", add=1)
    hosted.endpoint("sum", config(hosted, "first", "one", ProvisionedConcurrency=1))
    hosted.endpoint("rests", config(hosted, "second", "one"))
    until(lambda: processes(hosted, "rests"), lambda found: found == 0)
    assert processes(hosted, "sum") == 1


def test_more_requests_than_it_takes_at_once_are_throttled(hosted: Any) -> None:
    hosted.model("slow", script=SLOW)
    hosted.endpoint("slow", config(hosted, "first", "slow", MaxConcurrency=1))
    asking = threading.Thread(target=hosted.ask, args=("slow", 2))
    asking.start()
    try:

        def asked() -> str:
            try:
                hosted.ask("slow", 0)
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return ""

        until(asked, lambda code: code == "ThrottlingException", seconds=2)
    finally:
        asking.join()
    assert hosted.ask("slow", 0) == "slept"


@pytest.mark.parametrize(
    ("serverless", "said"),
    [
        ({"MemorySizeInMB": 2000}, "1024, 2048, 3072, 4096, 5120 or 6144"),
        ({"ProvisionedConcurrency": 3}, "at most MaxConcurrency"),
        ({"extra": {"variant": {"InstanceType": "ml.m5.large"}}}, "do not go together"),
        (
            {
                "extra": {
                    "DataCaptureConfig": {
                        "InitialSamplingPercentage": 100,
                        "DestinationS3Uri": "s3://models/c",
                        "CaptureOptions": [{"CaptureMode": "Input"}],
                    }
                }
            },
            "DataCaptureConfig is not supported for serverless endpoints",
        ),
    ],
)
def test_what_a_serverless_variant_cannot_have_is_refused(
    hosted: Any, serverless: dict[str, Any], said: str
) -> None:
    hosted.model("one", add=1)
    with pytest.raises(ClientError, match=said):
        config(hosted, "first", "one", **serverless)


def test_instances_become_no_serverless_endpoint_and_the_other_way_goes(hosted: Any) -> None:
    hosted.model("one", add=1)
    hosted.model("two", add=2)
    serverless = config(hosted, "serverless", "one")
    hosted.endpoint("sum", hosted.config("first", "one"))
    with pytest.raises(ClientError, match="cannot be converted to a serverless one"):
        hosted.update("sum", serverless)
    hosted.endpoint("other", serverless)
    hosted.update("other", config(hosted, "again", "two", MaxConcurrency=5))
    hosted.settled("other")
    assert hosted.ask("other") == "3"
    hosted.update("other", "first")
    assert hosted.settled("other")["ProductionVariants"][0]["CurrentInstanceCount"] == 1


def test_a_request_has_four_megabytes_at_most(hosted: Any) -> None:
    hosted.model("one", add=1)
    hosted.endpoint("sum", config(hosted, "first", "one"))
    with pytest.raises(ClientError, match="at most 4194304"):
        hosted.runtime.invoke_endpoint(EndpointName="sum", Body=b"1" * (4 * 1024**2 + 1))
