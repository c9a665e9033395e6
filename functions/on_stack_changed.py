"""Answer CloudFormation: where the stack is deleted and OnDelete says so, its models go first.

Called by CloudFormation for the stack's custom resource, and by the machine remove at its end.
CloudFormation waits for an answer to each request, so there is one, whatever happens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import answers, machines, stack
from everloop.errors import BadInput
from everloop.flows.report import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_ACTOR, _REASON = "CloudFormation", "the stack was deleted, and its parameter OnDelete is remove"
_DELETED = "DELETE_IN_PROGRESS"
_NEEDED = ("ResponseURL", "StackId", "RequestId", "LogicalResourceId")


@dataclass(frozen=True)
class Ended:
    """How a removal ended that CloudFormation waits for."""

    answer: Mapping[str, Any]
    ok: bool
    reason: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return what CloudFormation was answered; nothing where the machine answers later."""
    if "answer" in event:
        ended = requests.read(Ended, event)
        return _answer(ended.answer, ended.ok, ended.reason)
    missing = [name for name in _NEEDED if not isinstance(event.get(name), str)]
    if missing:
        raise BadInput(f"{missing[0]}: missing; CloudFormation's request of a resource has it")
    try:
        reason = _remove(event)
    except Exception as error:  # without an answer CloudFormation waits for an hour
        logger.exception("could not begin")
        return _answer(event, False, f"{type(error).__name__}: {error}")
    return _answer(event, True, reason) if reason else {"answered": "later"}


def _remove(event: Mapping[str, Any]) -> str:
    """Start the removal of all models if the policy is that; else return why it is not."""
    if event.get("RequestType") != "Delete":
        return "nothing is to be done"
    policy = (event.get("ResourceProperties") or {}).get("OnDelete")
    if policy != "remove":
        return f"OnDelete is {policy}: what serves goes on serving"
    deployed = stack.find(event["StackId"])
    if deployed is None or deployed.status != _DELETED:
        return f"the stack is {deployed and deployed.status}, and not deleted: its models stay"
    request = {name: event[name] for name in _NEEDED}
    payload = {"actor": _ACTOR, "reason": _REASON, "model": None, "with_versions": False}
    machines.start(machines.REMOVE, event["RequestId"], {**payload, "answer": request})
    return ""


def _answer(request: Mapping[str, Any], ok: bool, reason: str) -> dict[str, Any]:
    answers.answer(request, ok=ok, reason=reason)
    logger.info("answered", ok=ok, why=reason)
    return {"answered": "SUCCESS" if ok else "FAILED", "reason": reason}
