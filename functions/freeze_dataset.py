"""Close a quiet window and write its manifest. Called by statemachines/train.asl.yaml."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import arrivals, ledger
from everloop.decisions.windows import completeness
from everloop.errors import BadInput
from everloop.flows import freezing
from everloop.flows.report import logger
from everloop.records.window import NOTHING_LEFT, ClosedWindow
from everloop.spec import policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    model: str
    window: int
    cause: str
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Freeze the window, or say how many seconds the drop must stay quiet yet."""
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    window = arrivals.open_window(request.model)
    if window.number < request.window:
        raise BadInput(f"window: {request.window} is not open yet; {window.number} is")
    if window.number == request.window:
        if not window.objects:
            raise BadInput(f"window: {window.number} of {request.model} is empty")
        complete = completeness(window, policy.data(installed.spec).quiet, request.time)
        if not complete.complete:
            return _answer(False, complete.wait_seconds, complete.reason)
        arrivals.close(request.model, window, request.time, complete.reason, request.cause)
    closed = arrivals.closed_window(request.model, request.window)
    if closed is None:
        raise BadInput(f"window: {request.model} has no window {request.window}")
    # Also where there is a manifest: what was taken out of the drop since must not be trained on.
    closed = freezing.freeze(installed, closed, request.time)
    if closed.outcome == NOTHING_LEFT:
        return {**_answer(True, 1, "nothing is left to train on"), "empty": True}
    return _answer(True, 1, closed.reason, closed)


def _answer(
    closed: bool, wait: int, reason: str, window: ClosedWindow | None = None
) -> dict[str, Any]:
    return {
        "closed": closed,
        "wait_seconds": wait,
        "reason": reason,
        "dataset_uri": window.uri if window else None,
        "dataset_digest": window.digest if window else None,
        "empty": False,
    }
