"""Functions of the stack that another one calls: what an event would have started."""

import json
from typing import Any

from everloop.aws.clients import lambda_, translated
from everloop.aws.settings import settings


def arn(name: str) -> str:
    """Return the ARN of a function of this stack."""
    return f"{settings().monitoring_function.rpartition(':')[0]}:{settings().stack}-{name}"


def start(name: str, event: dict[str, Any]) -> None:
    """Call a function as EventBridge does: it is tried again, and what fails goes to its queue."""
    with translated(f"function {name}"):
        lambda_().invoke(FunctionName=arn(name), InvocationType="Event", Payload=json.dumps(event))
