"""Step Functions as boto3 sees it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/machine"
PASS = {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": {"Type": "Pass", "End": True}}}
WAIT = {
    "QueryLanguage": "JSONata",
    "StartAt": "W",
    "States": {"W": {"Type": "Wait", "Seconds": 86400, "End": True}},
}


def callback(queue_url: str, **fields: Any) -> dict[str, Any]:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {
            "QueueUrl": queue_url,
            "MessageBody": {"token": "{% $states.context.Task.Token %}"},
        },
        "End": True,
        **fields,
    }
    return {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}}


@pytest.fixture
def account(cloud_with: Any) -> Any:
    return cloud_with("sqs", "events", "stepfunctions")


@pytest.fixture
def states(account: Any) -> Any:
    return account[1]("stepfunctions")


@pytest.fixture
def create(states: Any) -> Callable[..., str]:
    def make(definition: dict[str, Any], name: str = "machine", **fields: Any) -> str:
        made = states.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE, **fields
        )
        return str(made["stateMachineArn"])

    return make


@pytest.fixture
def ended(account: Any, states: Any) -> Callable[[str], dict[str, Any]]:
    def wait(arn: str) -> dict[str, Any]:
        while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            account[0].clock.sleep(0.01)
        return dict(found)

    return wait


@pytest.fixture
def queue(account: Any) -> tuple[str, Callable[[], str]]:
    """A queue that tokens are sent to, and how to take the next one."""
    sqs = account[1]("sqs")
    url = sqs.create_queue(QueueName="tokens")["QueueUrl"]

    def token() -> str:
        messages: list[Any] = []
        while not messages:
            found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)
            messages = found.get("Messages", [])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
        return str(json.loads(messages[0]["Body"])["token"])

    return url, token


def code_of(refused: Any) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_machine_is_created_described_updated_listed_and_deleted(
    states: Any, create: Any
) -> None:
    arn = create(PASS, tags=[{"key": "a", "value": "1"}])
    assert arn == "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
    assert json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"]) == PASS
    states.update_state_machine(stateMachineArn=arn, definition=json.dumps(WAIT))
    assert json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"]) == WAIT
    states.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": "2"}])
    states.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert states.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    [listed] = states.list_state_machines()["stateMachines"]
    assert listed["name"] == "machine"
    states.delete_state_machine(stateMachineArn=arn)
    assert states.list_state_machines()["stateMachines"] == []
    with pytest.raises(ClientError) as refused:
        states.describe_state_machine(stateMachineArn=arn)
    assert code_of(refused) == "StateMachineDoesNotExist"


def test_creating_the_same_machine_again_is_the_same_and_another_is_refused(create: Any) -> None:
    assert create(PASS) == create(PASS)
    with pytest.raises(ClientError) as refused:
        create(WAIT)
    assert code_of(refused) == "StateMachineAlreadyExists"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": "a b"}, "InvalidName"),
        ({"definition": "{}"}, "InvalidDefinition"),
        ({"publish": True}, "ValidationException"),
        ({"roleArn": "machine"}, "InvalidArn"),
    ],
)
def test_a_machine_that_cannot_be_is_refused(
    states: Any, fields: dict[str, Any], code: str
) -> None:
    request = {"name": "machine", "definition": json.dumps(PASS), "roleArn": ROLE, **fields}
    with pytest.raises(ClientError) as refused:
        states.create_state_machine(**request)
    assert code_of(refused) == code


def test_the_same_start_while_it_runs_is_the_same_execution(states: Any, create: Any) -> None:
    arn = create(WAIT)
    one = states.start_execution(stateMachineArn=arn, name="one", input='{"a":1}')
    again = states.start_execution(stateMachineArn=arn, name="one", input='{"a":1}')
    assert (one["executionArn"], one["startDate"]) == (again["executionArn"], again["startDate"])
    with pytest.raises(ClientError) as refused:
        states.start_execution(stateMachineArn=arn, name="one", input='{"a":2}')
    assert code_of(refused) == "ExecutionAlreadyExists"
    states.stop_execution(executionArn=one["executionArn"])
    with pytest.raises(ClientError) as refused:
        states.start_execution(stateMachineArn=arn, name="one", input='{"a":1}')
    assert code_of(refused) == "ExecutionAlreadyExists"


def test_an_input_that_is_no_json_is_refused(states: Any, create: Any) -> None:
    with pytest.raises(ClientError) as refused:
        states.start_execution(stateMachineArn=create(PASS), input="{a}")
    assert code_of(refused) == "InvalidExecutionInput"


def test_a_stopped_execution_is_aborted_with_what_was_said(
    states: Any, create: Any, ended: Any
) -> None:
    arn = states.start_execution(stateMachineArn=create(WAIT))["executionArn"]
    stopped = states.stop_execution(executionArn=arn, error="Mine", cause="why")
    found = ended(arn)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Mine", "why")
    assert found["stopDate"] == stopped["stopDate"]
    last = states.get_execution_history(executionArn=arn, reverseOrder=True)["events"][0]
    assert last["executionAbortedEventDetails"] == {"error": "Mine", "cause": "why"}


def test_a_history_is_read_in_pages_and_without_data(states: Any, create: Any, ended: Any) -> None:
    arn = states.start_execution(stateMachineArn=create(PASS), input='{"a":1}')["executionArn"]
    ended(arn)
    first = states.get_execution_history(executionArn=arn, maxResults=3)
    rest = states.get_execution_history(executionArn=arn, nextToken=first["nextToken"])
    ids = [event["id"] for event in first["events"] + rest["events"]]
    assert ids == [1, 2, 3, 4]
    bare = states.get_execution_history(executionArn=arn, includeExecutionData=False)
    assert "1" not in json.dumps([e.get("stateEnteredEventDetails") for e in bare["events"]])


def test_executions_are_listed_newest_first_by_status(states: Any, create: Any, ended: Any) -> None:
    machine = create(PASS)
    arns = []
    for name in ("a", "b", "c"):
        arns.append(states.start_execution(stateMachineArn=machine, name=name)["executionArn"])
        ended(arns[-1])
    found = states.list_executions(stateMachineArn=machine, statusFilter="SUCCEEDED", maxResults=2)
    assert [row["name"] for row in found["executions"]] == ["c", "b"]
    more = states.list_executions(stateMachineArn=machine, nextToken=found["nextToken"])
    assert [row["name"] for row in more["executions"]] == ["a"]
    assert (
        states.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"] == []
    )


def test_an_execution_keeps_the_definition_it_began_with(states: Any, create: Any) -> None:
    machine = create(WAIT)
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    states.update_state_machine(stateMachineArn=machine, definition=json.dumps(PASS))
    found = states.describe_state_machine_for_execution(executionArn=arn)
    assert json.loads(found["definition"]) == WAIT


def test_changes_of_status_are_events_of_aws(
    account: Any, states: Any, create: Any, ended: Any
) -> None:
    heard: list[dict[str, Any]] = []
    account[0].on_event(heard.append)
    arn = states.start_execution(stateMachineArn=create(PASS), input='{"a":1}')["executionArn"]
    ended(arn)
    running, succeeded = heard
    assert running["source"] == "aws.states"
    assert running["detail-type"] == "Step Functions Execution Status Change"
    assert running["resources"] == [arn]
    assert running["detail"]["status"] == "RUNNING"
    assert running["detail"]["stopDate"] is None
    assert succeeded["detail"]["status"] == "SUCCEEDED"
    assert succeeded["detail"]["output"] == '{"a":1}'
    assert isinstance(succeeded["detail"]["stopDate"], int)


def test_a_token_is_answered_once(states: Any, create: Any, ended: Any, queue: Any) -> None:
    url, token_of = queue
    arn = states.start_execution(stateMachineArn=create(callback(url)))["executionArn"]
    token = token_of()
    states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output='{"a": 1}')
    assert ended(arn)["output"] == '{"a":1}'
    for late in (
        lambda: states.send_task_success(taskToken=token, output="1"),
        lambda: states.send_task_failure(taskToken=token),
        lambda: states.send_task_heartbeat(taskToken=token),
    ):
        with pytest.raises(ClientError) as refused:
            late()
        assert code_of(refused) == "TaskTimedOut"


def test_a_failure_by_token_fails_the_execution(
    states: Any, create: Any, ended: Any, queue: Any
) -> None:
    url, token_of = queue
    arn = states.start_execution(stateMachineArn=create(callback(url)))["executionArn"]
    states.send_task_failure(taskToken=token_of(), error="Mine", cause="why")
    found = ended(arn)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "Mine", "why")


def test_what_is_no_token_or_no_output_is_refused(states: Any, create: Any, queue: Any) -> None:
    url, token_of = queue
    states.start_execution(stateMachineArn=create(callback(url)))
    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken="nonsense", output="1")
    assert code_of(refused) == "InvalidToken"
    with pytest.raises(ClientError) as refused:
        states.send_task_success(taskToken=token_of(), output="{")
    assert code_of(refused) == "InvalidOutput"


def nested(pattern: str, machine: str, **fields: Any) -> dict[str, Any]:
    state = {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution.{pattern}",
        "Arguments": {"StateMachineArn": machine, "Input": {"a": "{% $states.input.a %}"}},
        "End": True,
        **fields,
    }
    return {"QueryLanguage": "JSONata", "StartAt": "N", "States": {"N": state}}


@pytest.mark.parametrize(("pattern", "output"), [("sync", '{"a":1}'), ("sync:2", {"a": 1})])
def test_a_nested_execution_is_waited_for(
    states: Any, create: Any, ended: Any, pattern: str, output: Any
) -> None:
    outer = create(nested(pattern, create(PASS, "inner")), "outer")
    arn = states.start_execution(stateMachineArn=outer, input='{"a":1}')["executionArn"]
    found = json.loads(ended(arn)["output"])
    assert found["Status"] == "SUCCEEDED"
    assert found["Output"] == output


def test_a_nested_execution_that_fails_fails_the_task(states: Any, create: Any, ended: Any) -> None:
    fails = {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Boo"}}}
    outer = create(nested("sync:2", create(fails, "inner")), "outer")
    found = ended(states.start_execution(stateMachineArn=outer, input='{"a":1}')["executionArn"])
    assert found["error"] == "States.TaskFailed"
    assert json.loads(found["cause"])["Error"] == "Boo"


def test_stopping_an_execution_stops_what_it_waits_for(
    account: Any, states: Any, create: Any, ended: Any
) -> None:
    inner = create(WAIT, "inner")
    outer = create(nested("sync:2", inner), "outer")
    arn = states.start_execution(stateMachineArn=outer, input='{"a":1}')["executionArn"]
    while "TaskSubmitted" not in [
        event["type"] for event in states.get_execution_history(executionArn=arn)["events"]
    ]:
        account[0].clock.sleep(0.01)
    states.stop_execution(executionArn=arn)
    [row] = states.list_executions(stateMachineArn=inner)["executions"]
    assert ended(row["executionArn"])["status"] == "ABORTED"


def test_a_task_that_times_out_stops_its_job(cloud_with: Any) -> None:
    cloud, client = cloud_with("events", "stepfunctions", speed=100)
    states = client("stepfunctions")

    def made(name: str, definition: dict[str, Any]) -> str:
        return str(
            states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)[
                "stateMachineArn"
            ]
        )

    inner = made("inner", WAIT)
    outer = made("outer", nested("sync", inner, TimeoutSeconds=30))
    arn = states.start_execution(stateMachineArn=outer, input='{"a":1}')["executionArn"]
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        cloud.clock.sleep(1)
    assert found["error"] == "States.Timeout"
    while states.list_executions(stateMachineArn=inner, statusFilter="RUNNING")["executions"]:
        cloud.clock.sleep(1)


def test_an_express_machine_answers_at_once(states: Any, create: Any) -> None:
    arn = create(PASS, type="EXPRESS")
    found = states.start_sync_execution(stateMachineArn=arn, input='{"a":1}')
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"a":1}')
    with pytest.raises(ClientError) as refused:
        states.list_executions(stateMachineArn=arn)
    assert code_of(refused) == "StateMachineTypeNotSupported"


def test_a_standard_machine_is_not_started_synchronously(states: Any, create: Any) -> None:
    with pytest.raises(ClientError) as refused:
        states.start_sync_execution(stateMachineArn=create(PASS))
    assert code_of(refused) == "StateMachineTypeNotSupported"


def test_a_definition_is_judged_without_being_created(states: Any) -> None:
    broken = {"StartAt": "S", "States": {"S": {"Type": "Pass"}}}
    found = states.validate_state_machine_definition(definition=json.dumps(broken))
    assert found["result"] == "FAIL"
    assert found["diagnostics"][0]["location"] == "/States/S"


def test_a_single_state_can_be_tried(states: Any) -> None:
    state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $x + 1 %}", "End": True}
    found = states.test_state(
        definition=json.dumps(state), variables='{"x": 1}', inspectionLevel="DEBUG"
    )
    assert (found["status"], found["output"]) == ("SUCCEEDED", "2")
    assert found["inspectionData"]["variables"] == '{"x":1}'
