"""How states hand on their data: Assign, Output, scopes, Retry, Catch, time."""

import json
from typing import Any

import pytest

from everloop_localcloud.kernel.errors import AwsError

LAMBDA = "arn:aws:states:::lambda:invoke"


def task(**fields: Any) -> dict[str, Any]:
    arguments = {"FunctionName": "f", "Payload": "{% $states.input %}"}
    return {"Type": "Task", "Resource": LAMBDA, "Arguments": arguments, "End": True, **fields}


def answering(payload: Any) -> Any:
    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        given = payload(bench, request) if callable(payload) else payload
        return {"StatusCode": 200, "ExecutedVersion": "$LATEST",
                "Payload": json.dumps(given).encode()}  # fmt: skip

    return api


def failing(kind: str) -> Any:
    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        failure = {"errorType": kind, "errorMessage": "no"}
        return {"StatusCode": 200, "FunctionError": "Unhandled",
                "Payload": json.dumps(failure).encode()}  # fmt: skip

    return api


def test_assign_sees_the_values_before_it(bench: Any) -> None:
    found = bench({
        "One": {"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "Swap"},
        "Swap": {"Type": "Pass", "Assign": {"a": "{% $b %}", "b": "{% $a %}"}, "Next": "End"},
        "End": {"Type": "Succeed", "Output": "{% [$a, $b] %}"},
    }).execute()  # fmt: skip
    assert found.output == [2, 1]


def test_output_does_not_see_what_the_state_assigns(bench: Any) -> None:
    found = bench({
        "One": {"Type": "Pass", "Assign": {"a": 1}, "Next": "Two"},
        "Two": {"Type": "Pass", "Assign": {"a": 2}, "Output": "{% $a %}", "End": True},
    }).execute()  # fmt: skip
    assert found.output == 1


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({"Type": "Pass", "End": True}, id="Pass"),
        pytest.param({"Type": "Wait", "Seconds": 1, "End": True}, id="Wait"),
        pytest.param({"Type": "Succeed"}, id="Succeed"),
        pytest.param(task(), id="Task"),
        pytest.param(
            {
                "Type": "Parallel",
                "End": True,
                "Branches": [{"StartAt": "In", "States": {"In": {"Type": "Succeed"}}}],
            },
            id="Parallel",
        ),
        pytest.param(
            {
                "Type": "Map",
                "End": True,
                "Items": "{% [1] %}",
                "ItemProcessor": {"StartAt": "In", "States": {"In": {"Type": "Succeed"}}},
            },
            id="Map",
        ),
    ],
)
def test_every_state_may_shape_its_output(bench: Any, state: dict[str, Any]) -> None:
    shaped = {**state, "Output": "{% $states.input.x & '!' %}"}
    assert bench({"S": shaped}, {"x": "a"}, answering(1)).execute().output == "a!"


def test_variables_of_a_branch_do_not_leak(bench: Any) -> None:
    inner = {"StartAt": "In", "States": {
        "In": {"Type": "Pass", "Assign": {"a": 2, "only": 3}, "Next": "Out"},
        "Out": {"Type": "Pass", "Output": "{% $a %}", "End": True},
    }}  # fmt: skip
    made = bench({
        "One": {"Type": "Pass", "Assign": {"a": 1}, "Next": "Side"},
        "Side": {"Type": "Parallel", "Branches": [inner], "Next": "End"},
        "End": {"Type": "Succeed",
                "Output": "{% {'in': $states.input, 'a': $a, 'only': $exists($only)} %}"},
    })  # fmt: skip
    assert made.execute().output == {"in": [2], "a": 1, "only": False}


def test_a_path_to_nowhere_fails_and_cannot_be_caught(bench: Any) -> None:
    states = {
        "S": {
            "Type": "Task",
            "Resource": LAMBDA,
            "Parameters": {"FunctionName.$": "$.nope"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Succeed"},
    }
    found = bench(states, {}, QueryLanguage="JSONPath").execute()
    assert (found.status, found.error) == ("FAILED", "States.Runtime")


def test_a_failed_evaluation_can_be_caught_and_is_told_in_the_history(bench: Any) -> None:
    made = bench({
        "S": task(Arguments={"FunctionName": "{% $nope %}"},
                  Catch=[{"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught"}]),
        "Caught": {"Type": "Succeed"},
    })  # fmt: skip
    output = made.execute().output
    assert output["Error"] == "States.QueryEvaluationError"
    [event] = [event for event in made.events if event["type"] == "EvaluationFailed"]
    details = event["evaluationFailedEventDetails"]
    assert details["location"] == "Arguments/FunctionName"
    assert details["cause"] == output["Cause"]


def test_a_retry_waits_longer_each_time_up_to_its_limit(bench: Any) -> None:
    rule = {"ErrorEquals": ["Boo"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 4,
            "MaxDelaySeconds": 10}  # fmt: skip
    made = bench({"S": task(Retry=[rule])}, {}, failing("Boo"))
    found = made.execute()
    assert found.error == "Boo"
    assert made.types().count("TaskScheduled") == 5
    assert made.seconds == 2 + 6 + 10 + 10


def test_full_jitter_waits_at_most_the_delay(bench: Any) -> None:
    rule = {"ErrorEquals": ["Boo"], "IntervalSeconds": 100, "JitterStrategy": "FULL",
            "MaxAttempts": 1}  # fmt: skip
    made = bench({"S": task(Retry=[rule])}, {}, failing("Boo"))
    made.execute()
    assert 0 < made.seconds < 100


def test_each_retrier_counts_for_itself_and_the_context_counts_all(bench: Any) -> None:
    seen: list[int] = []

    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        seen.append(json.loads(request["Payload"]))
        kind = "A" if len(seen) % 2 else "B"
        return failing(kind)(bench, service, operation, request)

    rules = [{"ErrorEquals": [kind], "MaxAttempts": 2} for kind in "AB"]
    arguments = {"FunctionName": "f", "Payload": "{% $states.context.State.RetryCount %}"}
    bench({"S": task(Retry=rules, Arguments=arguments)}, {}, api).execute()
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("names", "caught"),
    [
        (["States.ALL"], True),
        (["States.Timeout"], True),
        (["States.TaskFailed"], False),
        (["Other"], False),
    ],
)
def test_a_timeout_is_caught_by(bench: Any, names: list[str], caught: bool) -> None:
    def slow(bench: Any, request: dict[str, Any]) -> Any:
        bench.world.sleep(60)

    made = bench({
        "S": task(TimeoutSeconds="{% 2 + 3 %}", Catch=[{"ErrorEquals": names, "Next": "Caught"}]),
        "Caught": {"Type": "Succeed", "Output": "caught"},
    }, {}, answering(slow))  # fmt: skip
    found = made.execute()
    assert (found.output == "caught") is caught
    assert made.seconds == 5
    assert "TaskTimedOut" in made.types()


def test_the_machine_s_own_timeout_ends_everything(bench: Any) -> None:
    made = bench({"W": {"Type": "Wait", "Seconds": 60, "End": True}}, TimeoutSeconds=5)
    assert made.execute().status == "TIMED_OUT"
    assert made.seconds == 5
    assert made.types()[-1] == "ExecutionTimedOut"


def test_an_execution_that_is_stopped_ends_at_once(bench: Any) -> None:
    from everloop_localcloud.states.run import Ending

    made = bench({"W": {"Type": "Wait", "Seconds": 600, "End": True}})
    made.world.after(7, lambda: made.run.stop(Ending("ABORTED", error="Mine", cause="why")))
    found = made.execute()
    assert (found.status, found.error, found.cause) == ("ABORTED", "Mine", "why")
    assert made.seconds == 7


def test_the_first_failing_branch_ends_the_others(bench: Any) -> None:
    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 900, "End": True}}}
    fails = {"StartAt": "Soon", "States": {
        "Soon": {"Type": "Wait", "Seconds": 1, "Next": "Fail"},
        "Fail": {"Type": "Fail", "Error": "Boo"},
    }}  # fmt: skip
    made = bench({"S": {"Type": "Parallel", "Branches": [waits, fails], "End": True}})
    assert made.execute().error == "Boo"
    assert made.seconds == 1
    assert "WaitStateAborted" in made.types()


@pytest.mark.parametrize(("at_once", "seconds"), [(1, 50), (2, 30), (0, 10)])
def test_a_map_runs_at_most_so_many_iterations_at_once(
    bench: Any, at_once: int, seconds: int
) -> None:
    made = bench({"M": {
        "Type": "Map",
        "Items": "{% [1..5] %}",
        "MaxConcurrency": at_once,
        "ItemSelector": {"n": "{% $states.context.Map.Item.Value %}",
                         "at": "{% $states.context.Map.Item.Index %}"},
        "ItemProcessor": {"StartAt": "W", "States": {
            "W": {"Type": "Wait", "Seconds": 10, "End": True}}},
        "End": True,
    }})  # fmt: skip
    found = made.execute()
    assert found.output == [{"n": number, "at": number - 1} for number in range(1, 6)]
    assert made.seconds == seconds
    assert made.types().count("MapIterationSucceeded") == 5


@pytest.mark.parametrize(
    ("limit", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailureCount": 1}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 0}, "FAILED"),
        ({"ToleratedFailurePercentage": 34}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 33}, "FAILED"),
    ],
)
def test_a_distributed_map_tolerates_as_many_failures_as_told(
    bench: Any, limit: dict[str, Any], status: str
) -> None:
    made = bench({"M": {
        "Type": "Map",
        "Items": [1, 2, 3],
        **limit,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            "StartAt": "Two?",
            "States": {
                "Two?": {"Type": "Choice", "Default": "Fine",
                         "Choices": [{"Condition": "{% $states.input = 2 %}", "Next": "Boo"}]},
                "Boo": {"Type": "Fail", "Error": "Boo"},
                "Fine": {"Type": "Succeed"},
            },
        },
        "End": True,
    }})  # fmt: skip
    found = made.execute()
    assert found.status == status
    if status == "FAILED":
        assert found.error == "States.ExceedToleratedFailureThreshold"
    else:
        assert found.output == [1, 3]


def test_an_output_above_the_limit_fails_the_execution(bench: Any) -> None:
    states = {"S": {"Type": "Pass", "Output": "{% $pad('', 262145, 'x') %}", "End": True}}
    assert bench(states).execute().error == "States.DataLimitExceeded"


@pytest.mark.parametrize(
    ("code", "resource", "name"),
    [
        pytest.param("TooManyRequestsException", LAMBDA, "Lambda.TooManyRequestsException",
                     id="declared"),
        pytest.param("Strange", LAMBDA, "Lambda.AWSLambdaException", id="not declared"),
        pytest.param(
            "ResourceLimitExceeded",
            "arn:aws:states:::aws-sdk:sagemaker:createModel",
            "SageMaker.ResourceLimitExceededException",
            id="SDK, declared without Exception",
        ),
        pytest.param(
            "ValidationException",
            "arn:aws:states:::aws-sdk:sagemaker:createModel",
            "SageMaker.SageMakerException",
            id="SDK, not declared",
        ),
        pytest.param(
            "ValidationException",
            "arn:aws:states:::sagemaker:createModel",
            "SageMaker.AmazonSageMakerException",
            id="optimised, not declared",
        ),
        pytest.param(
            "ConditionalCheckFailedException",
            "arn:aws:states:::aws-sdk:dynamodb:updateItem",
            "DynamoDb.ConditionalCheckFailedException",
            id="SDK of DynamoDB",
        ),
    ],
)  # fmt: skip
def test_an_api_s_error_has_the_name_that_a_catch_knows(
    bench: Any, code: str, resource: str, name: str
) -> None:
    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        raise AwsError(code, "no", 429)

    arguments = {"lambda": {"FunctionName": "f"}, "sagemaker": {"ModelName": "m"},
                 "dynamodb": {"TableName": "t", "Key": {"pk": {"S": "a"}}}}  # fmt: skip
    key = next(word for word in arguments if f":{word}:" in resource)
    found = bench({"S": task(Resource=resource, Arguments=arguments[key])}, {}, api).execute()
    assert found.error == name
    assert "no (Service: " in str(found.cause)


def test_an_sdk_call_takes_pascal_case_and_gives_it(bench: Any) -> None:
    asked: list[Any] = []

    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        asked.append((service, operation, request))
        return {"executions": [{"name": "n", "startDate": bench.world.now()}]}

    state = task(
        Resource="arn:aws:states:::aws-sdk:sfn:listExecutions",
        Arguments={"StateMachineArn": "arn", "MaxResults": "{% 3 %}"},
    )
    found = bench({"S": state}, {}, api).execute()
    request = {"stateMachineArn": "arn", "maxResults": 3}
    assert asked == [("stepfunctions", "ListExecutions", request)]
    assert found.output == {"Executions": [{"Name": "n", "StartDate": "2026-11-23T12:00:00.000Z"}]}


def test_an_argument_that_the_api_does_not_know_fails_the_task(bench: Any) -> None:
    state = task(Arguments="{% {'FunctionName': 'f', 'Nope': 1} %}")
    found = bench({"S": state}).execute()
    assert found.error == "States.Runtime"
    assert 'The field "Nope" is not supported by Step Functions' in str(found.cause)


def test_a_failing_branch_stops_the_job_of_another(bench: Any) -> None:
    waits = {"StartAt": "Job", "States": {"Job": {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Arguments": {"StateMachineArn": "arn"},
        "End": True,
    }}}  # fmt: skip
    fails = {"StartAt": "Soon", "States": {
        "Soon": {"Type": "Wait", "Seconds": 1, "Next": "Fail"},
        "Fail": {"Type": "Fail", "Error": "Boo"},
    }}  # fmt: skip

    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        return {"executionArn": "inner", "startDate": bench.world.now()}

    made = bench({"S": {"Type": "Parallel", "Branches": [waits, fails], "End": True}}, {}, api)
    assert made.execute().error == "Boo"
    made.world.sleep(1)
    assert made.world.halted == ["startExecution.sync"]
