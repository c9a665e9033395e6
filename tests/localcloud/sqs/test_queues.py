"""Queues through boto3: attributes, visibility, dead letters, order, and restarts."""

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.kernel.store import Store


def _queue(sqs: Any, name: str = "q", **attributes: str) -> str:
    url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def _arn(sqs: Any, url: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(answer["Attributes"]["QueueArn"])


def _counts(sqs: Any, url: str) -> tuple[int, int, int]:
    names = ["", "NotVisible", "Delayed"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    visible, flying, delayed = (int(found[f"ApproximateNumberOfMessages{n}"]) for n in names)
    return visible, flying, delayed


def _bodies(sqs: Any, url: str, **options: Any) -> list[str]:
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options)
    return [message["Body"] for message in found.get("Messages", [])]


def test_a_message_is_received_with_its_attributes_and_then_deleted(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    url = _queue(sqs)
    attributes = {
        "RULE_ARN": {"DataType": "String", "StringValue": "arn"},
        "RETRY_ATTEMPTS": {"DataType": "Number", "StringValue": "3"},
        "blob": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="héllo", MessageAttributes=attributes)
    message = sqs.receive_message(
        QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"][0]  # boto3 has verified both digests
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "héllo"
    assert message["MessageAttributes"]["blob"]["BinaryValue"] == b"\x00\x01"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert _counts(sqs, url) == (0, 1, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert _counts(sqs, url) == (0, 0, 0)


def _move_clock(folder: Path, cloud: Any, seconds: float) -> None:
    """End a cloud and let its clock stand later when it starts again."""
    now = cloud.clock.now()
    cloud.stop()
    store = Store(folder / "state.sqlite")
    store.table("cloud")["clock"] = {"now": now + timedelta(seconds=seconds)}
    store.close()


def test_a_message_that_is_not_deleted_comes_back_after_its_visibility(
    cloud_with: Any, tmp_path: Path
) -> None:
    cloud, client = cloud_with("sqs", folder=tmp_path / "same")
    url = _queue(client("sqs"), VisibilityTimeout="600")
    client("sqs").send_message(QueueUrl=url, MessageBody="again")
    assert _bodies(client("sqs"), url) == ["again"]
    assert _bodies(client("sqs"), url) == []
    _move_clock(tmp_path / "same", cloud, 601)
    _, client = cloud_with("sqs", folder=tmp_path / "same")
    assert _bodies(client("sqs"), url) == ["again"]


def test_a_poller_sees_a_message_as_soon_as_it_is_visible_again(cloud_with: Any) -> None:
    _, client = cloud_with("sqs", speed=600)
    sqs = client("sqs")
    url = _queue(sqs, VisibilityTimeout="60")
    sqs.send_message(QueueUrl=url, MessageBody="again")
    received: list[str] = []
    while len(received) < 2:
        received += _bodies(sqs, url, WaitTimeSeconds=20)
    assert received == ["again", "again"]


def test_visibility_can_be_changed_and_a_stale_receipt_deletes_nothing(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    url = _queue(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="m")
    first = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first, VisibilityTimeout=0)
    second = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first)
    assert _counts(sqs, url) == (0, 1, 0)
    with pytest.raises(sqs.exceptions.MessageNotInflight):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first, VisibilityTimeout=9)
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="nonsense")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=second)
    assert _counts(sqs, url) == (0, 0, 0)


def test_a_delayed_message_shows_up_after_its_delay(cloud_with: Any, tmp_path: Path) -> None:
    cloud, client = cloud_with("sqs", folder=tmp_path / "same")
    url = _queue(client("sqs"))
    client("sqs").send_message(QueueUrl=url, MessageBody="late", DelaySeconds=300)
    assert _counts(client("sqs"), url) == (0, 0, 1)
    assert _bodies(client("sqs"), url) == []
    _move_clock(tmp_path / "same", cloud, 301)
    _, client = cloud_with("sqs", folder=tmp_path / "same")
    assert _bodies(client("sqs"), url) == ["late"]


def test_a_long_poll_ends_when_a_message_arrives(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs")
    sqs = client("sqs")
    url = _queue(sqs)
    received: list[str] = []
    poll = threading.Thread(target=lambda: received.extend(_bodies(sqs, url, WaitTimeSeconds=20)))
    poll.start()
    cloud.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "now"})
    poll.join(10)
    assert received == ["now"]


def test_pollers_inside_the_cloud_wait_for_messages(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", speed=600)
    sqs = client("sqs")
    url = _queue(sqs)
    waiting = cloud.apis["sqs"].wait_for_messages
    assert waiting(_arn(sqs, url), 5) is False
    sqs.send_message(QueueUrl=url, MessageBody="m")
    assert waiting(_arn(sqs, url), 5) is True


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    dead = _queue(sqs, "dead")
    redrive = {"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": 2}
    url = _queue(sqs, "work", RedrivePolicy=json.dumps(redrive), VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert [_bodies(sqs, url) for _ in range(3)] == [["poison"], ["poison"], []]
    found = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"])["Messages"][0]
    assert found["Body"] == "poison"
    assert found["Attributes"]["DeadLetterQueueSourceArn"] == _arn(sqs, url)
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]


def test_dead_letters_are_moved_back_to_their_source(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    dead = _queue(sqs, "dead")
    redrive = {"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": 1}
    url = _queue(sqs, "work", RedrivePolicy=json.dumps(redrive), VisibilityTimeout="0")
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    assert len(_bodies(sqs, url)) == 5
    assert _bodies(sqs, url) == []
    assert _counts(sqs, dead)[0] == 5
    sqs.start_message_move_task(SourceArn=_arn(sqs, dead))
    tasks = []
    while not tasks or tasks[0]["Status"] == "RUNNING":
        tasks = sqs.list_message_move_tasks(SourceArn=_arn(sqs, dead))["Results"]
    assert tasks[0]["Status"] == "COMPLETED"
    assert tasks[0]["ApproximateNumberOfMessagesMoved"] == 5
    assert _counts(sqs, dead)[0] == 0
    assert sorted(_bodies(sqs, url)) == ["0", "1", "2", "3", "4"]


def test_a_fifo_queue_keeps_order_per_group_and_drops_duplicates(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    url = _queue(sqs, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for group, body in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a1")]:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group)
    first = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"][0]
    assert first["Body"] == "a1"
    assert first["Attributes"]["MessageGroupId"] == "a"
    assert _bodies(sqs, url) == ["b1"]  # group a waits for its first message
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert _bodies(sqs, url) == ["a2"]
    assert _bodies(sqs, url) == []


def test_a_message_of_a_fifo_queue_returns_before_its_followers(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    url = _queue(sqs, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for body in ("1", "2", "3"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    first = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first, VisibilityTimeout=0)
    assert _bodies(sqs, url) == ["1", "2", "3"]


def test_batches_tell_each_entry_s_fate(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    url = _queue(sqs)
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "MessageBody": "m"},
            {"Id": "bad", "MessageBody": "m", "DelaySeconds": 901},
        ],
    )
    assert [one["Id"] for one in answer["Successful"]] == ["good"]
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [
        ("bad", "InvalidParameterValue")
    ]
    receipt = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    gone = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": receipt}])
    assert [one["Id"] for one in gone["Successful"]] == ["1"]


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        pytest.param(
            "send_message",
            {"QueueUrl": "http://x/1/none", "MessageBody": "m"},
            "AWS.SimpleQueueService.NonExistentQueue",
            id="no such queue",
        ),
        pytest.param(
            "create_queue", {"QueueName": "sp ace"}, "InvalidParameterValue", id="bad name"
        ),
        pytest.param(
            "create_queue",
            {"QueueName": "n", "Attributes": {"Nonsense": "1"}},
            "InvalidAttributeName",
            id="unknown attribute",
        ),
        pytest.param(
            "create_queue",
            {"QueueName": "n", "Attributes": {"DelaySeconds": "901"}},
            "InvalidAttributeValue",
            id="attribute out of range",
        ),
        pytest.param(
            "create_queue",
            {"QueueName": "known", "Attributes": {"DelaySeconds": "5"}},
            "QueueAlreadyExists",
            id="other attributes",
        ),
        pytest.param(
            "send_message",
            {"QueueUrl": "http://x/1/known", "MessageBody": "m\x00"},
            "InvalidMessageContents",
            id="not text",
        ),
        pytest.param(
            "send_message",
            {"QueueUrl": "http://x/1/known", "MessageBody": "m" * (1024 * 1024 + 1)},
            "InvalidParameterValue",
            id="too long",
        ),
    ],
)
def test_bad_requests_get_the_codes_of_aws(
    cloud_with: Any, operation: str, request_: dict[str, Any], code: str
) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    _queue(sqs, "known")
    with pytest.raises(ClientError) as refused:
        getattr(sqs, operation)(**request_)
    assert refused.value.response["Error"]["Code"] == code


def test_messages_and_receipts_survive_a_restart(cloud_with: Any, tmp_path: Path) -> None:
    _, client = cloud_with("sqs", folder=tmp_path / "same")
    sqs = client("sqs")
    url = _queue(sqs)
    fifo = _queue(sqs, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for body in ("1", "2", "3"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
        sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g")
    receipt = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    held = sqs.receive_message(QueueUrl=fifo)["Messages"][0]["ReceiptHandle"]
    _, client = cloud_with("sqs", folder=tmp_path / "same")  # the first was never stopped
    sqs = client("sqs")
    assert _counts(sqs, url) == (2, 1, 0)
    assert _bodies(sqs, fifo) == []
    sqs.send_message(QueueUrl=fifo, MessageBody="1", MessageGroupId="g")
    assert _counts(sqs, fifo) == (2, 1, 0)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt)
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=held)
    assert sorted(_bodies(sqs, url)) == ["2", "3"]
    assert _bodies(sqs, fifo) == ["2", "3"]


def test_purge_tags_and_deletion(cloud_with: Any) -> None:
    _, client = cloud_with("sqs")
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="q", tags={"a": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"b": "2"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}
    sqs.send_message(QueueUrl=url, MessageBody="m")
    sqs.purge_queue(QueueUrl=url)
    assert _counts(sqs, url) == (0, 0, 0)
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=url)
    assert sqs.list_queues()["QueueUrls"] == [url]
    assert sqs.get_queue_url(QueueName="q")["QueueUrl"] == url
    sqs.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in sqs.list_queues()
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="q")


def test_an_alarm_sees_what_waits_in_a_queue(cloud_with: Any) -> None:
    cloud, client = cloud_with("sqs", "cloudwatch", speed=600)
    sqs = client("sqs")
    client("cloudwatch").put_metric_alarm(
        AlarmName="dead letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    sqs.send_message(QueueUrl=_queue(sqs, "dead"), MessageBody="m")
    while cloud.apis["cloudwatch"].alarm_state("dead letters") != "ALARM":
        cloud.clock.sleep(10)
