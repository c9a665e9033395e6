"""Tasks that wait for a token, in virtual time."""

import json
from typing import Any

from everloop_localcloud.kernel.task_tokens import execution_of

CALLBACK = "arn:aws:states:::lambda:invoke.waitForTaskToken"


def waiting(**fields: Any) -> dict[str, Any]:
    arguments = {"FunctionName": "f", "Payload": {"token": "{% $states.context.Task.Token %}"}}
    return {"Type": "Task", "Resource": CALLBACK, "Arguments": arguments, "End": True, **fields}


def answered(outcome: dict[str, Any], after: float, beats: tuple[float, ...] = ()) -> Any:
    """Take the token, beat and answer later, as whoever got it would."""

    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        token = json.loads(request["Payload"])["token"]

        def beat() -> None:
            waiting = bench.world.waits[token]
            waiting.beat = bench.world.now()
            before, waiting.signal = waiting.signal, bench.world.signal()
            before.set()

        def answer() -> None:
            if token in bench.world.waits:
                bench.world.waits[token].outcome = outcome
                bench.world.waits[token].signal.set()

        for moment in beats:
            bench.world.after(moment, beat)
        bench.world.after(after, answer)
        return {"StatusCode": 200, "Payload": b"null"}

    return api


def test_the_answer_is_the_task_s_result(bench: Any) -> None:
    made = bench({"S": waiting()}, {}, answered({"output": {"a": 1}}, 30))
    assert made.execute().output == {"a": 1}
    assert made.seconds == 30
    assert made.types() == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_a_failure_by_token_is_the_task_s_failure(bench: Any) -> None:
    made = bench({"S": waiting()}, {}, answered({"error": "Mine", "cause": "why"}, 1))
    found = made.execute()
    assert (found.error, found.cause) == ("Mine", "why")


def test_a_function_that_raises_fails_the_task_at_once(bench: Any) -> None:
    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        failure = {"errorType": "Boo", "errorMessage": "no"}
        return {"StatusCode": 200, "FunctionError": "Unhandled",
                "Payload": json.dumps(failure).encode()}  # fmt: skip

    made = bench({"S": waiting()}, {}, api)
    assert made.execute().error == "Boo"
    assert made.seconds == 0


def test_nobody_answering_is_a_timeout(bench: Any) -> None:
    made = bench({"S": waiting(TimeoutSeconds=20)}, {}, answered({"output": 1}, 30))
    assert made.execute().error == "States.Timeout"
    assert made.seconds == 20


def test_signs_of_life_put_the_heartbeat_timeout_off(bench: Any) -> None:
    api = answered({"output": 1}, 60, beats=(8, 16))
    made = bench({"S": waiting(HeartbeatSeconds=10, TimeoutSeconds=100)}, {}, api)
    assert made.execute().error == "States.HeartbeatTimeout"
    assert made.seconds == 26


def test_a_token_tells_whose_it_is(bench: Any) -> None:
    seen: list[str] = []

    def api(bench: Any, service: str, operation: str, request: dict[str, Any]) -> Any:
        seen.append(json.loads(request["Payload"])["token"])
        return answered({"output": 1}, 0)(bench, service, operation, request)

    made = bench({"S": waiting()}, {}, api)
    made.execute()
    assert execution_of(seen[0]) == made.run.arn
    assert execution_of("no token") is None
