"""InvokeEndpoint: what it passes on, what it refuses, how errors of a model look."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_a_model_answers_and_says_which_variant_it_was(hosted: Any) -> None:
    hosted.model("add-two", add=2)
    told = hosted.endpoint("adder", hosted.config("one", "add-two"))
    assert told["EndpointStatus"] == "InService"

    answer = hosted.runtime.invoke_endpoint(
        EndpointName="adder", Body=b"40", ContentType="text/csv", Accept="text/csv"
    )

    assert answer["Body"].read() == b"42"
    assert answer["ContentType"] == "text/csv"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
