"""Deliveries: retried, given up with a letter, and never lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from everloop_localcloud.cloud import SERVICES
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError

ACCOUNT = "arn:aws:{}:us-east-1:123456789012:"
FUNCTION = ACCOUNT.format("lambda") + "function:f"


class FailingFunctions(Api):
    """A Lambda service whose one function answers with an error for its first calls."""

    service = "lambda"
    failures = 2
    error = AwsError("TooManyRequestsException", "Rate Exceeded.", 429)
    allowed = True

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        self.payloads: list[bytes] = []

    @operation
    def get_policy(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        who = "events.amazonaws.com" if self.allowed else "s3.amazonaws.com"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": who},
            "Action": "lambda:InvokeFunction",
            "Resource": FUNCTION,
            "Condition": {"ArnLike": {"AWS:SourceArn": ACCOUNT.format("events") + "rule/*"}},
        }
        return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}

    @operation
    def invoke(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.payloads.append(request["Payload"])
        if len(self.payloads) <= self.failures:
            raise self.error
        return {"StatusCode": 202}


class ForbiddenFunctions(FailingFunctions):
    allowed = False


class BrokenFunctions(FailingFunctions):
    failures = 10**6


def _queue(sqs: Any, name: str) -> tuple[str, str]:
    arn = ACCOUNT.format("sqs") + name
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Statement": [statement]})
    made = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})
    return made["QueueUrl"], arn


def _rule(events: Any, arn: str, dead: str, **policy: int) -> None:
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    target = {"Id": "t", "Arn": arn, "DeadLetterConfig": {"Arn": dead}, "RetryPolicy": policy}
    events.put_targets(Rule="r", Targets=[target])


def _publish(events: Any, number: int = 1) -> None:
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": json.dumps({"n": number})}
    events.put_events(Entries=[entry])


def _letter(sqs: Any, url: str) -> tuple[dict[str, Any], dict[str, str]]:
    messages: list[dict[str, Any]] = []
    while not messages:
        messages = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=20, MessageAttributeNames=["All"]
        ).get("Messages", [])
    attributes = {
        name: value["StringValue"] for name, value in messages[0]["MessageAttributes"].items()
    }
    return json.loads(messages[0]["Body"]), attributes


def _with_functions(cloud_with: Any, monkeypatch: Any, functions: type, **options: Any) -> Any:
    monkeypatch.setitem(SERVICES, "lambda", f"{__name__}:{functions.__name__}")
    monkeypatch.setitem(sys.modules, __name__, sys.modules[functions.__module__])
    return cloud_with("sqs", "events", "lambda", **options)


def test_a_throttled_target_is_tried_again_until_it_takes_the_event(
    cloud_with: Any, monkeypatch: Any
) -> None:
    cloud, client = _with_functions(cloud_with, monkeypatch, FailingFunctions, speed=100)
    dead, arn = _queue(client("sqs"), "dead")
    _rule(client("events"), FUNCTION, arn)
    _publish(client("events"))
    while cloud.apis["events"].deliveries.pending():
        cloud.clock.sleep(1)
    assert len(cloud.apis["lambda"].payloads) == 3
    assert json.loads(cloud.apis["lambda"].payloads[-1])["detail"] == {"n": 1}
    assert "Messages" not in client("sqs").receive_message(QueueUrl=dead)


def test_after_the_last_retry_the_event_is_a_dead_letter(cloud_with: Any, monkeypatch: Any) -> None:
    cloud, client = _with_functions(cloud_with, monkeypatch, BrokenFunctions, speed=100)
    dead, arn = _queue(client("sqs"), "dead")
    _rule(client("events"), FUNCTION, arn, MaximumRetryAttempts=2)
    _publish(client("events"))
    event, attributes = _letter(client("sqs"), dead)
    assert event["detail"] == {"n": 1}
    assert attributes == {
        "RULE_ARN": ACCOUNT.format("events") + "rule/r",
        "TARGET_ARN": FUNCTION,
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "Rate Exceeded.",
        "RETRY_ATTEMPTS": "2",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }
    assert len(cloud.apis["lambda"].payloads) == 3


def test_an_event_that_is_too_old_is_a_dead_letter(cloud_with: Any, monkeypatch: Any) -> None:
    _, client = _with_functions(cloud_with, monkeypatch, BrokenFunctions, speed=200)
    dead, arn = _queue(client("sqs"), "dead")
    _rule(client("events"), FUNCTION, arn, MaximumEventAgeInSeconds=60)
    _publish(client("events"))
    assert _letter(client("sqs"), dead)[1]["EXHAUSTED_RETRY_CONDITION"] == (
        "MaximumEventAgeInSeconds"
    )


def test_a_function_that_does_not_allow_the_rule_is_not_tried_again(
    cloud_with: Any, monkeypatch: Any
) -> None:
    cloud, client = _with_functions(cloud_with, monkeypatch, ForbiddenFunctions)
    dead, arn = _queue(client("sqs"), "dead")
    _rule(client("events"), FUNCTION, arn)
    _publish(client("events"))
    _, attributes = _letter(client("sqs"), dead)
    assert (attributes["ERROR_CODE"], attributes["RETRY_ATTEMPTS"]) == ("NO_PERMISSIONS", "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in attributes
    assert cloud.apis["lambda"].payloads == []


def test_a_missing_target_is_not_tried_again(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events")
    dead, arn = _queue(client("sqs"), "dead")
    _rule(client("events"), ACCOUNT.format("sqs") + "gone", arn)
    _publish(client("events"))
    assert _letter(client("sqs"), dead)[1]["ERROR_CODE"] == "NO_RESOURCE"


def test_a_queue_whose_policy_does_not_allow_the_rule_gets_nothing(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", "events")
    dead, arn = _queue(client("sqs"), "dead")
    url = client("sqs").create_queue(QueueName="closed")["QueueUrl"]
    _rule(client("events"), ACCOUNT.format("sqs") + "closed", arn)
    _publish(client("events"))
    assert _letter(client("sqs"), dead)[1]["ERROR_CODE"] == "NO_PERMISSIONS"
    assert "Messages" not in client("sqs").receive_message(QueueUrl=url)


def test_ten_thousand_events_arrive_once_each(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", "events")
    url, arn = _queue(client("sqs"), "q")
    _rule(client("events"), arn, arn)
    for number in range(10_000):
        cloud.emit("shop", "Sold", {"n": number})
    found: list[int] = []
    while len(found) < 10_000:
        request = {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}
        for message in cloud.call("sqs", "ReceiveMessage", request)["Messages"]:
            found.append(json.loads(message["Body"])["detail"]["n"])
    assert sorted(found) == list(range(10_000))


_VICTIM = """
import json, sys
from pathlib import Path
from everloop_localcloud.cloud import started
cloud, _ = started(Path(sys.argv[1]), services=["sqs", "events"])
arn = cloud.arn("sqs", "q")
statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": arn}
policy = json.dumps({"Statement": [statement]})
cloud.call("sqs", "CreateQueue", {"QueueName": "q", "Attributes": {"Policy": policy}})
cloud.call("events", "PutRule", {"Name": "r", "EventPattern": json.dumps({"source": ["shop"]})})
cloud.call("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "t", "Arn": arn}]})
for number in range(100000):
    cloud.emit("shop", "Sold", {"n": number})
    print(number, flush=True)
"""


def test_no_published_event_is_lost_when_the_cloud_is_killed(
    cloud_with: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert victim.stdout is not None
    published = -1
    while published < 500:
        published = int(victim.stdout.readline())
    victim.send_signal(signal.SIGKILL)
    for line in victim.stdout:
        published = int(line) if line.endswith("\n") else published
    victim.wait()
    victim.stdout.close()
    cloud, client = cloud_with("sqs", "events", folder=folder)
    while cloud.apis["events"].deliveries.pending():
        cloud.clock.sleep(0.05)
    url = client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
    found: set[int] = set()
    request = {"QueueUrl": url, "MaxNumberOfMessages": 10}
    while messages := cloud.call("sqs", "ReceiveMessage", request).get("Messages"):
        found.update(json.loads(message["Body"])["detail"]["n"] for message in messages)
    assert set(range(published + 1)) <= found
