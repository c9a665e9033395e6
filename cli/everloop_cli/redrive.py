"""Dead letters: what lies in the stack's queues, why, and handing it over once more.

An event is a hint, and whoever gets it reads the truth: handing one over again is always safe.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

ARRIVALS, UNDELIVERED, FAILED = "arrivals-dead", "undelivered", "failed"
QUEUES = (ARRIVALS, UNDELIVERED, FAILED)
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


def counts(site: Site) -> dict[str, int]:
    """Return how many messages each queue of dead letters holds."""
    return {queue: waiting(site, queue) for queue in QUEUES}


def waiting(site: Site, queue: str) -> int:
    """Return how many messages a queue of the stack holds."""
    return _count(site, _url(site, queue))


def letters(site: Site, queue: str, *, most: int = 10, hold: int = 0) -> list[Letter]:
    """Return some letters of a queue; with `hold`, nobody else sees them for so many seconds."""
    found: dict[str, Letter] = {}
    url = _url(site, queue)
    while len(found) < most:
        answer = site.client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(10, most - len(found)),
            VisibilityTimeout=hold,
            MessageAttributeNames=["All"],
        )
        fresh = [m for m in answer.get("Messages", []) if m["MessageId"] not in found]
        if not fresh:
            break
        for message in fresh:
            found[message["MessageId"]] = _letter(queue, message)
    return list(found.values())


def redrive(site: Site, queue: str) -> Iterator[dict[str, Any]]:
    """Hand every letter of a queue over again; tells each one, with `done` and, if not, `trouble`.

    What comes back while this runs is left for the next time.
    """
    if queue == ARRIVALS:
        yield _move_back(site)
        return
    left = _count(site, _url(site, queue))
    while left > 0:
        held = letters(site, queue, most=min(10, left), hold=_HOLD)
        if not held:
            return
        for letter in held:
            trouble = _hand_over(site, letter)
            yield {**letter.as_dict(), "done": not trouble, "trouble": trouble}
        left -= len(held)


def _hand_over(site: Site, letter: Letter) -> str:
    """Hand a letter over and remove it; returns what stands against it, and then it stays."""
    service, _, resource = letter.target.partition(":")
    if not resource.startswith(f"{site.stack}-"):
        return f"{letter.target or 'its target'} is nothing of the stack {site.stack}"
    try:
        if service == "lambda":
            site.client("lambda").invoke(
                FunctionName=resource, InvocationType="Event", Payload=letter.payload
            )
        else:
            url = site.client("sqs").get_queue_url(QueueName=resource)["QueueUrl"]
            site.client("sqs").send_message(QueueUrl=url, MessageBody=letter.payload)
        site.client("sqs").delete_message(
            QueueUrl=_url(site, letter.queue), ReceiptHandle=letter.receipt
        )
    except ClientError as error:
        return str(error)
    return ""


def _move_back(site: Site) -> dict[str, Any]:
    """Move dead arrivals back to the queue they came from, and wait until that is done."""
    sqs = site.client("sqs")
    attributes = sqs.get_queue_attributes(
        QueueUrl=_url(site, ARRIVALS), AttributeNames=["QueueArn"]
    )["Attributes"]
    told = {
        "queue": ARRIVALS,
        "target": f"sqs:{site.stack}-arrivals",
        "what": "arrivals",
        "why": "refused five times",
    }
    if not _count(site, _url(site, ARRIVALS)):
        return {**told, "moved": 0, "done": True, "trouble": ""}
    arn = attributes["QueueArn"]
    sqs.start_message_move_task(SourceArn=arn)
    while True:
        task = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"][0]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            break
        time.sleep(0.5)
    moved = task.get("ApproximateNumberOfMessagesMoved", 0)
    trouble = task.get("FailureReason", "") if task["Status"] != "COMPLETED" else ""
    return {**told, "moved": moved, "done": not trouble, "trouble": trouble}


def _letter(queue: str, message: dict[str, Any]) -> Letter:
    attributes = {
        name: value.get("StringValue", "")
        for name, value in message.get("MessageAttributes", {}).items()
    }
    body, receipt = message["Body"], message["ReceiptHandle"]
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
    found = event.get("detail")
    detail: dict[str, Any] = found if isinstance(found, dict) else {}
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


def _url(site: Site, queue: str) -> str:
    name = f"{site.stack}-{queue}"
    try:
        return str(site.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
    except ClientError as error:
        raise Trouble(f"there is no queue {name}: is {site.stack!r} an Everloop stack?") from error


def _count(site: Site, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    found = site.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(found["Attributes"][name])
