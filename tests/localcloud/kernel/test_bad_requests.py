"""Whatever a client sends, the cloud answers: an AWS error that names what is wrong, no 500."""
# ruff: noqa: E501

import re
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from requests_at_random import requests, send

from everloop_localcloud.cloud import Cloud, started


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud, front = started(tmp_path_factory.mktemp("cloud"), strict=True)
    yield cloud
    cloud.stop()
    front.stop()


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(sent=requests())
def test_no_request_breaks_the_cloud(
    cloud: Cloud, sent: tuple[str, str, dict[str, str], bytes]
) -> None:
    status, told = send(cloud.port, sent)
    assert status not in (500, 502, 503), told[:2000]


def test_the_cloud_answers_after_all_that(cloud: Cloud) -> None:
    assert send(cloud.port, ("GET", "/_everloop/health", {}, b"")) == (200, b"ok\n")


@pytest.fixture(scope="module")
def client(cloud: Cloud) -> Callable[[str], Any]:
    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=cloud.url,
            region_name="us-east-1",
            aws_access_key_id="tester",
            aws_secret_access_key="secret",
            config=Config(retries={"max_attempts": 1}, parameter_validation=False),
        )

    return client


ROLE = "arn:aws:iam::123456789012:role/any"
PASS = '{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}'
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"


@pytest.mark.parametrize(
    ("service", "operation", "request_", "code", "told"),
    [
        # Sizes beyond AWS's limits
        ("stepfunctions", "start_execution", {"stateMachineArn": MACHINE, "input": '"' + "x" * 262_143 + '"'}, "ValidationException", "262144"),
        ("sqs", "send_message", {"QueueUrl": "{url}/123456789012/q", "MessageBody": "x" * 1_048_577}, "InvalidParameterValue", "1048576"),
        ("events", "put_events", {"Entries": [{"Source": "a", "DetailType": "d", "Detail": '{"a": "' + "x" * 1_048_576 + '"}'}]}, "ValidationException", "limit"),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "x" * 262_145}, "InvalidParameter", "too long"),
        ("s3", "put_object", {"Bucket": "limits", "Key": "k" * 1025, "Body": b""}, "KeyTooLongError", "too long"),
        ("dynamodb", "put_item", {"TableName": "limits", "Item": {"pk": {"S": "k"}, "v": {"S": "x" * 409_601}}}, "ValidationException", "size"),
        ("s3", "put_object", {"Bucket": "limits", "Key": "k", "StorageClass": "NONE"}, "InvalidStorageClass", "NONE"),
        # Definitions that cannot be
        ("stepfunctions", "create_state_machine", {"name": "n", "roleArn": ROLE, "definition": "{"}, "InvalidDefinition", "JSON"),
        ("stepfunctions", "create_state_machine", {"name": "n", "roleArn": ROLE, "definition": '{"StartAt": "A", "States": {"B": {"Type": "Pass", "End": true}}}'}, "InvalidDefinition", "A"),
        ("stepfunctions", "create_state_machine", {"name": "n", "roleArn": ROLE, "definition": PASS, "type": "SLOW"}, "ValidationException", "enum value set: [STANDARD, EXPRESS]"),
        ("events", "put_rule", {"Name": "r", "EventPattern": '{"source": "a"}'}, "InvalidEventPatternException", "array"),
        ("events", "put_rule", {"Name": "r", "EventPattern": '{"source": [{"near": 1}]}'}, "InvalidEventPatternException", "near"),
        ("events", "put_rule", {"Name": "r", "ScheduleExpression": "rate(0 minutes)"}, "ValidationException", "ScheduleExpression"),
        ("scheduler", "create_schedule", {"Name": "s", "ScheduleExpression": "cron(nope)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": MACHINE, "RoleArn": ROLE}}, "ValidationException", "cron(nope)"),
        ("iam", "create_policy", {"PolicyName": "p", "PolicyDocument": '{"Statement": {"Effect": "Maybe"}}'}, "MalformedPolicyDocument", ""),
        ("iam", "create_role", {"RoleName": "r r", "AssumeRolePolicyDocument": "{}"}, "ValidationError", "at 'roleName'"),
        ("s3", "put_bucket_policy", {"Bucket": "limits", "Policy": "{"}, "MalformedPolicy", ""),
        ("s3", "put_bucket_policy", {"Bucket": "limits", "Policy": "[" * 20_000}, "ValidationException", "nested too deeply"),
        ("cloudformation", "create_stack", {"StackName": "s", "TemplateBody": "{"}, "ValidationError", ""),
        ("sagemaker", "create_pipeline", {"PipelineName": "p", "ClientRequestToken": "t" * 32, "RoleArn": ROLE, "PipelineDefinition": "{"}, "ValidationException", ""),
        ("sagemaker", "create_pipeline", {"PipelineName": "p", "ClientRequestToken": "t" * 32, "RoleArn": ROLE, "PipelineDefinition": '{"Version": "2020-12-01", "Steps": [{"Name": "a", "Type": "Dance"}]}'}, "ValidationException", "Dance"),
        # What is missing, and of a wrong type
        ("sagemaker", "create_model", {"ModelName": "m"}, "ValidationException", "ExecutionRoleArn|PrimaryContainer|Containers"),
        ("lambda", "create_function", {"FunctionName": "f", "Role": ROLE, "Code": {"ZipFile": b"no zip"}, "Runtime": "python3.13", "Handler": "a.b"}, "InvalidParameterValueException", "zip"),
        ("lambda", "create_function", {"FunctionName": "f", "Role": "nobody", "Code": {"ZipFile": b""}, "Runtime": "python3.13", "Handler": "a.b"}, "ValidationException", "at 'role' failed to satisfy constraint"),
        ("cloudwatch", "put_metric_alarm", {"AlarmName": "a", "ComparisonOperator": "Near", "EvaluationPeriods": 1}, "ValidationError", "at 'comparisonOperator'"),
        ("logs", "put_retention_policy", {"logGroupName": "g", "retentionInDays": 2}, "InvalidParameterException|ResourceNotFoundException", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    cloud: Cloud,
    client: Callable[[str], Any],
    service: str,
    operation: str,
    request_: dict[str, Any],
    code: str,
    told: str,
) -> None:
    if "QueueUrl" in request_:
        client("sqs").create_queue(QueueName="q")
        request_ = {**request_, "QueueUrl": request_["QueueUrl"].format(url=cloud.url)}
    if request_.get("stateMachineArn") == MACHINE:
        client("stepfunctions").create_state_machine(name="m", roleArn=ROLE, definition=PASS)
    if "TopicArn" in request_:
        client("sns").create_topic(Name="t")
    if request_.get("Bucket") == "limits":
        client("s3").create_bucket(Bucket="limits")
    if request_.get("TableName") == "limits":
        client("dynamodb").create_table(
            TableName="limits",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    with pytest.raises(ClientError) as error:
        getattr(client(service), operation)(**request_)
    found = error.value.response["Error"]
    assert re.search(code, found["Code"]), found
    assert any(word in found["Message"] for word in told.split("|")), found
    assert len(found["Message"]) < 3000
