"""State machines: start by a derived name, wake by a token, ask how an execution is."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, stepfunctions, translated
from everloop.aws.settings import settings

TRAIN, EVALUATE, DEPLOY, MONITOR = "train", "evaluate", "deploy", "monitor"
SCORE, REMOVE = "score", "remove"
OF_MODELS = (TRAIN, EVALUATE, DEPLOY, MONITOR, SCORE)

# The waiter is gone: it was woken already, or its machine has ended. Nothing is left to do.
_GONE = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")


@dataclass(frozen=True)
class Start:
    """An execution's ARN, and whether this call (or its lost twin) started it."""

    arn: str
    new: bool


def start(machine: str, name: str, payload: dict[str, Any]) -> Start:
    """Start an execution; one of that name that ran already, or runs on other input, is not new."""
    arn = f"{settings().machines}-{machine}"
    try:
        with translated(f"execution {name}"):
            answer = stepfunctions().start_execution(
                stateMachineArn=arn, name=name, input=json.dumps(payload, sort_keys=True)
            )
            return Start(answer["executionArn"], True)
    except ClientError as error:
        if code_of(error) != "ExecutionAlreadyExists":
            raise
        return Start(execution_arn(machine, name), False)


def execution_arn(machine: str, name: str) -> str:
    return f"{settings().machines.replace(':stateMachine:', ':execution:')}-{machine}:{name}"


def status(arn: str) -> str | None:
    """Return an execution's status as AWS words it (RUNNING, FAILED, …); None if unknown."""
    try:
        with translated(arn):
            return stepfunctions().describe_execution(executionArn=arn)["status"]
    except ClientError as error:
        if code_of(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None
        raise


def resume(token: str, output: dict[str, Any]) -> bool:
    """Complete a task by its token; False if nobody waits for it any more."""
    try:
        with translated("task token"):
            stepfunctions().send_task_success(taskToken=token, output=json.dumps(output))
    except ClientError as error:
        if code_of(error) in _GONE:
            return False
        raise
    return True


def running(machine: str) -> list[str]:
    """Return the ARNs of a machine's executions that run; none where the machine is gone."""
    arn = f"{settings().machines}-{machine}"
    try:
        with translated(f"executions of {arn}"):
            pages = stepfunctions().get_paginator("list_executions")
            return [
                execution["executionArn"]
                for page in pages.paginate(stateMachineArn=arn, statusFilter="RUNNING")
                for execution in page["executions"]
            ]
    except ClientError as error:
        if code_of(error) != "StateMachineDoesNotExist":
            raise
        return []


def stop(arn: str, why: str) -> None:
    """Stop an execution, and the job that it waits for; one that has just ended is stopped."""
    try:
        with translated(arn):
            stepfunctions().stop_execution(executionArn=arn, error="Removed", cause=why)
    except ClientError as error:
        if code_of(error) != "ExecutionDoesNotExist":
            raise


def ended(arn: str) -> tuple[str | None, str]:
    """Return an execution's status, and the cause that it gives where it failed."""
    try:
        with translated(arn):
            execution = stepfunctions().describe_execution(executionArn=arn)
    except ClientError as error:
        if code_of(error) in ("ExecutionDoesNotExist", "InvalidArn"):
            return None, ""
        raise
    return execution["status"], str(execution.get("cause") or "")
