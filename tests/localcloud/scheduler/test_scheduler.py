"""Schedules through boto3: when they call their targets, with what, and what happens then."""

import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.kernel.store import Store

ROLE = "arn:aws:iam::123456789012:role/scheduler"
OFF = {"Mode": "OFF"}


def _queue(sqs: Any, name: str = "q") -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:123456789012:{name}"


def _create(scheduler: Any, arn: str, expression: str, **options: Any) -> dict[str, Any]:
    target = {"Arn": arn, "RoleArn": ROLE, **options.pop("target", {})}
    given = {"Name": "s", "FlexibleTimeWindow": OFF, **options}
    answer: dict[str, Any] = scheduler.create_schedule(
        ScheduleExpression=expression, Target=target, **given
    )
    return answer


def _next(sqs: Any, url: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    until = time.monotonic() + 60
    while not found:
        assert time.monotonic() < until, "no message came within a minute"
        found = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"]
        ).get("Messages", [])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    return found[0]


def test_a_rate_runs_at_once_and_then_every_period(cloud_with: Any) -> None:
    # An hour in ten seconds: a schedule that is later than its period leaves a run out.
    _, client = cloud_with("sqs", "scheduler", speed=360)
    sqs, scheduler = client("sqs"), client("scheduler")
    url, arn = _queue(sqs)
    text = (
        '{"at": "<aws.scheduler.scheduled-time>", "arn": "<aws.scheduler.schedule-arn>", '
        '"attempt": "<aws.scheduler.attempt-number>", "id": "<aws.scheduler.execution-id>"}'
    )
    made = _create(scheduler, arn, "rate(1 hours)", target={"Input": text})
    first, second = (json.loads(_next(sqs, url)["Body"]) for _ in range(2))
    assert first["arn"] == made["ScheduleArn"]
    assert first["attempt"] == "1"
    assert first["id"] != second["id"]
    moments = [datetime.fromisoformat(one["at"]) for one in (first, second)]
    created = scheduler.get_schedule(Name="s")["CreationDate"]
    assert abs(moments[0] - created) < timedelta(seconds=2)
    assert moments[1] - moments[0] == timedelta(hours=1)


def test_a_rate_waits_for_its_start_date(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", "scheduler", speed=7200)
    sqs, scheduler = client("sqs"), client("scheduler")
    url, arn = _queue(sqs)
    start = (cloud.clock.now() + timedelta(hours=2)).replace(microsecond=0)
    text = '{"at": "<aws.scheduler.scheduled-time>"}'
    _create(scheduler, arn, "rate(1 day)", StartDate=start, target={"Input": text})
    at = json.loads(_next(sqs, url)["Body"])["at"]
    assert datetime.fromisoformat(at) == start


def test_a_one_time_schedule_runs_once_and_deletes_itself(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", "scheduler", speed=600)
    sqs, scheduler = client("sqs"), client("scheduler")
    url, arn = _queue(sqs)
    # What is created after its time never runs: a busy machine may need more than one try.
    for minutes in (20, 100, 500):
        name = f"in-{minutes}-minutes"
        when = (cloud.clock.now() + timedelta(minutes=minutes)).replace(microsecond=0)
        at = f"at({when:%Y-%m-%dT%H:%M:%S})"
        _create(
            scheduler, arn, at, Name=name, ActionAfterCompletion="DELETE", target={"Input": name}
        )
        if cloud.clock.now() < when:
            break
    while _next(sqs, url)["Body"] != name:
        pass
    until = time.monotonic() + 60
    while scheduler.list_schedules(NamePrefix=name)["Schedules"]:
        assert time.monotonic() < until, "it has run, and is still there after a minute"


def test_a_universal_target_calls_any_api_with_the_input(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "scheduler")
    sqs, scheduler = client("sqs"), client("scheduler")
    url, _ = _queue(sqs)
    _create(
        scheduler,
        "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "rate(1 hour)",
        target={"Input": json.dumps({"QueueUrl": url, "messageBody": "universal"})},
    )
    assert _next(sqs, url)["Body"] == "universal"


def test_a_bus_target_gets_an_event(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events", "scheduler")
    sqs, events, scheduler = client("sqs"), client("events"), client("scheduler")
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    policy = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn}
    url = sqs.create_queue(
        QueueName="q", Attributes={"Policy": json.dumps({"Statement": [policy]})}
    )["QueueUrl"]
    events.put_rule(Name="r", EventPattern='{"source": ["my.clock"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": arn}])
    bus = events.describe_event_bus()["Arn"]
    parameters = {"DetailType": "Tick", "Source": "my.clock"}
    _create(
        scheduler,
        bus,
        "rate(1 hour)",
        target={"EventBridgeParameters": parameters, "Input": '{"n": 1}'},
    )
    event = json.loads(_next(sqs, url)["Body"])
    assert (event["detail-type"], event["detail"]) == ("Tick", {"n": 1})


def test_a_run_that_cannot_be_delivered_is_a_dead_letter(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "scheduler")
    sqs, scheduler = client("sqs"), client("scheduler")
    dead, dead_arn = _queue(sqs, "dead")
    made = _create(
        scheduler,
        "arn:aws:sqs:us-east-1:123456789012:gone",
        "rate(1 hour)",
        target={"Input": "lost", "DeadLetterConfig": {"Arn": dead_arn}},
    )
    message = _next(sqs, dead)
    attributes = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert message["Body"] == "lost"
    assert attributes["SCHEDULE_ARN"] == made["ScheduleArn"]
    assert attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes["RETRY_ATTEMPTS"] == "0"


def test_runs_missed_while_the_cloud_was_down_happen_once(cloud_with: Any, tmp_path: Any) -> None:
    folder = tmp_path / "same"
    cloud, client = cloud_with("sqs", "scheduler", folder=folder)
    url, arn = _queue(client("sqs"))
    start = cloud.clock.now() + timedelta(hours=1)
    _create(client("scheduler"), arn, "rate(10 hours)", StartDate=start, target={"Input": "late"})
    cloud.stop()
    store = Store(folder / "state.sqlite")
    store.table("cloud")["clock"] = {"now": start + timedelta(hours=35)}  # down for 36 hours
    store.close()
    _, client = cloud_with("sqs", "scheduler", folder=folder)
    assert _next(client("sqs"), url)["Body"] == "late"
    assert "Messages" not in client("sqs").receive_message(QueueUrl=url)
    assert client("scheduler").get_schedule(Name="s")["State"] == "ENABLED"


def test_a_disabled_schedule_does_not_run_until_it_is_enabled(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "scheduler")
    sqs, scheduler = client("sqs"), client("scheduler")
    url, arn = _queue(sqs)
    _create(scheduler, arn, "rate(1 hour)", State="DISABLED", target={"Input": "m"})
    assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0)
    known = scheduler.get_schedule(Name="s")
    kept = ("ScheduleExpression", "Target", "FlexibleTimeWindow")
    scheduler.update_schedule(Name="s", State="ENABLED", **{name: known[name] for name in kept})
    assert _next(sqs, url)["Body"] == "m"


def test_schedules_and_groups_are_shown_as_they_were_made(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "scheduler")
    scheduler = client("scheduler")
    scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "1"}])
    end = datetime(2030, 1, 1, tzinfo=UTC)
    made = _create(
        scheduler,
        "arn:aws:lambda:us-east-1:123456789012:function:f",
        "cron(0 8 * * ? *)",
        GroupName="g",
        ScheduleExpressionTimezone="Europe/Berlin",
        EndDate=end,
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
    )
    assert made["ScheduleArn"] == "arn:aws:scheduler:us-east-1:123456789012:schedule/g/s"
    shown = scheduler.get_schedule(Name="s", GroupName="g")
    assert (shown["ScheduleExpressionTimezone"], shown["EndDate"]) == ("Europe/Berlin", end)
    assert shown["FlexibleTimeWindow"]["MaximumWindowInMinutes"] == 5
    listed = scheduler.list_schedules(GroupName="g")["Schedules"]
    assert [one["Name"] for one in listed] == ["s"]
    with pytest.raises(scheduler.exceptions.ConflictException):
        _create(
            scheduler, made["ScheduleArn"].replace("scheduler", "sqs"), "rate(1 day)", GroupName="g"
        )
    group = scheduler.get_schedule_group(Name="g")
    assert scheduler.list_tags_for_resource(ResourceArn=group["Arn"])["Tags"] == [
        {"Key": "a", "Value": "1"}
    ]
    scheduler.delete_schedule_group(Name="g")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="s", GroupName="g")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"Name": "no spaces"}, "ValidationException"),
        ({"ScheduleExpression": "rate(1 year)"}, "ValidationException"),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "ValidationException"),
        ({"GroupName": "none"}, "ResourceNotFoundException"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, "ValidationException"),
        (
            {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:fly", "RoleArn": ROLE}},
            "ValidationException",
        ),
        ({"Target": {"Arn": "arn:aws:ecs:us-east-1:1:c/x", "RoleArn": ROLE}}, "NotImplemented"),
    ],
)
def test_bad_schedules_are_refused(cloud_with: Any, members: dict[str, Any], code: str) -> None:
    _, client = cloud_with("scheduler")
    good = {
        "Name": "s",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": OFF,
        "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": ROLE},
    }
    with pytest.raises(ClientError) as refused:
        client("scheduler").create_schedule(**{**good, **members})
    assert refused.value.response["Error"]["Code"] == code


def test_at_a_fast_clock_a_function_that_is_slower_does_not_pile_up(
    cloud_with: Any, tmp_path: Path
) -> None:
    # A minute in a tenth of a second, and a function that takes a half.
    _, client = cloud_with("lambda", "scheduler", "sts", "logs", speed=600)
    told = tmp_path / "told"
    source = (
        "import time\n"
        "def tell(word):\n"
        f"    with open({str(told)!r}, 'a') as file:\n"
        "        file.write(word)\n"
        "def handler(event, context):\n"
        "    tell('<')\n"
        "    time.sleep(0.5)\n"
        "    tell('>')\n"
    )
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("main.py", source)
    made = client("lambda").create_function(
        FunctionName="slow",
        Runtime="python3.13",
        Role=ROLE,
        Handler="main.handler",
        Code={"ZipFile": zipped.getvalue()},
    )
    text = '{"at": "<aws.scheduler.scheduled-time>"}'
    _create(client("scheduler"), made["FunctionArn"], "rate(1 minutes)", target={"Input": text})
    seen = until(lambda: told.read_text() if told.exists() else "", lambda seen: len(seen) >= 7)
    assert seen == ("<>" * len(seen))[: len(seen)]
