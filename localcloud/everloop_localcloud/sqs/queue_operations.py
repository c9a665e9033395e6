"""The operations on queues."""

import json
import re
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sqs.attributes import DEFAULTS, FIFO_DEFAULTS, checked
from everloop_localcloud.sqs.registry import Registry

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|(?=.{6,80}$)[A-Za-z0-9_-]+\.fifo")


class QueueOperations:
    def __init__(self, cloud: Account, registry: Registry) -> None:
        self.cloud = cloud
        self.registry = registry

    @operation
    def create_queue(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["QueueName"]
        given = dict(request.get("Attributes") or {})
        fifo = name.endswith(".fifo")
        if not _NAME.fullmatch(name):
            raise AwsError(
                "InvalidParameterValue",
                "Can only include alphanumeric characters, hyphens, or underscores. "
                "1 to 80 in length",
            )
        if fifo != (given.get("FifoQueue") == "true"):
            reason = "The name of a FIFO queue can only include alphanumeric characters, hyphens, "
            raise AwsError(
                "InvalidParameterValue",
                f"{reason}or underscores, must end with .fifo suffix and be 1 to 80 in length."
                if not fifo
                else "The queue's name ends with .fifo, so the attribute FifoQueue must be true.",
            )
        given = checked(given, fifo=fifo)
        now = str(int(call.time.timestamp()))
        with self.registry.lock:
            known = self.registry.queues.get(name)
            if known is not None:
                for attribute, value in given.items():
                    if known.row["attributes"].get(attribute) != value:
                        raise AwsError(
                            "QueueNameExists",
                            "A queue already exists with the same name and a different value "
                            f"for attribute {attribute}",
                        )
                return {"QueueUrl": self.registry.url(name)}
            self._check_redrive(given, name)
            row = {
                "name": name,
                "arn": self.cloud.arn("sqs", name),
                "attributes": {**DEFAULTS, **(FIFO_DEFAULTS if fifo else {}), **given},
                "tags": dict(request.get("tags") or {}),
                "created": now,
                "modified": now,
                "purged": 0.0,
            }
            self.registry.add(row)
        return {"QueueUrl": self.registry.url(name)}

    def _check_redrive(self, given: dict[str, str], name: str) -> None:
        if not given.get("RedrivePolicy"):
            return
        arn = json.loads(given["RedrivePolicy"])["deadLetterTargetArn"]
        dead = arn.rpartition(":")[2]
        reason = ""
        if dead not in self.registry.queues:
            reason = "Dead letter target does not exist."
        elif dead.endswith(".fifo") != name.endswith(".fifo"):
            reason = "Dead-letter queue must be same type of queue as the source."
        if reason:
            raise AwsError(
                "InvalidParameterValue",
                f"Value {given['RedrivePolicy']} for parameter RedrivePolicy is invalid. "
                f"Reason: {reason}",
            )

    @operation
    def delete_queue(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        with self.registry.lock:
            self.registry.remove(queue)

    @operation
    def get_queue_url(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("QueueOwnerAWSAccountId", call.account) != call.account:
            raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
        return {"QueueUrl": self.registry.url(self.registry.named(request["QueueName"]).name)}

    @operation
    def list_queues(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("QueueNamePrefix") or ""
        with self.registry.lock:
            names = sorted(name for name in self.registry.queues if name.startswith(prefix))
        return self._page(names, request, "QueueUrls")

    def _page(self, names: list[str], request: dict[str, Any], member: str) -> dict[str, Any]:
        after = request.get("NextToken") or ""
        most = request.get("MaxResults")
        names = [name for name in names if name > after]
        page = names[: most or 1000]
        answer: dict[str, Any] = {}
        if page or member == "queueUrls":
            answer[member] = [self.registry.url(name) for name in page]
        if most and len(names) > most:
            answer["NextToken"] = page[-1]
        return answer

    @operation
    def get_queue_attributes(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self.registry.of(request)
        with self.registry.lock:
            visible = queue.visible()
            every = {
                **queue.row["attributes"],
                "QueueArn": queue.arn,
                "CreatedTimestamp": queue.row["created"],
                "LastModifiedTimestamp": queue.row["modified"],
                "ApproximateNumberOfMessages": str(visible),
                "ApproximateNumberOfMessagesNotVisible": str(len(queue.in_flight)),
                "ApproximateNumberOfMessagesDelayed": str(len(queue.delayed)),
            }
        names = request.get("AttributeNames") or []
        if "All" not in names:
            every = {name: value for name, value in every.items() if name in names}
        return {"Attributes": every} if every else {}

    @operation
    def set_queue_attributes(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        given = request["Attributes"]
        if "FifoQueue" in given:
            raise AwsError("InvalidAttributeName", "Unknown Attribute FifoQueue.")
        given = checked(dict(given), fifo=queue.fifo)
        with self.registry.lock:
            self._check_redrive(given, queue.name)
            attributes = {**queue.row["attributes"], **given}
            queue.row["attributes"] = {
                name: value for name, value in attributes.items() if value != ""
            }
            queue.row["modified"] = str(int(call.time.timestamp()))
            self.registry.save(queue)

    @operation
    def purge_queue(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        now = call.time.timestamp()
        with self.registry.lock:
            if now - queue.row["purged"] < 60:
                raise AwsError(
                    "PurgeQueueInProgress",
                    f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
                    403,
                )
            queue.row["purged"] = now
            self.registry.save(queue)
            queue.purge()

    @operation
    def list_dead_letter_source_queues(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        arn = self.registry.of(request).arn
        with self.registry.lock:
            names = sorted(
                queue.name
                for queue in self.registry.queues.values()
                if queue.redrive and queue.redrive[0] == arn
            )
        return self._page(names, request, "queueUrls")

    @operation
    def tag_queue(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        with self.registry.lock:
            queue.row["tags"].update(request["Tags"])
            self.registry.save(queue)

    @operation
    def untag_queue(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        with self.registry.lock:
            for key in request["TagKeys"]:
                queue.row["tags"].pop(key, None)
            self.registry.save(queue)

    @operation
    def list_queue_tags(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": dict(self.registry.of(request).row["tags"])}

    @operation
    def add_permission(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        with self.registry.lock:
            policy = json.loads(queue.row["attributes"].get("Policy") or "{}")
            statements = policy.setdefault("Statement", [])
            if any(entry.get("Sid") == request["Label"] for entry in statements):
                raise AwsError(
                    "InvalidParameterValue",
                    f"Value {request['Label']} for parameter Label is invalid. "
                    "Reason: Already exists.",
                )
            policy.setdefault("Version", "2012-10-17")
            statements.append(
                {
                    "Sid": request["Label"],
                    "Effect": "Allow",
                    "Principal": {
                        "AWS": [f"arn:aws:iam::{one}:root" for one in request["AWSAccountIds"]]
                    },
                    "Action": [f"SQS:{name}" for name in request["Actions"]],
                    "Resource": queue.arn,
                }
            )
            queue.row["attributes"]["Policy"] = json.dumps(policy)
            self.registry.save(queue)

    @operation
    def remove_permission(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        with self.registry.lock:
            policy = json.loads(queue.row["attributes"].get("Policy") or "{}")
            statements = policy.get("Statement") or []
            left = [entry for entry in statements if entry.get("Sid") != request["Label"]]
            if len(left) == len(statements):
                raise AwsError(
                    "InvalidParameterValue",
                    f"Value {request['Label']} for parameter Label is invalid. "
                    "Reason: can't find label.",
                )
            if left:
                queue.row["attributes"]["Policy"] = json.dumps({**policy, "Statement": left})
            else:
                del queue.row["attributes"]["Policy"]
            self.registry.save(queue)
