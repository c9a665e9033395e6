"""An endpoint's update has two fleets, and staging comes on top: quotas count all of them."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

NAME = "ml.m5.large for endpoint usage"


def allow(hosted: Any, instances: float) -> None:
    hosted.cloud.quotas.grant(NAME, instances)


def test_blue_and_green_are_counted_and_one_too_few_is_refused(hosting: Any) -> None:
    hosted = hosting(quotas="new-account", speed=100)
    hosted.config("old", hosted.model("old", add=0))
    hosted.config("new", hosted.model("new", add=100))
    with pytest.raises(ClientError, match=f"'{NAME}' is 0 Instances"):
        hosted.sagemaker.create_endpoint(EndpointName="adder", EndpointConfigName="old")
    allow(hosted, 1)
    hosted.endpoint("adder", "old")
    with pytest.raises(ClientError, match="current utilization of 1 Instances"):
        hosted.update("adder", "new")
    assert hosted.ask("adder", 1) == "1"
    allow(hosted, 2)
    hosted.update("adder", "new")
    hosted.settled("adder")
    assert hosted.ask("adder", 1) == "101"
    # What was two fleets is one again.
    hosted.update("adder", "old")
    hosted.settled("adder")


def test_instances_that_an_update_takes_over_are_counted_as_they_are(hosting: Any) -> None:
    hosted = hosting(quotas="new-account", speed=100)
    hosted.config("old", hosted.model("old", add=0))
    hosted.config("new", hosted.model("new", add=100))
    allow(hosted, 4)
    hosted.endpoint("adder", "old")
    wanted = {"VariantName": "AllTraffic", "DesiredInstanceCount": 5}
    with pytest.raises(ClientError, match="request delta of 4 Instances"):
        hosted.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="adder", DesiredWeightsAndCapacities=[wanted]
        )
    hosted.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="adder", DesiredWeightsAndCapacities=[{**wanted, "DesiredInstanceCount": 3}]
    )
    hosted.settled("adder")
    with pytest.raises(ClientError, match="request delta of 3 Instances"):
        hosted.update("adder", "new", RetainAllVariantProperties=True)
    hosted.update("adder", "new")  # with the one that the config begins with
    hosted.settled("adder")
