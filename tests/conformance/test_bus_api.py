"""The same cases of AWS through the API: TestEventPattern, and rules that deliver to a queue."""

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.cloud import started

HERE = Path(__file__).parent
PATTERNS: list[dict[str, Any]] = json.loads((HERE / "event_patterns.json").read_text())
INPUTS: list[dict[str, Any]] = json.loads((HERE / "input_transformers.json").read_text())
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("cloud")
    cloud, front = started(folder, services=["sqs", "events"], strict=True)
    yield {
        name: boto3.client(
            name,
            endpoint_url=cloud.url,
            region_name="us-east-1",
            aws_access_key_id="tester",
            aws_secret_access_key="secret",
        )
        for name in ("sqs", "events")
    }
    cloud.stop()
    front.stop()


def _text(case: dict[str, Any], name: str) -> str:
    return str(case[f"{name}_text"]) if f"{name}_text" in case else json.dumps(case[name])


@pytest.mark.parametrize("case", PATTERNS, ids=[case["name"] for case in PATTERNS])
def test_the_api_judges_a_pattern_as_aws_does(
    case: dict[str, Any], clients: dict[str, Any]
) -> None:
    request = {"EventPattern": _text(case, "pattern"), "Event": _text(case, "event")}
    if "error" not in case:
        answer = clients["events"].test_event_pattern(**request)
        assert answer["Result"] == (case["expect"] == "match")
        return
    with pytest.raises(ClientError) as refused:
        clients["events"].test_event_pattern(**request)
    error = refused.value.response["Error"]
    assert error["Code"] == case["error"]["code"]
    assert error["Message"].splitlines()[0] == case["error"]["message"]


@pytest.mark.parametrize("case", INPUTS, ids=[case["name"] for case in INPUTS])
def test_a_queue_behind_a_rule_receives_what_it_received_from_aws(
    case: dict[str, Any], clients: dict[str, Any]
) -> None:
    sqs, events, expect = clients["sqs"], clients["events"], case["expect"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": QUEUE}
    policy = json.dumps({"Statement": [statement]})
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": policy})["QueueUrl"]
    pattern = json.dumps(case.get("pattern", {"source": ["any"]}))
    events.put_rule(Name="r", EventPattern=pattern)
    target = {"Id": "t", "Arn": QUEUE, **case["target_input"]}
    if "put_targets_error" in expect:
        with pytest.raises(ClientError) as refused:
            events.put_targets(Rule="r", Targets=[target])
        assert refused.value.response["Error"]["Code"] == expect["put_targets_error"]["code"]
        return
    events.put_targets(Rule="r", Targets=[target, {"Id": "last", "Arn": QUEUE, "Input": '"end"'}])
    event = case["event"]
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
    }
    events.put_events(Entries=[entry])
    bodies: list[str] = []
    wanted = 1 if expect.get("delivered") is False else 2
    while len(bodies) < wanted:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        for message in found.get("Messages", []):
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    bodies.remove('"end"')
    if "json" in expect:
        assert [json.loads(body) for body in bodies] == [expect["json"]]
    elif "text" in expect:
        like = expect["text"].replace("[", "[[]").replace("<*>", "*")
        assert len(bodies) == 1
        assert fnmatch.fnmatchcase(bodies[0], like)
    else:
        assert bodies == []
