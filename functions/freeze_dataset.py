"""Close a quiet window and write its manifest. Called by statemachines/train.asl.yaml."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import policy, requests
from everloop.aws import arrivals, ledger, storage
from everloop.aws.arrivals import Closed
from everloop.aws.ledger import Installed
from everloop.aws.settings import settings
from everloop.decisions.windows import completeness, kept_windows, manifest
from everloop.errors import BadInput
from everloop.flows import report
from everloop.flows.report import logger

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
    closed = arrivals.closed(request.model, request.window)
    if closed is None:
        raise BadInput(f"window: {request.model} has no window {request.window}")
    if closed.digest is None or closed.uri is None:
        closed = _write_manifest(installed, closed)
    report.decided(
        "freeze",
        id=f"{request.model}:{request.window}",
        model=request.model,
        time=closed.closed_at,
        go=True,
        reason=closed.reason,
        facts={
            "window": closed.number,
            "new_objects": closed.objects,
            "dataset_digest": closed.digest,
            "bytes": closed.bytes,
        },
        subject=closed.uri or "",
    )
    return _answer(True, 1, closed.reason, closed)


def _write_manifest(installed: Installed, closed: Closed) -> Closed:
    model = installed.model
    numbers = kept_windows(closed.number, policy.data(installed.spec).keep)
    found = arrivals.arrivals(model, numbers)
    frozen = manifest(model, settings().data_bucket, found, closed.closed_at)
    if not frozen["objects"]:
        raise BadInput(f"window: {model} has no objects in windows {numbers}; nothing to train on")
    uri = storage.write_once(
        settings().artefact_bucket,
        f"datasets/{model}/{frozen['digest']}.json",
        json.dumps(frozen, ensure_ascii=False).encode(),
        "application/json",
    )
    size = sum(entry["size"] for entry in frozen["objects"])
    new_bytes = sum(e["size"] for e in frozen["objects"] if e["window"] == closed.number)
    arrivals.note_manifest(model, closed.number, frozen["digest"], uri, size, new_bytes)
    written = arrivals.closed(model, closed.number)
    assert written is not None
    return written


def _answer(closed: bool, wait: int, reason: str, window: Closed | None = None) -> dict[str, Any]:
    return {
        "closed": closed,
        "wait_seconds": wait,
        "reason": reason,
        "dataset_uri": window.uri if window else None,
        "dataset_digest": window.digest if window else None,
    }
