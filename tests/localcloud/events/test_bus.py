"""The bus through boto3: what is taken, what is refused, and what reaches targets."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

PATTERN = json.dumps({"source": ["shop"]})


def _allow(arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _queue(sqs: Any, name: str = "q", **attributes: str) -> tuple[str, str]:
    arn = f"arn:aws:sqs:us-east-1:123456789012:{name}"
    given = {"Policy": _allow(arn), **attributes}
    return sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"], arn


def _rule(events: Any, arn: str, *, pattern: str = PATTERN, bus: str = "default", **target: Any):
    events.put_rule(Name="r", EventPattern=pattern, EventBusName=bus)
    events.put_targets(Rule="r", EventBusName=bus, Targets=[{"Id": "t", "Arn": arn, **target}])


def _entry(**members: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "Sold", "Detail": json.dumps({"n": 1}), **members}


def _received(sqs: Any, url: str, wait: int = 5) -> list[dict[str, Any]]:
    found = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait, MessageAttributeNames=["All"]
    )
    return list(found.get("Messages", []))


def test_an_event_reaches_the_target_of_a_matching_rule(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events")
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    _rule(events, arn)
    when = datetime(2026, 11, 20, 10, 15, 30, tzinfo=UTC)
    answer = events.put_events(Entries=[_entry(Time=when, Resources=["a"])])
    assert answer["FailedEntryCount"] == 0
    assert json.loads(_received(sqs, url)[0]["Body"]) == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "Sold",
        "source": "shop",
        "account": "123456789012",
        "time": "2026-11-20T10:15:30Z",
        "region": "us-east-1",
        "resources": ["a"],
        "detail": {"n": 1},
    }


def test_events_of_aws_itself_reach_rules_of_the_default_bus(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", "events")
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    _rule(events, arn, pattern='{"source": ["aws.s3"], "detail": {"key": [{"prefix": "data/"}]}}')
    cloud.emit("aws.s3", "Object Created", {"key": "other/1"})
    cloud.emit("aws.s3", "Object Created", {"key": "data/1"})
    assert [json.loads(one["Body"])["detail"]["key"] for one in _received(sqs, url)] == ["data/1"]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        pytest.param(_entry(Detail="[1]"), "MalformedDetail", id="detail is no object"),
        pytest.param(_entry(Detail="{"), "MalformedDetail", id="detail is no JSON"),
        pytest.param(
            {"DetailType": "d", "Detail": "{}"}, "InvalidArgument", id="source is missing"
        ),
        pytest.param(
            _entry(Source="aws.s3"), "NotAuthorizedForSourceException", id="source is AWS's"
        ),
    ],
)
def test_a_bad_entry_fails_alone(cloud_with: Any, entry: dict[str, Any], code: str) -> None:
    _, client = cloud_with("sqs", "events")
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    _rule(events, arn)
    answer = events.put_events(Entries=[entry, _entry()])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == code
    assert "EventId" in answer["Entries"][1]
    assert len(_received(sqs, url)) == 1


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([_entry()] * 11, id="eleven entries"),
        pytest.param([_entry(Detail=json.dumps({"x": "x" * 1_100_000}))], id="more than 1 MB"),
    ],
)
def test_an_oversized_request_is_refused(cloud_with: Any, entries: list[Any]) -> None:
    _, client = cloud_with("events")
    with pytest.raises(ClientError) as refused:
        client("events").put_events(Entries=entries)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_an_unknown_bus_swallows_the_event(cloud_with: Any) -> None:
    _, client = cloud_with("events")
    answer = client("events").put_events(Entries=[_entry(EventBusName="nowhere")])
    assert answer["FailedEntryCount"] == 0


def test_a_disabled_rule_delivers_nothing_and_an_enabled_one_again(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events")
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    _rule(events, arn)
    events.disable_rule(Name="r")
    events.put_events(Entries=[_entry(DetailType="first")])
    events.enable_rule(Name="r")
    events.put_events(Entries=[_entry(DetailType="second")])
    assert [json.loads(one["Body"])["detail-type"] for one in _received(sqs, url)] == ["second"]


def test_targets_get_a_part_a_text_or_a_filled_template(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events")
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    _rule(
        events,
        arn,
        InputTransformer={
            "InputPathsMap": {"n": "$.detail.n", "what": "$.detail-type"},
            "InputTemplate": '{"n": <n>, "what": <what>, "rule": <aws.events.rule-name>, '
            '"source": "from <source>", "none": <none>, "whole": <aws.events.event.json>}',
        }
        | {
            "InputPathsMap": {
                "n": "$.detail.n",
                "what": "$.detail-type",
                "source": "$.source",
                "none": "$.detail.none",
            }
        },
    )
    events.put_events(Entries=[_entry()])
    body = json.loads(_received(sqs, url)[0]["Body"])
    whole = body.pop("whole")
    assert body == {"n": 1, "what": "Sold", "rule": "r", "source": "from shop", "none": ""}
    assert whole["detail"] == {"n": 1}
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn, "Input": '{"fixed": true}'}])
    events.put_events(Entries=[_entry()])
    assert [one["Body"] for one in _received(sqs, url)] == ['{"fixed": true}']


def test_an_event_crosses_to_another_bus(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events")
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    other = events.create_event_bus(Name="other")["EventBusArn"]
    _rule(events, arn, bus="other")
    events.put_rule(Name="cross", EventPattern=PATTERN)
    role = "arn:aws:iam::123456789012:role/cross"
    events.put_targets(Rule="cross", Targets=[{"Id": "bus", "Arn": other, "RoleArn": role}])
    sent = events.put_events(Entries=[_entry()])["Entries"][0]["EventId"]
    assert [json.loads(one["Body"])["id"] for one in _received(sqs, url)] == [sent]


def test_events_are_delivered_twice_on_request(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events", duplicate_events=1.0)
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    _rule(events, arn)
    events.put_events(Entries=[_entry()])
    ids: list[str] = []
    while len(ids) < 2:
        ids += [json.loads(one["Body"])["id"] for one in _received(sqs, url)]
    assert ids[0] == ids[1]


def test_rules_targets_and_buses_are_listed_as_they_were_put(cloud_with: Any) -> None:
    _, client = cloud_with("events")
    events = client("events")
    events.create_event_bus(Name="mine", Tags=[{"Key": "a", "Value": "1"}])
    made = events.put_rule(Name="r", EventBusName="mine", EventPattern=PATTERN, Description="d")
    assert made["RuleArn"] == "arn:aws:events:us-east-1:123456789012:rule/mine/r"
    target = {
        "Id": "t",
        "Arn": "arn:aws:sqs:us-east-1:123456789012:q",
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead"},
    }
    events.put_targets(Rule="r", EventBusName="mine", Targets=[target])
    listed = events.list_targets_by_rule(Rule="r", EventBusName="mine")["Targets"]
    assert listed == [target]
    rule = events.describe_rule(Name="r", EventBusName="mine")
    assert (rule["EventPattern"], rule["State"], rule["Description"]) == (PATTERN, "ENABLED", "d")
    names = events.list_rule_names_by_target(TargetArn=target["Arn"], EventBusName="mine")
    assert names["RuleNames"] == ["r"]
    assert [bus["Name"] for bus in events.list_event_buses()["EventBuses"]] == ["default", "mine"]
    with pytest.raises(ClientError, match="since it has targets"):
        events.delete_rule(Name="r", EventBusName="mine")
    events.remove_targets(Rule="r", EventBusName="mine", Ids=["t"])
    events.delete_rule(Name="r", EventBusName="mine")
    events.delete_event_bus(Name="mine")
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.describe_event_bus(Name="mine")


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("put_rule", {"Name": "r"}, "ValidationException"),
        ("put_rule", {"Name": "no spaces", "EventPattern": PATTERN}, "ValidationException"),
        ("put_rule", {"Name": "r", "EventPattern": '{"a": 1}'}, "InvalidEventPatternException"),
        ("put_rule", {"Name": "r", "ScheduleExpression": "rate(1 minutes)"}, "ValidationException"),
        (
            "put_rule",
            {"Name": "r", "EventPattern": PATTERN, "EventBusName": "none"},
            "ResourceNotFoundException",
        ),
        (
            "put_targets",
            {"Rule": "none", "Targets": [{"Id": "t", "Arn": "arn:aws:sqs:us-east-1:1:q"}]},
            "ResourceNotFoundException",
        ),
        (
            "put_targets",
            {"Rule": "known", "Targets": [{"Id": "t", "Arn": "arn:aws:kinesis:us-east-1:1:s/x"}]},
            "NotImplemented",
        ),
        (
            "put_targets",
            {
                "Rule": "known",
                "Targets": [
                    {"Id": str(n), "Arn": "arn:aws:sqs:us-east-1:123456789012:q"} for n in range(6)
                ],
            },
            "LimitExceededException",
        ),
        (
            "put_targets",
            {
                "Rule": "known",
                "Targets": [{"Id": "t", "Arn": "arn:aws:states:us-east-1:1:stateMachine:m"}],
            },
            "ValidationException",
        ),
        ("test_event_pattern", {"EventPattern": PATTERN, "Event": "[]"}, "ValidationException"),
    ],
)
def test_bad_requests_get_the_codes_of_aws(
    cloud_with: Any, operation: str, request_: dict[str, Any], code: str
) -> None:
    _, client = cloud_with("events")
    events = client("events")
    events.put_rule(Name="known", EventPattern=PATTERN)
    with pytest.raises(ClientError) as refused:
        getattr(events, operation)(**request_)
    assert refused.value.response["Error"]["Code"] == code


def test_a_scheduled_rule_fires_again_and_again(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events", speed=600)
    sqs, events = client("sqs"), client("events")
    url, arn = _queue(sqs)
    made = events.put_rule(Name="tick", ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule="tick", Targets=[{"Id": "t", "Arn": arn}])
    seen: list[dict[str, Any]] = []
    while len(seen) < 2:
        for message in _received(sqs, url, wait=20):
            seen.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    first, second = seen[:2]
    assert first["detail-type"] == "Scheduled Event"
    assert (first["source"], first["resources"], first["detail"]) == (
        "aws.events",
        [made["RuleArn"]],
        {},
    )
    moments = [datetime.fromisoformat(one["time"]) for one in (first, second)]
    assert (moments[1] - moments[0]).total_seconds() % 60 == 0
    assert moments[1] > moments[0]
