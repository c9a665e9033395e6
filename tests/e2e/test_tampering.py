"""What was changed after it was registered is not released; production stays, people are told."""

import json
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
MODEL = "tampered"
PACKAGE = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/{MODEL}"


def container(laptop: Laptop, version: int) -> dict[str, Any]:
    package = laptop.client("sagemaker").describe_model_package(
        ModelPackageName=f"{PACKAGE}/{version}"
    )
    found: dict[str, Any] = package["InferenceSpecification"]["Containers"][0]
    return found


def flip_one_byte(laptop: Laptop, uri: str) -> None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = laptop.client("s3")
    data = bytearray(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    data[len(data) // 2] ^= 1
    s3.put_object(Bucket=bucket, Key=key, Body=bytes(data))


def trained(laptop: Laptop, version: int) -> None:
    laptop.put(f"data/{MODEL}/{version}.csv", prices(version, 100))
    laptop.decided(MODEL, "judge", version)


def mailbox(laptop: Laptop) -> str:
    sqs, sns = laptop.client("sqs"), laptop.client("sns")
    url: str = sqs.create_queue(QueueName="tampering-mail")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:tampering-mail"
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:everloop-notifications"
    allowed = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(allowed)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def told(laptop: Laptop, url: str, subject: str) -> str | None:
    answer = laptop.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    for message in answer.get("Messages", []):
        mail = json.loads(message["Body"])
        if mail["Subject"] == subject:
            return str(mail["Message"])
    return None


def test_an_artefact_changed_after_registration_is_refused(laptop: Laptop, tmp_path: Path) -> None:
    mail = mailbox(laptop)
    laptop.everloop("push", str(variant(tmp_path, MODEL, {})))
    laptop.decided(MODEL, "install")
    trained(laptop, 1)
    laptop.approve(MODEL, 1)
    laptop.serves(MODEL, 1)
    sagemaker = laptop.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointConfigName"]
    served = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    model = sagemaker.describe_model(ModelName=served["ProductionVariants"][0]["ModelName"])
    seal = laptop.decisions(MODEL, "seal")[0]["facts"]
    assert model["PrimaryContainer"]["ModelDataUrl"] == seal["model_uri"]
    assert seal["model_digest"] in seal["model_uri"]

    trained(laptop, 2)
    flip_one_byte(laptop, container(laptop, 2)["ModelDataUrl"])
    laptop.approve(MODEL, 2)
    refused = laptop.decided(MODEL, "rollback")
    assert refused["facts"]["outcome"] == "tampered"
    assert "version 2 is not what was registered" in refused["reason"]
    assert "model.tar.gz was changed: its sha256 is" in refused["reason"]
    message = laptop.wait(
        MODEL,
        "the mail",
        lambda: told(laptop, mail, f"{MODEL} v2: was not released, and is not tried again"),
    )
    assert "its sha256 is" in message

    trained(laptop, 3)
    moved = {**container(laptop, 3), "ModelDataUrl": container(laptop, 1)["ModelDataUrl"]}
    sagemaker.update_model_package(
        ModelPackageArn=f"{PACKAGE}/3",
        InferenceSpecification={
            "Containers": [moved],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    laptop.approve(MODEL, 3)
    refused = laptop.decided(MODEL, "rollback", 2)
    assert "was changed in the registry" in refused["reason"]

    found = sagemaker.describe_endpoint(EndpointName=MODEL)
    assert (found["EndpointConfigName"], found["EndpointStatus"]) == (config, "InService")
    assert len(laptop.executions("deploy", MODEL)) == 3, "what was refused is not tried again"
