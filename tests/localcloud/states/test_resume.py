"""Executions go on after the cloud was killed, from what it had written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/machine"


def killed(cloud: Any, folder: Path) -> Path:
    """Return what a SIGKILL at this moment would leave: the files as they are."""
    shutil.copytree(cloud.folder, folder)
    return folder


@pytest.fixture
def begin(cloud_with: Any) -> Any:
    cloud, client = cloud_with("sqs", "events", "stepfunctions")
    states = client("stepfunctions")

    def start(definition: dict[str, Any], value: Any = None) -> tuple[Any, str]:
        made = states.create_state_machine(
            name="machine",
            definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
            roleArn=ROLE,
        )
        begun = states.start_execution(
            stateMachineArn=made["stateMachineArn"], input=json.dumps(value or {})
        )
        return cloud, begun["executionArn"]

    return start


def until(cloud: Any, holds: Callable[[], bool]) -> None:
    while not holds():
        cloud.clock.sleep(0.01)


def types(cloud: Any, arn: str) -> list[str]:
    found = cloud.call("stepfunctions", "GetExecutionHistory", {"executionArn": arn})
    return [event["type"] for event in found["events"]]


def ending(cloud: Any, arn: str) -> dict[str, Any]:
    def described() -> dict[str, Any]:
        return dict(cloud.call("stepfunctions", "DescribeExecution", {"executionArn": arn}))

    until(cloud, lambda: described()["status"] != "RUNNING")
    return described()


def tokens(cloud: Any, url: str) -> list[str]:
    found = cloud.call("sqs", "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10})
    return [json.loads(message["Body"])["token"] for message in found.get("Messages", [])]


def asking(url: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {
            "QueueUrl": url,
            "MessageBody": {"token": "{% $states.context.Task.Token %}"},
        },
        "Output": "{% [$v, $states.result] %}",
        "End": True,
    }


@pytest.fixture
def waiting(begin: Any, cloud_with: Any) -> tuple[Any, str, str]:
    """An execution that waits for its token; the cloud, the execution and the token."""
    cloud, _ = begin({"StartAt": "P", "States": {"P": {"Type": "Succeed"}}})
    url = cloud.call("sqs", "CreateQueue", {"QueueName": "tokens"})["QueueUrl"]
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "First",
        "States": {
            "First": {"Type": "Pass", "Assign": {"v": "{% $states.input.a %}"}, "Next": "Ask"},
            "Ask": asking(url),
        },
    }
    made = cloud.call(
        "stepfunctions",
        "CreateStateMachine",
        {"name": "asking", "definition": json.dumps(definition), "roleArn": ROLE},
    )
    request = {"stateMachineArn": made["stateMachineArn"], "input": '{"a": 5}'}
    arn = cloud.call("stepfunctions", "StartExecution", request)["executionArn"]
    until(cloud, lambda: "TaskSubmitted" in types(cloud, arn))
    [token] = tokens(cloud, url)
    return cloud, arn, token


def test_a_task_goes_on_waiting_for_the_same_token(
    waiting: Any, cloud_with: Any, tmp_path: Path
) -> None:
    cloud, arn, token = waiting
    before = types(cloud, arn)
    again, _ = cloud_with("sqs", "events", "stepfunctions", folder=killed(cloud, tmp_path / "k"))
    assert types(again, arn) == before
    again.call("stepfunctions", "SendTaskSuccess", {"taskToken": token, "output": '"hi"'})
    found = ending(again, arn)
    assert json.loads(found["output"]) == [5, "hi"]
    queues = again.call("sqs", "GetQueueUrl", {"QueueName": "tokens"})
    assert tokens(again, queues["QueueUrl"]) == []  # nobody was asked twice
    assert types(again, arn) == [*before, "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"]


def test_an_answer_that_was_accepted_is_not_lost(
    waiting: Any, cloud_with: Any, tmp_path: Path
) -> None:
    cloud, arn, token = waiting
    # The cloud is killed after it took the answer, and before the execution went on.
    folder = killed(cloud, tmp_path / "k")
    store, _ = cloud_with("sqs", "events", folder=folder)
    table = store.store.table("stepfunctions.tokens")
    table[token] = {**table[token], "outcome": {"output": "late"}}
    again, _ = cloud_with(
        "sqs", "events", "stepfunctions", folder=killed(store, tmp_path / "again")
    )
    assert json.loads(ending(again, arn)["output"]) == [5, "late"]


def test_a_wait_ends_when_it_was_to_end(begin: Any, cloud_with: Any, tmp_path: Path) -> None:
    cloud, arn = begin(
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    )
    until(cloud, lambda: "WaitStateEntered" in types(cloud, arn))
    mark = cloud.store.table("stepfunctions.checkpoints")
    until(cloud, lambda: "until" in mark[arn])
    due = mark[arn]["until"]
    again, _ = cloud_with(
        "sqs", "events", "stepfunctions", folder=killed(cloud, tmp_path / "k"), speed=36000
    )
    found = ending(again, arn)
    assert found["status"] == "SUCCEEDED"
    assert found["stopDate"] >= due
    assert types(again, arn).count("WaitStateEntered") == 1


def test_a_nested_execution_is_not_started_again(
    begin: Any, cloud_with: Any, tmp_path: Path
) -> None:
    cloud, inner = begin(
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    )
    cloud.call("stepfunctions", "StopExecution", {"executionArn": inner})
    machine = inner.replace(":execution:", ":stateMachine:").rpartition(":")[0]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": machine, "Input": {"x": 1}},
        "Output": "{% $states.result.Output %}",
        "End": True,
    }
    definition = {"QueryLanguage": "JSONata", "StartAt": "N", "States": {"N": task}}
    made = cloud.call(
        "stepfunctions",
        "CreateStateMachine",
        {"name": "outer", "definition": json.dumps(definition), "roleArn": ROLE},
    )
    request = {"stateMachineArn": made["stateMachineArn"]}
    outer = cloud.call("stepfunctions", "StartExecution", request)["executionArn"]
    until(cloud, lambda: "TaskSubmitted" in types(cloud, outer))
    again, _ = cloud_with(
        "sqs", "events", "stepfunctions", folder=killed(cloud, tmp_path / "k"), speed=36000
    )
    found = ending(again, outer)
    assert json.loads(found["output"]) == {"x": 1}
    listed = again.call("stepfunctions", "ListExecutions", {"stateMachineArn": machine})
    assert len(listed["executions"]) == 2  # the one stopped above, and the nested one


def test_a_stopped_cloud_leaves_executions_running(waiting: Any, cloud_with: Any) -> None:
    cloud, arn, token = waiting
    cloud.stop()
    again, _ = cloud_with("sqs", "events", "stepfunctions", folder=cloud.folder)
    again.call("stepfunctions", "SendTaskSuccess", {"taskToken": token, "output": "1"})
    assert ending(again, arn)["status"] == "SUCCEEDED"


def test_a_parallel_state_is_entered_again(begin: Any, cloud_with: Any, tmp_path: Path) -> None:
    branch = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    cloud, arn = begin(
        {"StartAt": "S", "States": {"S": {"Type": "Parallel", "Branches": [branch], "End": True}}}
    )
    until(cloud, lambda: "WaitStateEntered" in types(cloud, arn))
    again, _ = cloud_with(
        "sqs", "events", "stepfunctions", folder=killed(cloud, tmp_path / "k"), speed=36000
    )
    assert ending(again, arn)["status"] == "SUCCEEDED"
    found = types(again, arn)
    assert found.count("ParallelStateEntered") == 1
    assert found.count("WaitStateEntered") == 1
