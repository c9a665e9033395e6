"""InvokeEndpoint: what it passes on, what it refuses, what it counts."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

ECHO = """
def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    return f"{content_type} {accept} {body!r}", accept
"""
SLOW = """
import time

def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    time.sleep(0.2)
    return body, accept
"""


def refusal(hosted: Any, **request: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as refused:
        hosted.runtime.invoke_endpoint(**{"EndpointName": "it", "Body": b"1", **request})
    error = refused.value.response
    status = error["ResponseMetadata"]["HTTPStatusCode"]
    return error["Error"]["Code"], error["Error"]["Message"], status


def serve(hosted: Any, **model: Any) -> None:
    told = hosted.endpoint("it", hosted.config("it", hosted.model("it", **model)))
    assert told["EndpointStatus"] == "InService", told.get("FailureReason")


def test_a_model_answers_and_says_which_variant_it_was(hosted: Any) -> None:
    serve(hosted, add=2)

    answer = hosted.runtime.invoke_endpoint(
        EndpointName="it", Body=b"40", ContentType="text/csv", Accept="text/csv"
    )

    assert answer["Body"].read() == b"42"
    assert answer["ContentType"] == "text/html; charset=utf-8"  # output_fn returns only a text
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_types_and_body_go_through_as_they_are(hosted: Any) -> None:
    serve(hosted, script=ECHO)

    answer = hosted.runtime.invoke_endpoint(
        EndpointName="it", Body=b"\x00\xff", ContentType="application/x-own", Accept="text/plain"
    )

    assert answer["Body"].read() == rb"application/x-own text/plain b'\x00\xff'"
    assert answer["ContentType"] == "text/plain; charset=utf-8"
    assert "CustomAttributes" not in answer  # they are the container's to set


def test_an_unknown_endpoint_is_a_validation_error(hosted: Any) -> None:
    assert refusal(hosted, EndpointName="none") == (
        "ValidationError",
        "Endpoint none of account 123456789012 not found.",
        400,
    )


def test_what_an_endpoint_does_not_take_is_refused_by_name(hosted: Any) -> None:
    serve(hosted)
    long = b"x" * (25 * 1024 * 1024 + 1)

    refused = [
        refusal(hosted, **request)
        for request in (
            {"TargetVariant": "none"},
            {"TargetModel": "m.tar.gz"},
            {"SessionId": "NEW_SESSION"},
            {"Body": long},
        )
    ]

    assert [code for code, _, _ in refused] == ["ValidationError"] * 4
    assert [status for _, _, status in refused] == [400, 400, 400, 413]
    words = ("Variant none", "TargetModel", "SessionId", f"{len(long)} bytes")
    assert [word in said for word, (_, said, _) in zip(words, refused, strict=True)] == [True] * 4


def test_asynchronous_and_streamed_invocations_are_refused_by_name(hosted: Any) -> None:
    for call, extra in (
        (hosted.runtime.invoke_endpoint_async, {"InputLocation": "s3://models/x"}),
        (hosted.runtime.invoke_endpoint_with_response_stream, {"Body": b"1"}),
    ):
        with pytest.raises(ClientError, match="does not answer sagemaker-runtime:InvokeEndpoint"):
            call(EndpointName="it", **extra)


def test_a_handler_gets_one_request_at_a_time_and_all_are_answered(hosted: Any) -> None:
    serve(hosted, script=SLOW)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: hosted.ask("it", number), range(6)))

    assert answers == [str(number) for number in range(6)]


def test_variants_get_traffic_by_their_weight(hosted: Any) -> None:
    hosted.model("plus", add=1)
    hosted.model("minus", add=-1)
    variants = [
        {
            "VariantName": name,
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for name, weight in (("plus", 9.0), ("minus", 1.0))
    ]
    hosted.sagemaker.create_endpoint_config(EndpointConfigName="two", ProductionVariants=variants)
    hosted.endpoint("it", "two")

    answers = [hosted.ask("it", 10) for _ in range(200)]

    assert 150 < answers.count("11") < 200
    assert hosted.ask("it", 10, TargetVariant="minus") == "9"


def test_invocations_errors_and_latencies_are_metrics_of_the_variant_and_the_fleet(
    hosted: Any,
) -> None:
    serve(hosted, script="def model_fn(d): return 1\ndef predict_fn(x, m): return x / x[0]\n")
    json = {"EndpointName": "it", "ContentType": "application/json"}
    for body in (b"[1]", b"[2]", b"nonsense"):
        try:
            hosted.runtime.invoke_endpoint(Body=body, **json)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ModelError"

    def metric(name: str, *extra: tuple[str, str]) -> dict[str, Any]:
        pairs = [("EndpointName", "it"), ("VariantName", "AllTraffic"), *extra]
        now = datetime.now(UTC)
        points = hosted.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in pairs],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum", "SampleCount", "Average"],
        )["Datapoints"]
        return {
            "Sum": sum(point["Sum"] for point in points),
            "SampleCount": sum(point["SampleCount"] for point in points),
            "Units": {point["Unit"] for point in points},
        }

    seen = until(lambda: metric("Invocations"), lambda got: got["Sum"] == 3)
    assert seen["SampleCount"] == 3
    fleet = ("EndpointConfigName", "it")
    assert metric("Invocations", fleet)["Sum"] == 3
    assert (metric("Invocation5XXErrors")["Sum"], metric("Invocation4XXErrors")["Sum"]) == (1, 0)
    assert metric("Invocation5XXErrors", fleet)["SampleCount"] == 3
    assert metric("InvocationModelErrors")["Sum"] == 1
    for latency in ("ModelLatency", "OverheadLatency"):
        assert metric(latency)["Sum"] > 0
        assert metric(latency)["Units"] == {"Microseconds"}
    assert metric("ModelLatency", fleet)["SampleCount"] == 3
