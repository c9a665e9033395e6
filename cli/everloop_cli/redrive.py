"""Dead letters: what lies in the stack's queues, why, and handing it over once more.

An event is a hint, and whoever gets it reads the truth: handing one over again is always safe.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from everloop.aws import lambdas, queues
from everloop.aws.clients import FAULTS
from everloop.aws.queues import Message
from everloop.aws.settings import settings
from everloop.errors import EverloopError
from everloop_cli.trouble import Trouble

ARRIVALS, UNDELIVERED, FAILED = "arrivals-dead", "undelivered", "failed"
QUEUES = (ARRIVALS, UNDELIVERED, FAILED)
# Functions that had another name in 0.1: what waits for them since then is for those of today.
_RENAMED = {
    "wake": "resume-execution",
    "heed-registry": "on-package-changed",
    "heed-violation": "on-violation",
}
_HOLD = 120  # seconds in which nobody else sees a message that is being handed over


@dataclass(frozen=True)
class Letter:
    """A dead letter. `target` is the function or queue it was for; `payload` is what it gets."""

    queue: str
    target: str
    what: str
    why: str
    payload: str
    receipt: str

    def as_dict(self) -> dict[str, str]:
        return {"queue": self.queue, "target": self.target, "what": self.what, "why": self.why}

    def whole(self) -> dict[str, Any]:
        """Return it with its body: JSON where it is some, else as it was sent."""
        try:
            body: Any = json.loads(self.payload)
        except (ValueError, RecursionError):
            body = self.payload
        return {**self.as_dict(), "body": body}


def counts() -> dict[str, int]:
    """Return how many messages each queue of dead letters holds."""
    return {queue: waiting(queue) for queue in QUEUES}


def waiting(queue: str) -> int:
    """Return how many messages a queue of the stack holds."""
    return queues.count(_url(queue))


def letters(queue: str, *, most: int = 10, hold: int = 0) -> list[Letter]:
    """Return some letters of a queue; with `hold`, nobody else sees them for so many seconds."""
    by_id: dict[str, Letter] = {}
    url = _url(queue)
    while len(by_id) < most:
        received = queues.receive(url, most=most - len(by_id), hold=hold)
        fresh = [message for message in received if message.id not in by_id]
        if not fresh:
            break
        for message in fresh:
            by_id[message.id] = _letter(queue, message)
    return list(by_id.values())


def redrive(queue: str) -> Iterator[dict[str, Any]]:
    """Hand every letter of a queue over again; tells each one, with `done` and, if not, `trouble`.

    What comes back while this runs is left for the next time.
    """
    if queue == ARRIVALS:
        yield _move_back()
        return
    left = waiting(queue)
    while left > 0:
        held = letters(queue, most=min(10, left), hold=_HOLD)
        if not held:
            return
        for letter in held:
            trouble = _hand_over(letter)
            yield {**letter.as_dict(), "done": not trouble, "trouble": trouble}
        left -= len(held)


def discard(queue: str) -> Iterator[Letter]:
    """Remove what lies in a queue now, and yield each letter; what comes meanwhile stays.

    Events are hints: what one was about is found by reconcile, from what AWS says itself.
    """
    left = waiting(queue)
    while left > 0:
        held = letters(queue, most=min(10, left), hold=_HOLD)
        if not held:
            return
        for letter in held:
            queues.remove(_url(queue), letter.receipt)
            yield letter
        left -= len(held)


def _hand_over(letter: Letter) -> str:
    """Hand a letter over and remove it; returns what stands against it, and then it stays."""
    service, _, resource = letter.target.partition(":")
    stack = settings().stack
    if not resource.startswith(f"{stack}-"):
        return f"{letter.target or 'its target'} is nothing of the stack {stack}"
    try:
        if service == "lambda":
            name = resource.removeprefix(f"{stack}-")
            lambdas.hand_over(f"{stack}-{_RENAMED.get(name, name)}", letter.payload)
        else:
            url = queues.find(resource)
            if url is None:
                return f"there is no queue {resource}"
            queues.send(url, letter.payload)
        queues.remove(_url(letter.queue), letter.receipt)
    except (EverloopError, *FAULTS) as error:
        return str(error)
    return ""


def _move_back() -> dict[str, Any]:
    """Move dead arrivals back to the queue they came from, and wait until that is done."""
    summary = {
        "queue": ARRIVALS,
        "target": f"sqs:{settings().stack}-arrivals",
        "what": "arrivals",
        "why": "refused five times",
    }
    if not waiting(ARRIVALS):
        return {**summary, "moved": 0, "done": True, "trouble": ""}
    arn = queues.move_back(_url(ARRIVALS))
    while (move := queues.moving(arn)).under_way:
        time.sleep(0.5)
    return {**summary, "moved": move.moved, "done": not move.failure, "trouble": move.failure}


def _letter(queue: str, message: Message) -> Letter:
    attributes, body, receipt = message.attributes, message.body, message.receipt
    if queue == FAILED:  # Lambda's destination record
        record = _object(body)
        target = _target((record.get("requestContext") or {}).get("functionArn", ""))
        payload = record.get("requestPayload")
        error = record.get("responsePayload") or {}
        why = f"{error.get('errorType', '?')}: {error.get('errorMessage', '?')}"
        return Letter(queue, target, _what(payload), why, json.dumps(payload), receipt)
    # EventBridge's and Scheduler's dead letters
    code, text = attributes.get("ERROR_CODE", ""), attributes.get("ERROR_MESSAGE", "")
    why = f"{code}: {text}" if code or text else "refused five times"
    target = _target(attributes.get("TARGET_ARN", ""))
    return Letter(queue, target, _what(_object(body)), why, body, receipt)


def _target(arn: str) -> str:
    """Return `lambda:<name>` or `sqs:<name>` of an ARN; the ARN itself where it is neither."""
    parts = arn.split(":")
    if len(parts) >= 7 and parts[2] == "lambda":
        return f"lambda:{parts[6]}"
    if len(parts) >= 6 and parts[2] == "sqs":
        return f"sqs:{parts[5]}"
    return arn


def _what(event: Any) -> str:
    if not isinstance(event, dict):
        return "unreadable"
    value = event.get("detail")
    detail: dict[str, Any] = value if isinstance(value, dict) else {}
    about = (detail.get("object") or {}).get("key") or detail.get("ModelPackageArn") or ""
    kind = event.get("detail-type") or "request"
    model = event.get("model") or detail.get("model") or ""
    return " ".join(part for part in (kind, about or model) if part)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _url(queue: str) -> str:
    name = f"{settings().stack}-{queue}"
    url = queues.find(name)
    if url is None:
        raise Trouble(f"there is no queue {name}: is {settings().stack!r} an Everloop stack?")
    return url
