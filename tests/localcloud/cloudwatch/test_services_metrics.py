"""What AWS's services measure of themselves: without it, the alarms on it could never ring."""

import json
from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/anybody"
ACCOUNT = "123456789012"
GONE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:gone"


def _measured(cloud: Any, watch: Any, namespace: str, metric: str, **dimensions: str) -> None:
    """Wait until there is a metric with just these dimensions."""
    wanted = [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())]
    while True:
        found = watch.list_metrics(Namespace=namespace, MetricName=metric)["Metrics"]
        if wanted in [sorted(one["Dimensions"], key=lambda d: d["Name"]) for one in found]:
            return
        cloud.clock.sleep(1)


@pytest.mark.parametrize(
    ("state", "metric"),
    [
        ({"Type": "Pass", "End": True}, "ExecutionsSucceeded"),
        ({"Type": "Fail", "Error": "No"}, "ExecutionsFailed"),
        ({"Type": "Wait", "Seconds": 9000, "End": True}, "ExecutionsTimedOut"),
    ],
)
def test_executions_are_counted_by_how_they_end(
    cloud_with: Any, state: dict[str, Any], metric: str
) -> None:
    cloud, client = cloud_with("stepfunctions", "cloudwatch", speed=1800)
    definition = {"StartAt": "Only", "TimeoutSeconds": 3600, "States": {"Only": state}}
    machine = client("stepfunctions").create_state_machine(
        name="m", definition=json.dumps(definition), roleArn=ROLE
    )["stateMachineArn"]
    client("stepfunctions").start_execution(stateMachineArn=machine)
    for name in ("ExecutionsStarted", metric, "ExecutionTime"):
        _measured(cloud, client("cloudwatch"), "AWS/States", name, StateMachineArn=machine)


def test_an_aborted_execution_is_counted(cloud_with: Any) -> None:
    cloud, client = cloud_with("stepfunctions", "cloudwatch")
    states = {"Only": {"Type": "Wait", "Seconds": 9000, "End": True}}
    machine = client("stepfunctions").create_state_machine(
        name="m", definition=json.dumps({"StartAt": "Only", "States": states}), roleArn=ROLE
    )["stateMachineArn"]
    started = client("stepfunctions").start_execution(stateMachineArn=machine)
    client("stepfunctions").stop_execution(executionArn=started["executionArn"])
    watch = client("cloudwatch")
    _measured(cloud, watch, "AWS/States", "ExecutionsAborted", StateMachineArn=machine)


def test_a_schedule_without_its_target_is_counted_by_its_group(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", "scheduler", "cloudwatch", speed=600)
    client("scheduler").create_schedule_group(Name="g")
    client("scheduler").create_schedule(
        Name="s",
        GroupName="g",
        ScheduleExpression="rate(1 hours)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": GONE, "RoleArn": ROLE, "DeadLetterConfig": {"Arn": GONE}},
    )
    for metric in (
        "InvocationAttemptCount",
        "TargetErrorCount",
        "InvocationDroppedCount",
        "InvocationsFailedToBeSentToDeadLetterCount",
    ):
        _measured(cloud, client("cloudwatch"), "AWS/Scheduler", metric, ScheduleGroup="g")


@pytest.mark.parametrize(
    ("bus", "dimensions"),
    [("default", {"RuleName": "r"}), ("shop", {"EventBusName": "shop", "RuleName": "r"})],
)
def test_a_rule_without_its_target_is_counted_by_bus_and_rule(
    cloud_with: Any, bus: str, dimensions: dict[str, str]
) -> None:
    cloud, client = cloud_with("sqs", "events", "cloudwatch")
    events = client("events")
    if bus != "default":
        events.create_event_bus(Name=bus)
    events.put_rule(Name="r", EventBusName=bus, EventPattern='{"source": ["till"]}')
    target = {"Id": "t", "Arn": GONE, "DeadLetterConfig": {"Arn": GONE}}
    events.put_targets(Rule="r", EventBusName=bus, Targets=[target])
    entry = {"Source": "till", "DetailType": "Sold", "Detail": "{}", "EventBusName": bus}
    events.put_events(Entries=[entry])
    for metric in ("FailedInvocations", "InvocationsFailedToBeSentToDlq"):
        _measured(cloud, client("cloudwatch"), "AWS/Events", metric, **dimensions)


def test_what_a_topic_cannot_deliver_is_counted(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", "sns", "cloudwatch")
    topic = client("sns").create_topic(Name="news")["TopicArn"]
    client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=GONE)
    client("sns").publish(TopicArn=topic, Message="hello")
    for metric in (
        "NumberOfMessagesPublished",
        "NumberOfNotificationsDelivered",
        "NumberOfNotificationsFailed",
    ):
        _measured(cloud, client("cloudwatch"), "AWS/SNS", metric, TopicName="news")
