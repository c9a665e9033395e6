"""AWS's limits and its bad days, for teams that want to meet them on a laptop."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def test_calls_beyond_a_rate_are_throttled_and_clients_wait(cloud_with):
    _, client = cloud_with("sagemaker", "sts", quotas="aws", speed=0.01)
    sagemaker = client("sagemaker")
    sagemaker.list_models()
    sagemaker.list_models()
    with pytest.raises(ClientError, match="Rate exceeded") as error:
        sagemaker.list_models()
    assert error.value.response["Error"]["Code"] == "ThrottlingException"
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []  # a quota of its own


def test_botocore_retries_a_throttled_call(cloud_with):
    cloud, _ = cloud_with("sagemaker", "sts", quotas="aws")
    patient = boto3.client(
        "sagemaker",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="tester",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 8, "mode": "standard"}),
    )
    retries = [patient.list_models()["ResponseMetadata"]["RetryAttempts"] for _ in range(5)]
    assert sum(retries) > 0


def test_without_quotas_nothing_is_throttled(cloud_with):
    _, client = cloud_with("sagemaker", "sts", speed=0.01)
    for _ in range(10):
        client("sagemaker").list_models()


def test_a_burst_of_starts_is_taken_and_more_than_the_bucket_is_not(cloud_with):
    _, client = cloud_with("stepfunctions", "sts", quotas="aws", speed=0.001)
    states = client("stepfunctions")
    for _ in range(200):
        with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
            states.list_executions(
                stateMachineArn="arn:aws:states:us-east-1:123456789012:stateMachine:none"
            )
    with pytest.raises(ClientError, match="ThrottlingException"):
        states.list_executions(
            stateMachineArn="arn:aws:states:us-east-1:123456789012:stateMachine:none"
        )


def test_rough_events_come_late_and_mixed_and_some_twice(cloud_with):
    _, client = cloud_with("events", "sqs", "sts", rough_events=True, speed=60)
    events, sqs = client("events"), client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name="r", EventPattern='{"source": ["app"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    entry = {"Source": "app", "DetailType": "n"}
    for ten in range(10):
        numbers = range(10 * ten, 10 * ten + 10)
        entries = [{**entry, "Detail": json.dumps({"n": number})} for number in numbers]
        assert events.put_events(Entries=entries)["FailedEntryCount"] == 0

    seen = []
    while len(set(seen)) < 100:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        for message in found.get("Messages", []):
            seen.append(json.loads(message["Body"])["detail"]["n"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    assert seen != sorted(seen)  # 100 events in their order by chance: never
