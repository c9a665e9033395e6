"""Events that somebody else puts on a bus: refused as AWS refuses them, or without an effect."""

import json
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
MODEL = "forged"
ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/{MODEL}/1"


def put(laptop: Laptop, bus: str, source: str, kind: str, detail: dict[str, Any]) -> Any:
    entry = {"EventBusName": bus, "Source": source, "DetailType": kind}
    return laptop.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(detail)}])


def failures(laptop: Laptop) -> list[dict[str, Any]]:
    """Take what functions gave up on out of its queue."""
    sqs = laptop.client("sqs")
    url = sqs.get_queue_url(QueueName="everloop-failed")["QueueUrl"]
    found = []
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        found.append(json.loads(message["Body"]))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_what_was_forged_trains_judges_and_releases_nothing(laptop: Laptop, tmp_path: Path) -> None:
    laptop.everloop("push", str(variant(tmp_path, MODEL, {})))
    laptop.decided(MODEL, "install")
    laptop.put(f"data/{MODEL}/1.csv", prices(1, 100))
    laptop.decided(MODEL, "judge")
    kinds = [decision["kind"] for decision in laptop.decisions(MODEL)]
    approved = {
        "ModelPackageGroupName": MODEL,
        "ModelPackageVersion": 1,
        "ModelPackageArn": ARN,
        "ModelApprovalStatus": "Approved",
        "UpdatedModelPackageFields": ["ModelApprovalStatus"],
    }
    changed = "SageMaker Model Package State Change"

    answer = put(laptop, "default", "aws.sagemaker", changed, approved)
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    assert put(laptop, "default", "sagemaker", changed, approved)["FailedEntryCount"] == 0
    assert put(laptop, "everloop", "everloop", changed, approved)["FailedEntryCount"] == 0

    violation = {
        "model": MODEL,
        "violations": 9,
        "monitors": ["data"],
        "findings_uri": f"s3://{laptop.data_bucket}/data/{MODEL}/1.csv",
    }
    put(laptop, "everloop", "everloop", "Model Violation Found", violation)

    def refused() -> str | None:
        for record in failures(laptop):
            event = record["requestPayload"]
            if event.get("detail", {}).get("findings_uri") == violation["findings_uri"]:
                return str(record["responsePayload"]["errorMessage"])
        return None

    assert "does not lie below" in laptop.wait(MODEL, "the forged violation's end", refused)
    assert [decision["kind"] for decision in laptop.decisions(MODEL)] == kinds
    package = laptop.client("sagemaker").describe_model_package(ModelPackageName=ARN)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert laptop.executions("deploy", MODEL) == []
    assert len(laptop.executions("train", MODEL)) == 1
