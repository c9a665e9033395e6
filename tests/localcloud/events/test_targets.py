"""What each kind of target is called with."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from everloop_localcloud.cloud import SERVICES
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation

PREFIX = "arn:aws:{}:us-east-1:123456789012:"
ROLE = "arn:aws:iam::123456789012:role/rule"
CALLS: list[tuple[str, dict[str, Any], str]] = []


class Machines(Api):
    """Step Functions that only notes who starts what."""

    service = "stepfunctions"

    @operation
    def start_execution(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        CALLS.append(("StartExecution", request, call.principal))
        return {"executionArn": "arn", "startDate": call.time}


class Pipelines(Api):
    """SageMaker that only notes who starts what."""

    service = "sagemaker"

    @operation
    def start_pipeline_execution(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        CALLS.append(("StartPipelineExecution", request, call.principal))
        return {"PipelineExecutionArn": "arn:aws:sagemaker:us-east-1:1:pipeline/p/execution/e"}


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setitem(SERVICES, "stepfunctions", f"{__name__}:Machines")
    monkeypatch.setitem(SERVICES, "sagemaker", f"{__name__}:Pipelines")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Machines.__module__])
    CALLS.clear()
    yield CALLS
    CALLS.clear()


def _publish(cloud: Any, events: Any, target: dict[str, Any]) -> str:
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", **target}])
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": '{"item": "pen"}'}
    sent: str = events.put_events(Entries=[entry])["Entries"][0]["EventId"]
    while cloud.apis["events"].deliveries.pending():
        cloud.clock.sleep(0.01)
    return sent


def test_a_state_machine_is_started_with_the_event_and_the_role(
    cloud_with: Any, called: list[Any]
) -> None:
    cloud, client = cloud_with("events", "stepfunctions")
    arn = PREFIX.format("states") + "stateMachine:m"
    event_id = _publish(cloud, client("events"), {"Arn": arn, "RoleArn": ROLE})
    [(name, request, principal)] = called
    assert (name, request["stateMachineArn"], principal) == ("StartExecution", arn, ROLE)
    assert request["name"].startswith(event_id)
    assert json.loads(request["input"])["detail"] == {"item": "pen"}


def test_a_pipeline_is_started_with_parameters_from_the_event(
    cloud_with: Any, called: list[Any]
) -> None:
    cloud, client = cloud_with("events", "sagemaker")
    arn = PREFIX.format("sagemaker") + "pipeline/p"
    parameters = [{"Name": "Item", "Value": "$.detail.item"}, {"Name": "Fixed", "Value": "x"}]
    target = {
        "Arn": arn,
        "RoleArn": ROLE,
        "SageMakerPipelineParameters": {"PipelineParameterList": parameters},
    }
    _publish(cloud, client("events"), target)
    [(_, request, principal)] = called
    assert (request["PipelineName"], principal) == (arn, ROLE)
    assert request["PipelineParameters"] == [
        {"Name": "Item", "Value": "pen"},
        {"Name": "Fixed", "Value": "x"},
    ]


def test_a_topic_that_allows_it_gets_the_event(cloud_with: Any) -> None:
    cloud, client = cloud_with("events", "sns", "sqs")
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    queue = PREFIX.format("sqs") + "q"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": policy})["QueueUrl"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue,
        Attributes={"RawMessageDelivery": "true"},
    )
    _publish(cloud, client("events"), {"Arn": topic})
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert json.loads(found[0]["Body"])["detail"] == {"item": "pen"}


def test_a_log_group_gets_the_event(cloud_with: Any) -> None:
    cloud, client = cloud_with("events", "logs")
    logs = client("logs")
    logs.create_log_group(logGroupName="/aws/events/all")
    arn = PREFIX.format("logs") + "log-group:/aws/events/all"
    _publish(cloud, client("events"), {"Arn": arn})
    found = logs.filter_log_events(logGroupName="/aws/events/all")["events"]
    assert [json.loads(one["message"])["detail"] for one in found] == [{"item": "pen"}]
