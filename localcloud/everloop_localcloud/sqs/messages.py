"""Messages on their way in and out: what is checked when sent, what a receiver sees."""

import hashlib
import itertools
import re
import time
import uuid
from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sqs import digests
from everloop_localcloud.sqs.queue import Queue

# Never repeats and never runs backwards, over restarts too.
_ORDER = itertools.count(time.time_ns())
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_TOKEN = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")


def _invalid(name: str, value: Any, reason: str) -> AwsError:
    return AwsError(
        "InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}"
    )


def size_of(entry: dict[str, Any]) -> int:
    """Return the bytes that count towards a message's limit: body and attributes."""
    size = len(entry["MessageBody"].encode())
    for name, attribute in (entry.get("MessageAttributes") or {}).items():
        value = attribute.get("StringValue", "").encode() + attribute.get("BinaryValue", b"")
        size += len(name.encode()) + len(attribute["DataType"].encode()) + len(value)
    return size


def send(queue: Queue, call: Call, entry: dict[str, Any]) -> dict[str, Any]:
    """Check one message and put it into the queue; returns the answer's members."""
    body = entry["MessageBody"]
    _check(queue, entry)
    delay = entry.get("DelaySeconds")
    if delay is not None and not 0 <= delay <= 900:
        raise _invalid("DelaySeconds", delay, "DelaySeconds must be >= 0 and <= 900.")
    attributes = entry.get("MessageAttributes") or {}
    system = entry.get("MessageSystemAttributes") or {}
    group, deduplication = _fifo_ids(queue, entry)
    answer = {"MD5OfMessageBody": digests.of_body(body)}
    if attributes:
        answer["MD5OfMessageAttributes"] = digests.of_attributes(attributes)
    if system:
        answer["MD5OfMessageSystemAttributes"] = digests.of_attributes(system)
    scope = f"{group} {deduplication}" if _per_group(queue) else deduplication
    if queue.fifo:
        earlier = queue.duplicate_of(scope)
        if earlier:
            return {
                **answer,
                "MessageId": earlier["id"],
                "SequenceNumber": earlier["sequence"],
            }
    order = next(_ORDER)
    row = {
        "queue": queue.name,
        "id": str(uuid.uuid4()),
        "order": order,
        "body": body,
        "attributes": attributes,
        "trace": (system.get("AWSTraceHeader") or {}).get("StringValue", ""),
        "group": group,
        "deduplication": deduplication,
        "sent": call.time.timestamp(),
        "sender": call.principal,
        "receives": 0,
        "first_received": 0,
        "source": "",
    }
    queue.put(row, queue.number("DelaySeconds") if delay is None else delay)
    answer["MessageId"] = row["id"]
    if queue.fifo:
        answer["SequenceNumber"] = str(order)
        queue.remember(scope, {"id": row["id"], "sequence": str(order)})
    return answer


def _check(queue: Queue, entry: dict[str, Any]) -> None:
    body = entry["MessageBody"]
    if not body:
        raise AwsError("MissingParameter", "The request must contain the parameter MessageBody.")
    if _NOT_XML.search(body):
        raise AwsError(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | "
            "#x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )
    attributes = entry.get("MessageAttributes") or {}
    if len(attributes) > 10:
        raise AwsError(
            "InvalidParameterValue",
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [10].",
        )
    for name, attribute in attributes.items():
        _check_attribute(name, attribute)
    limit = queue.number("MaximumMessageSize")
    if size_of(entry) > limit:
        raise AwsError(
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than "
            f"{limit} bytes.",
        )


def _check_attribute(name: str, attribute: dict[str, Any]) -> None:
    kind = attribute["DataType"].partition(".")[0]
    if not _ATTRIBUTE_NAME.fullmatch(name) or name.lower().startswith(("aws.", "amazon.")):
        raise AwsError("InvalidParameterValue", f"The message attribute name {name!r} is invalid.")
    if kind not in ("String", "Number", "Binary"):
        raise AwsError(
            "InvalidParameterValue",
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String.",
        )
    member = "BinaryValue" if kind == "Binary" else "StringValue"
    if not attribute.get(member):
        raise AwsError(
            "InvalidParameterValue",
            f"The message attribute '{name}' must contain a non-empty message attribute value "
            f"for message attribute type '{kind}'.",
        )
    if kind == "Number":
        try:
            float(attribute["StringValue"])
        except ValueError as error:
            raise AwsError(
                "InvalidParameterValue",
                f"Can't cast the value of message (user) attribute '{name}' to a number.",
            ) from error


def _per_group(queue: Queue) -> bool:
    return str(queue.row["attributes"].get("DeduplicationScope")) == "messageGroup"


def _fifo_ids(queue: Queue, entry: dict[str, Any]) -> tuple[str, str]:
    group = entry.get("MessageGroupId") or ""
    deduplication = entry.get("MessageDeduplicationId") or ""
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value and not _TOKEN.fullmatch(value):
            reason = f"{name} can only include alphanumeric and punctuation characters. 1 to 128"
            raise _invalid(name, value, f"{reason} in length.")
    if not queue.fifo:
        if deduplication:
            reason = "The request include parameter that is not valid for this queue type."
            raise _invalid("MessageDeduplicationId", deduplication, reason)
        return group, ""
    if not group:
        raise AwsError("MissingParameter", "The request must contain the parameter MessageGroupId.")
    if entry.get("DelaySeconds"):
        reason = "The request include parameter that is not valid for this queue type."
        raise _invalid("DelaySeconds", entry["DelaySeconds"], reason)
    if not deduplication:
        if queue.row["attributes"].get("ContentBasedDeduplication") != "true":
            raise AwsError(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or "
                "MessageDeduplicationId provided explicitly",
            )
        deduplication = hashlib.sha256(entry["MessageBody"].encode()).hexdigest()
    return group, deduplication


def shown(row: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return a received message as the receiver asked to see it."""
    message: dict[str, Any] = {
        "MessageId": row["id"],
        "ReceiptHandle": row["receipt"],
        "MD5OfBody": digests.of_body(row["body"]),
        "Body": row["body"],
    }
    system = {
        "SenderId": row["sender"].rpartition("/")[2] or row["sender"],
        "SentTimestamp": str(int(row["sent"] * 1000)),
        "ApproximateReceiveCount": str(row["receives"]),
        "ApproximateFirstReceiveTimestamp": str(int(row["first_received"] * 1000)),
        "AWSTraceHeader": row["trace"],
        "MessageGroupId": row["group"],
        "MessageDeduplicationId": row["deduplication"],
        "SequenceNumber": str(row["order"]) if row["deduplication"] else "",
        "DeadLetterQueueSourceArn": row["source"],
    }
    wanted = {
        *(request.get("AttributeNames") or []),
        *(request.get("MessageSystemAttributeNames") or []),
    }
    attributes = {
        name: value for name, value in system.items() if value and ({name, "All"} & wanted)
    }
    if attributes:
        message["Attributes"] = attributes
    chosen = _chosen(row["attributes"], request.get("MessageAttributeNames") or [])
    if chosen:
        message["MessageAttributes"] = chosen
        message["MD5OfMessageAttributes"] = digests.of_attributes(chosen)
    return message


def _chosen(attributes: dict[str, Any], names: list[str]) -> dict[str, Any]:
    if "All" in names or ".*" in names:
        return attributes
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in names or (prefixes and name.startswith(prefixes))
    }
