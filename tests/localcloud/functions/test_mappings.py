"""Queues that feed functions: batches, windows, partial failures."""

import json

import pytest
from botocore.exceptions import ClientError

COLLECT = """
import json, os, uuid
def handler(event, context):
    with open(os.path.join(os.environ["OUT"], uuid.uuid4().hex + ".part"), "w") as file:
        json.dump(event, file)
    os.rename(file.name, file.name + ".json")
    bad = [r["messageId"] for r in event["Records"] if r["body"].startswith("bad")]
    if any(r["body"] == "raise" for r in event["Records"]):
        raise RuntimeError("whole batch")
    return {"batchItemFailures": [{"itemIdentifier": i} for i in bad]}
"""


@pytest.fixture
def world(cloud_with, deploy, tmp_path):
    """A queue, a function that writes down what it gets, and how to read that."""
    _, factory = cloud_with("lambda", "sqs")
    functions, sqs = factory("lambda"), factory("sqs")
    out = tmp_path / "out"
    out.mkdir()
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "3"})["QueueUrl"]
    deploy(functions, "f", COLLECT, Environment={"Variables": {"OUT": str(out)}})

    def batches():
        found = [json.loads(path.read_text()) for path in out.glob("*.json")]
        return [[record["body"] for record in event["Records"]] for event in found]

    return functions, sqs, url, out, batches


ARN = "arn:aws:sqs:us-east-1:123456789012:q"


def test_a_message_reaches_the_function_in_lambdas_shape_and_is_deleted(world, eventually):
    functions, sqs, url, out, batches = world
    functions.create_event_source_mapping(EventSourceArn=ARN, FunctionName="f")
    sqs.send_message(
        QueueUrl=url,
        MessageBody="hello",
        MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}},
    )
    eventually(batches)
    record = json.loads(next(out.glob("*.json")).read_text())["Records"][0]
    assert record["body"] == "hello"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == ARN
    assert record["messageAttributes"]["a"]["stringValue"] == "b"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert {"messageId", "receiptHandle", "md5OfBody", "awsRegion"} <= set(record)

    def empty():
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return set(found.values()) == {"0"}

    eventually(empty)


def test_a_burst_within_the_window_is_few_batches_with_every_message(world, eventually):
    functions, sqs, url, _, batches = world
    functions.create_event_source_mapping(
        EventSourceArn=ARN, FunctionName="f", BatchSize=500, MaximumBatchingWindowInSeconds=1
    )
    for first in range(0, 200, 10):
        entries = [{"Id": str(n), "MessageBody": f"m{first + n}"} for n in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    eventually(lambda: sum(len(batch) for batch in batches()) >= 200)
    found = batches()
    assert sorted(body for batch in found for body in batch) == sorted(f"m{n}" for n in range(200))
    assert len(found) <= 3


def test_only_the_messages_reported_as_failed_come_back(world, eventually):
    functions, sqs, url, _, batches = world
    # Longer than a busy machine takes to start the function: what is late comes back, too.
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10"})
    functions.create_event_source_mapping(
        EventSourceArn=ARN,
        FunctionName="f",
        BatchSize=10,
        MaximumBatchingWindowInSeconds=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    for body in ("good", "bad", "fine"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    eventually(lambda: sum(batch.count("bad") for batch in batches()) >= 2)
    bodies = [body for batch in batches() for body in batch]
    assert (bodies.count("good"), bodies.count("fine")) == (1, 1)


def test_after_an_error_the_whole_batch_comes_back(world, eventually):
    functions, sqs, url, _, batches = world
    made = functions.create_event_source_mapping(EventSourceArn=ARN, FunctionName="f")
    sqs.send_message(QueueUrl=url, MessageBody="raise")
    eventually(lambda: len(batches()) >= 2)
    found = functions.get_event_source_mapping(UUID=made["UUID"])
    assert found["LastProcessingResult"] == "PROBLEM: Function call failed"


def test_a_fast_clock_does_not_deliver_twice_what_is_being_worked_on(
    cloud_with, deploy, eventually, tmp_path
):
    _, factory = cloud_with("lambda", "sqs", speed=600)
    functions, sqs = factory("lambda"), factory("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    log = tmp_path / "log"
    source = (
        "import time\n"
        "def handler(event, context):\n"
        f"    open({str(log)!r}, 'a').write('x')\n"
        "    time.sleep(0.6)\n"
        f"    open({str(log)!r} + '.end', 'a').write('x')\n"
    )
    deploy(functions, "f", source, Timeout=30)
    functions.create_event_source_mapping(EventSourceArn=ARN, FunctionName="f")
    sqs.send_message(QueueUrl=url, MessageBody="once")
    end = tmp_path / "log.end"
    eventually(lambda: end.exists() and end.read_text())
    assert log.read_text() == "x"


def test_a_disabled_mapping_leaves_messages_in_the_queue_until_it_is_enabled(world, eventually):
    functions, sqs, url, _, batches = world
    made = functions.create_event_source_mapping(
        EventSourceArn=ARN, FunctionName="f", Enabled=False
    )
    assert made["State"] == "Disabled"
    sqs.send_message(QueueUrl=url, MessageBody="waits")
    assert batches() == []
    functions.update_event_source_mapping(UUID=made["UUID"], Enabled=True)
    eventually(batches)
    functions.delete_event_source_mapping(UUID=made["UUID"])
    assert functions.list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"BatchSize": 11}, "window in seconds must be greater than 0", id="window"),
        pytest.param(
            {"EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"},
            "polls SQS queues only",
            id="source",
        ),
        pytest.param(
            {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}},
            "does not honour FilterCriteria",
            id="filter",
        ),
        pytest.param({"FunctionName": "none"}, "Function not found", id="function"),
    ],
)
def test_what_cannot_be_honoured_is_refused(world, settings, said):
    with pytest.raises(ClientError, match=said):
        world[0].create_event_source_mapping(
            **{"EventSourceArn": ARN, "FunctionName": "f", **settings}
        )


def test_a_visibility_below_the_functions_timeout_is_refused(world):
    functions, sqs, url, _, _ = world
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    with pytest.raises(ClientError, match="Queue visibility timeout: 2 seconds is less than"):
        functions.create_event_source_mapping(EventSourceArn=ARN, FunctionName="f")
