"""Asynchronous invocations: kept, retried, and at last sent where failures go."""

import json
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SERVICES = ("lambda", "sqs")
FAILS = "def handler(event, context):\n    raise ValueError('synthetic error')\n"


@pytest.fixture
def fast(cloud_with):
    """A cloud whose minutes last 50 milliseconds."""
    _, factory = cloud_with(*SERVICES, speed=1200)
    return factory("lambda"), factory("sqs")


def _queue(sqs, name):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return url, arn["QueueArn"]


def _first(sqs, url, eventually):
    def look():
        return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

    return eventually(look)[0]


def test_an_event_that_always_fails_ends_in_its_destination(fast, deploy, eventually):
    functions, sqs = fast
    url, arn = _queue(sqs, "failures")
    function = deploy(functions, "f", FAILS)
    functions.put_function_event_invoke_config(
        FunctionName="f", DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    answer = functions.invoke(FunctionName="f", InvocationType="Event", Payload='{"id": 1}')
    assert answer["StatusCode"] == 202
    record = json.loads(_first(sqs, url, eventually)["Body"])
    sample = Path(__file__).parent / "onfailure-destination.json"
    expected = json.loads(sample.read_text())
    assert set(record) == set(expected)
    assert set(record["requestContext"]) == set(expected["requestContext"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"] == f"{function}:$LATEST"
    assert record["requestPayload"] == {"id": 1}
    assert record["responseContext"] == expected["responseContext"]
    assert record["responsePayload"]["errorMessage"] == "synthetic error"
    assert record["responsePayload"]["requestId"] == record["requestContext"]["requestId"]


def test_retries_are_as_many_as_the_function_says(fast, deploy, eventually):
    functions, sqs = fast
    url, arn = _queue(sqs, "failures")
    deploy(functions, "f", FAILS)
    functions.put_function_event_invoke_config(
        FunctionName="f",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    functions.invoke(FunctionName="f", InvocationType="Event")
    record = json.loads(_first(sqs, url, eventually)["Body"])
    assert record["requestContext"]["approximateInvokeCount"] == 1


def test_a_throttled_event_waits_and_grows_too_old(fast, deploy, eventually):
    functions, sqs = fast
    url, arn = _queue(sqs, "failures")
    deploy(functions, "f", FAILS)
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    functions.put_function_event_invoke_config(
        FunctionName="f",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    functions.invoke(FunctionName="f", InvocationType="Event", Payload='"old"')
    record = json.loads(_first(sqs, url, eventually)["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"] == "old"


def test_a_dead_letter_is_the_event_itself_with_its_error(fast, deploy, eventually):
    functions, sqs = fast
    url, arn = _queue(sqs, "dead")
    deploy(functions, "f", FAILS, DeadLetterConfig={"TargetArn": arn})
    functions.invoke(FunctionName="f", InvocationType="Event", Payload='{"id": 2}')
    message = _first(sqs, url, eventually)
    assert json.loads(message["Body"]) == {"id": 2}
    attributes = message["MessageAttributes"]
    assert attributes["ErrorMessage"]["StringValue"] == "synthetic error"
    assert attributes["ErrorCode"]["StringValue"] == "200"


def test_a_success_goes_to_its_destination(fast, deploy, eventually):
    functions, sqs = fast
    url, arn = _queue(sqs, "done")
    deploy(functions, "f", "def handler(event, context):\n    return {'ok': event}\n")
    functions.put_function_event_invoke_config(
        FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    functions.invoke(FunctionName="f", InvocationType="Event", Payload="3")
    record = json.loads(_first(sqs, url, eventually)["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"ok": 3}


def test_a_burst_of_throttled_events_loses_none(cloud_with, deploy, eventually, tmp_path):
    _, factory = cloud_with(*SERVICES, speed=60)
    functions = factory("lambda")
    folder = tmp_path / "seen"
    folder.mkdir()
    source = f"def handler(event, context):\n    open({str(folder)!r} + '/' + str(event), 'w')\n"
    deploy(functions, "f", source)
    functions.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    for number in range(40):
        functions.invoke(FunctionName="f", InvocationType="Event", Payload=str(number))
    eventually(lambda: len(list(folder.iterdir())) == 40)


def test_an_event_outlives_a_killed_cloud(cloud_with, eventually, tmp_path):
    state, marks = tmp_path / "state", tmp_path / "marks"
    marks.mkdir()
    source = f"""
        import os, time
        def handler(event, context):
            if not os.path.exists({str(marks / "begun")!r}):
                open({str(marks / "begun")!r}, "w")
                time.sleep(60)
            open({str(marks / "done")!r}, "w")
    """
    script = f"""
        import io, sys, time, zipfile
        from pathlib import Path
        from everloop_localcloud.cloud import started
        cloud, _ = started(Path({str(state)!r}), services=["lambda"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("main.py", {textwrap.dedent(source)!r})
        cloud.call("lambda", "CreateFunction", {{
            "FunctionName": "f", "Runtime": "python3.13", "Handler": "main.handler",
            "Role": "arn:aws:iam::123456789012:role/r", "Timeout": 100,
            "Code": {{"ZipFile": buffer.getvalue()}}}})
        cloud.call("lambda", "Invoke", {{"FunctionName": "f", "InvocationType": "Event"}})
        time.sleep(100)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)])
    try:
        eventually(lambda: (marks / "begun").exists())
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    cloud_with("lambda", folder=state)
    eventually(lambda: (marks / "done").exists())
