"""Data capture: which requests are kept, in which form, where, and what a kill leaves."""

import base64
import json
import re
from pathlib import Path
from typing import Any

from waiting import until

TYPES = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}


def capturing(percent: int = 100, *modes: str, **extra: Any) -> dict[str, Any]:
    return {
        "DataCaptureConfig": {
            "EnableCapture": True,
            "InitialSamplingPercentage": percent,
            "DestinationS3Uri": "s3://models/capture/churn",
            "CaptureOptions": [{"CaptureMode": mode} for mode in modes or ("Input", "Output")],
            "CaptureContentTypeHeader": TYPES,
            **extra,
        }
    }


def captured(hosted: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return all records in S3 with their keys."""
    listed = hosted.s3.list_objects_v2(Bucket="models", Prefix="capture/")
    records = []
    for entry in listed.get("Contents", []):
        body = hosted.s3.get_object(Bucket="models", Key=entry["Key"])["Body"].read().decode()
        records += [(entry["Key"], json.loads(line)) for line in body.splitlines()]
    return records


def written(hosted: Any) -> list[tuple[str, dict[str, Any]]]:
    """Delete the endpoint, which writes what it has, and return all records."""
    hosted.sagemaker.delete_endpoint(EndpointName="churn")
    until(lambda: hosted.sagemaker.list_endpoints()["Endpoints"], lambda left: not left)
    return captured(hosted)


def serve(hosted: Any, *models: str, **capture: Any) -> None:
    hosted.endpoint("churn", hosted.config("one", hosted.model("churn", add=1), **capture))


def test_requests_and_answers_are_kept_as_aws_writes_them(hosted: Any) -> None:
    serve(hosted, **capturing())

    hosted.ask("churn", 41, Accept="text/csv", InferenceId="order-7", CustomAttributes="a=b")
    [(key, record)] = until(lambda: captured(hosted), len)

    place = r"capture/churn/churn/AllTraffic/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}"
    assert re.fullmatch(place + r"\.jsonl", key)
    assert record["captureData"] == {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": "41",
            "encoding": "CSV",
        },
        "endpointOutput": {  # its output_fn returns only a text
            "observedContentType": "text/html; charset=utf-8",
            "mode": "OUTPUT",
            "data": base64.b64encode(b"42").decode(),
            "encoding": "BASE64",
        },
    }
    assert record["eventVersion"] == "0"
    meta = record["eventMetadata"]
    assert (meta["inferenceId"], meta["customAttributes"]) == ("order-7", ["a=b"])
    assert re.fullmatch(r"[0-9a-f-]{36}", meta["eventId"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", meta["inferenceTime"])
    hour = meta["inferenceTime"][:13].replace("-", "/").replace("T", "/")
    assert f"/{hour}/" in key


def test_without_content_types_data_is_kept_as_base64(hosted: Any) -> None:
    serve(hosted, **capturing(CaptureContentTypeHeader={"JsonContentTypes": ["application/json"]}))

    hosted.ask("churn", 41)
    [(_, record)] = written(hosted)

    sent = record["captureData"]["endpointInput"]
    assert (sent["encoding"], base64.b64decode(sent["data"])) == ("BASE64", b"41")
    answered = record["captureData"]["endpointOutput"]
    assert (answered["encoding"], answered["data"]) == ("BASE64", "NDI=")


def test_only_the_wanted_side_is_kept(hosted: Any) -> None:
    serve(hosted, **capturing(100, "Output"))

    hosted.ask("churn")
    [(_, record)] = written(hosted)

    assert list(record["captureData"]) == ["endpointOutput"]


def test_what_is_captured_is_written_before_the_endpoint_is_gone(hosted: Any) -> None:
    serve(hosted, **capturing())
    for number in range(5):
        hosted.ask("churn", number)

    records = written(hosted)

    sent = [record["captureData"]["endpointInput"]["data"] for _, record in records]
    assert sent == ["0", "1", "2", "3", "4"]
    assert len({record["eventMetadata"]["eventId"] for _, record in records}) == 5


def test_a_sample_of_nothing_and_a_capture_that_is_off_keep_nothing(hosted: Any) -> None:
    hosted.model("churn", add=1)
    hosted.endpoint("none", hosted.config("none", "churn", **capturing(0)))
    hosted.endpoint("off", hosted.config("off", "churn", **capturing(EnableCapture=False)))
    for name in ("none", "off"):
        hosted.ask(name)
        hosted.sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: hosted.sagemaker.list_endpoints()["Endpoints"], lambda left: not left)

    assert captured(hosted) == []


def test_errors_are_not_captured(hosted: Any) -> None:
    serve(hosted, **capturing())
    try:
        hosted.runtime.invoke_endpoint(EndpointName="churn", Body=b"x", ContentType="text/csv")
    except hosted.runtime.exceptions.ModelError:
        hosted.ask("churn", 3)

    [(_, record)] = written(hosted)

    assert record["captureData"]["endpointInput"]["data"] == "3"


def test_an_endpoint_says_what_it_captures(hosted: Any) -> None:
    serve(hosted, **capturing(30))

    told = hosted.sagemaker.describe_endpoint(EndpointName="churn")["DataCaptureConfig"]

    assert told == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 30,
        "DestinationS3Uri": "s3://models/capture/churn",
        "KmsKeyId": "",
    }


def test_a_bucket_that_is_gone_loses_captures_and_no_requests(hosted: Any) -> None:
    serve(hosted, **capturing(DestinationS3Uri="s3://no-such-bucket/x"))

    assert hosted.ask("churn", 1) == "2"
    assert written(hosted) == []
    assert list((hosted.cloud.folder / "capture").iterdir()) == []


def test_what_a_stopping_cloud_has_captured_is_in_s3_at_its_next_start(
    hosting: Any, folder: Path
) -> None:
    hosted = hosting(folder=folder)
    serve(hosted, **capturing())
    hosted.ask("churn", 9)
    hosted.cloud.stop()

    records = captured(hosting(folder=folder))

    assert [record["captureData"]["endpointInput"]["data"] for _, record in records] == ["9"]
