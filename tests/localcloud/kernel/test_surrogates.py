"""Half of a surrogate pair is no text: refused where it comes in, and nothing is retried for it."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.delivery.attempts import Deliveries
from everloop_localcloud.kernel import surrogates

HALF = "\ud800"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:seen"
POLICY = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": QUEUE,
        }
    ]
}


@pytest.mark.parametrize(
    "value", [HALF, {"a": [HALF]}, {HALF: 1}, [{"a": {"b": "x\udfff"}}], "\ude00\ud83d"]
)
def test_half_a_pair_is_found_wherever_it_stands(value):
    with pytest.raises(ValueError, match="half of a surrogate pair"):
        surrogates.loads(json.dumps(value))
    assert json.loads(surrogates.dumps(value).encode()) == value


@pytest.mark.parametrize("value", ["😀", "\\ud800", {"a": "é", "b": 1}, [], None])
def test_whole_text_is_read_and_written_as_it_is(value):
    assert surrogates.loads(json.dumps(value)) == value
    assert surrogates.dumps(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_an_event_with_half_a_letter_is_refused_and_the_others_are_delivered(cloud_with):
    cloud, client = cloud_with("events", "sqs")
    events, sqs = client("events"), client("sqs")
    url = sqs.create_queue(QueueName="seen", Attributes={"Policy": json.dumps(POLICY)})["QueueUrl"]
    events.put_rule(Name="all", EventPattern='{"source": ["app"]}')
    events.put_targets(Rule="all", Targets=[{"Id": "1", "Arn": QUEUE}])

    def entry(text):
        return {"Source": "app", "DetailType": "t", "Detail": json.dumps({"text": text})}

    answer = events.put_events(Entries=[entry(HALF), entry("😀")])

    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "MalformedDetail"
    assert "\\ud800" in answer["Entries"][0]["ErrorMessage"]
    got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert [json.loads(message["Body"])["detail"]["text"] for message in got] == ["😀"]
    # One that is on the bus already, from before, goes out as JSON writes it.
    cloud.emit("app", "t", {"text": HALF})
    body = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"][0]["Body"]
    assert json.loads(body)["detail"] == {"text": HALF}


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("events", "put_events",
         {"Entries": [{"Source": HALF, "DetailType": "t", "Detail": "{}"}]}),
        ("events", "put_rule", {"Name": "r", "EventPattern": "{}", "Description": HALF}),
        ("sqs", "send_message", {"QueueUrl": "http://x/1/q", "MessageBody": HALF}),
        ("stepfunctions", "start_execution", {"stateMachineArn": "a", "input": HALF}),
        ("logs", "put_log_events", {"logGroupName": "g", "logStreamName": "s",
                                    "logEvents": [{"timestamp": 1, "message": HALF}]}),
        ("scheduler", "create_schedule_group",
         {"Name": "g", "Tags": [{"Key": "a", "Value": HALF}]}),
        ("lambda", "tag_resource", {"Resource": "arn:x", "Tags": {HALF: "b"}}),
        ("sagemaker", "create_model", {"ModelName": HALF}),
        ("dynamodb", "put_item", {"TableName": "items", "Item": {"pk": {"S": HALF}}}),
        ("ssm", "put_parameter", {"Name": "a", "Value": HALF, "Type": "String"}),
    ],
)  # fmt: skip
def test_no_service_takes_half_a_letter(cloud_with, service, operation, request_):
    _, client = cloud_with(
        "events", "sqs", "stepfunctions", "logs", "scheduler", "lambda", "sagemaker"
    )
    with pytest.raises(ClientError) as error:
        getattr(client(service), operation)(**request_)
    found = error.value.response
    assert found["Error"]["Code"] == "SerializationException"
    assert "half of a surrogate pair" in found["Error"]["Message"]
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 400


PASS = {
    "StartAt": "A",
    "States": {"A": {"Type": "Pass", "End": True}},
}


def test_a_machine_takes_no_half_letter_as_input_or_in_its_definition(cloud_with):
    _, client = cloud_with("stepfunctions")
    states = client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/r"
    arn = states.create_state_machine(name="m", definition=json.dumps(PASS), roleArn=role)
    with pytest.raises(ClientError, match="InvalidExecutionInput"):
        states.start_execution(
            stateMachineArn=arn["stateMachineArn"], input=json.dumps({"a": HALF})
        )
    PASS["States"]["A"]["Result"] = {"a": HALF}
    with pytest.raises(ClientError, match="InvalidDefinition"):
        states.create_state_machine(name="n", definition=json.dumps(PASS), roleArn=role)
    del PASS["States"]["A"]["Result"]


def test_a_schedule_takes_no_half_letter(cloud_with):
    _, client = cloud_with("scheduler", "stepfunctions")
    target = {
        "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "Input": json.dumps(HALF),
    }
    with pytest.raises(ClientError, match="Invalid Input"):
        client("scheduler").create_schedule(
            Name="s",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )


def test_a_delivery_that_the_cloud_itself_cannot_make_ends(cloud_with):
    cloud, _ = cloud_with("sqs", speed=100)
    tried, became = [], []

    def hand_over(delivery):
        tried.append(delivery["attempts"])
        raise UnicodeEncodeError("utf-8", HALF, 0, 1, "no")

    deliveries = Deliveries(
        cloud,
        "test.deliveries",
        "events.amazonaws.com",
        hand_over,
        lambda *_: ("", {}),
        lambda outcome, row, code: became.append(outcome),
    )
    deliveries.start()
    cloud.started.set()
    deliveries.add("rule", {}, "", {})
    deadline = time.monotonic() + 20
    while deliveries.pending() and time.monotonic() < deadline:
        time.sleep(0.02)
    deliveries.stop()
    assert (deliveries.pending(), tried) == (0, [0, 1, 2, 3])
    assert became[-1] == "given up"
