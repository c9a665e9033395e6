"""Functions of the stack, as a person calls them, and looks whether they may run."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, lambda_, translated
from everloop.aws.outside import lambda_answers
from everloop.aws.settings import settings
from everloop.errors import EverloopError


@dataclass(frozen=True)
class Able:
    """Whether a function may run; `state` and `reason` are Lambda's own words."""

    state: str
    reason: str
    reserved: int | None  # executions at once; None where none are reserved

    @property
    def active(self) -> bool:
        return self.state in ("Active", "Inactive")  # AWS lets one sleep that nobody calls


@dataclass(frozen=True)
class Mapping:
    """What reads a queue for a function."""

    uuid: str
    state: str


def call(name: str, request: dict[str, Any]) -> Any:
    """Call a function of the stack and return its answer.

    Raises EverloopError with what it raised, and where it could not be called.
    """
    full = f"{settings().stack}-{name}"
    try:
        with translated(f"function {full}"):
            answer = lambda_answers().invoke(FunctionName=full, Payload=json.dumps(request))
            payload: Any = json.loads(answer["Payload"].read())
    except ClientError as error:
        raise EverloopError(f"{full} could not be called: {error}") from error
    if answer.get("FunctionError"):
        raise EverloopError(f"{payload.get('errorType')}: {payload.get('errorMessage')}")
    return payload


def hand_over(name: str, payload: str) -> None:
    """Let a function have an event once more that it, or nobody, got; `name` is its whole name."""
    with translated(f"function {name}"):
        lambda_().invoke(FunctionName=name, InvocationType="Event", Payload=payload)


def able(name: str) -> Able | None:
    """Return whether a function may run; None where there is none of this name."""
    try:
        with translated(f"function {name}"):
            configuration = lambda_().get_function_configuration(FunctionName=name)
            reserved = lambda_().get_function_concurrency(FunctionName=name)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
    state, reason = configuration.get("State", "Active"), configuration.get("StateReason", "")
    return Able(state, reason, reserved.get("ReservedConcurrentExecutions"))


def mappings(name: str) -> list[Mapping]:
    """Return what reads queues for a function of the stack."""
    full = f"{settings().stack}-{name}"
    with translated(f"function {full}"):
        sources = lambda_().list_event_source_mappings(FunctionName=full)["EventSourceMappings"]
    return [Mapping(each["UUID"], each["State"]) for each in sources]
