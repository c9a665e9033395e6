"""The operations of SQS."""

import json
import re
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.api import Api, Call, operation
from localcloud.errors import AwsError
from localcloud.sqs import messages
from localcloud.sqs.attributes import (
    DEFAULTS,
    FIFO_DEFAULTS,
    MAX_MESSAGE_BYTES,
    checked,
)
from localcloud.sqs.moves import Moves
from localcloud.sqs.queue import Queue

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|(?=.{6,80}$)[A-Za-z0-9_-]+\.fifo")
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Sqs(Api):
    service = "sqs"
    partial: ClassVar[dict[str, str]] = {
        "ReceiveMessage": "ReceiveRequestAttemptId is accepted and not remembered",
        "CreateQueue": "KmsMasterKeyId is stored; nothing is encrypted",
    }

    def __init__(self, cloud: "Cloud") -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._rows = cloud.store.table("sqs.queues")
        self._messages = cloud.store.table("sqs.messages")
        self._seen = cloud.store.table("sqs.deduplication")
        self._queues: dict[str, Queue] = {}
        for name in self._rows:
            self._queues[name] = self._queue(self._rows[name])
        ordered = sorted(self._messages.items(), key=lambda item: int(item[1]["order"]))
        for key, row in ordered:
            self._queues[row["queue"]].restore(key, row)
        for key, entry in sorted(self._seen.items(), key=lambda item: float(item[1]["at"])):
            name, _, seen = key.partition("/")
            self._queues[name].restore_duplicate(seen, entry)
        self._stopped = threading.Event()
        self.moves = Moves(self)

    def start(self) -> None:
        self.moves.resume()
        if "cloudwatch" in self.cloud.apis:
            self.cloud.clock.after(60, self._measure)

    def stop(self) -> None:
        self._stopped.set()
        with self._lock:
            for queue in self._queues.values():
                queue.wake()

    def _measure(self) -> None:
        if self._stopped.is_set():
            return
        watch = self.cloud.apis["cloudwatch"]
        with self._lock:
            measured = {name: queue.measure() for name, queue in self._queues.items()}
        for name, metrics in measured.items():
            for metric, (value, unit) in metrics.items():
                watch.put("AWS/SQS", metric, value, {"QueueName": name}, unit)  # type: ignore[attr-defined]
        self.cloud.clock.after(60, self._measure)

    # For other parts of the cloud

    def wait_for_messages(self, queue_arn: str, seconds: float) -> bool:
        """Wait at most `seconds` of cloud time until the queue has a visible message."""
        return self._wait(self.by_arn(queue_arn), seconds)

    def by_arn(self, arn: str) -> Queue:
        """Return the queue of this ARN. Raises AwsError QueueDoesNotExist."""
        return self._named(arn.rpartition(":")[2])

    def move(self, source: Queue, destination: str, most: int) -> int:
        """Move up to `most` visible messages; returns how many.

        Without a destination each goes back to the queue it came from. Raises AwsError if that
        cannot be told.
        """
        with self._lock:
            taken = source.take(most, 0, lambda queue, row: False)
            for row in taken:
                target = destination or row["source"]
                if not target:
                    raise AwsError("CouldNotDetermineMessageSource", row["id"])
                moved = {"source": "", "receives": 0, "first_received": 0}
                queue = self.by_arn(target)
                queue.put({**row, **moved, "queue": queue.name})
                source.delete(row["receipt"])
            return len(taken)

    def url(self, name: str) -> str:
        return f"{self.cloud.url}/{self.cloud.account}/{name}"

    def _queue(self, row: dict[str, Any]) -> Queue:
        return Queue(row, self.cloud.clock, self._messages, self._seen)

    def _named(self, name: str) -> Queue:
        with self._lock:
            queue = self._queues.get(name)
        if queue is None:
            raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
        return queue

    def _of(self, request: dict[str, Any]) -> Queue:
        url = request["QueueUrl"]
        name = url.rstrip("/").rpartition("/")[2]
        if not name or (url.startswith("http") and url.count("/") < 4):
            raise AwsError("InvalidAddress", f"The address {url} is not valid for this endpoint.")
        return self._named(name)

    def _wait(self, queue: Queue, seconds: float) -> bool:
        clock = self.cloud.clock
        deadline = clock.now().timestamp() + seconds
        signal = None
        try:
            while not self._stopped.is_set():
                with self._lock:
                    if queue.name not in self._queues:
                        return False
                    if queue.ready():
                        return True
                    change = queue.next_change()
                    if signal is not None:
                        queue.unwait(signal)
                    signal = queue.waiter()
                left = deadline - clock.now().timestamp()
                if left <= 0:
                    return False
                signal.wait(left if change is None else min(left, change + 0.001))
            return False
        finally:
            if signal is not None:
                with self._lock:
                    queue.unwait(signal)

    def _bury(self, queue: Queue, row: dict[str, Any]) -> bool:
        """Move a message that was received too often; False if its dead-letter queue is gone."""
        redrive = queue.redrive
        dead = self._queues.get(redrive[0].rpartition(":")[2]) if redrive else None
        if dead is None:
            return False
        dead.put({**row, "queue": dead.name, "source": queue.arn})
        return True

    # Queues

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
        with self._lock:
            known = self._queues.get(name)
            if known is not None:
                for attribute, value in given.items():
                    if known.row["attributes"].get(attribute) != value:
                        raise AwsError(
                            "QueueNameExists",
                            "A queue already exists with the same name and a different value "
                            f"for attribute {attribute}",
                        )
                return {"QueueUrl": self.url(name)}
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
            self._rows[name] = row
            self._queues[name] = self._queue(row)
        return {"QueueUrl": self.url(name)}

    def _check_redrive(self, given: dict[str, str], name: str) -> None:
        if not given.get("RedrivePolicy"):
            return
        arn = json.loads(given["RedrivePolicy"])["deadLetterTargetArn"]
        dead = arn.rpartition(":")[2]
        reason = ""
        if dead not in self._queues:
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
        queue = self._of(request)
        with self._lock:
            self._queues.pop(queue.name, None)
            self._rows.pop(queue.name, None)
            queue.erase()

    @operation
    def get_queue_url(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return {"QueueUrl": self.url(self._named(request["QueueName"]).name)}

    @operation
    def list_queues(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("QueueNamePrefix") or ""
        with self._lock:
            names = sorted(name for name in self._queues if name.startswith(prefix))
        return self._page(names, request, "QueueUrls")

    def _page(self, names: list[str], request: dict[str, Any], member: str) -> dict[str, Any]:
        after = request.get("NextToken") or ""
        most = request.get("MaxResults")
        names = [name for name in names if name > after]
        page = names[: most or 1000]
        answer: dict[str, Any] = {}
        if page or member == "queueUrls":
            answer[member] = [self.url(name) for name in page]
        if most and len(names) > most:
            answer["NextToken"] = page[-1]
        return answer

    @operation
    def get_queue_attributes(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self._of(request)
        with self._lock:
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
        queue = self._of(request)
        given = request["Attributes"]
        if "FifoQueue" in given:
            raise AwsError("InvalidAttributeName", "Unknown Attribute FifoQueue.")
        given = checked(dict(given), fifo=queue.fifo)
        with self._lock:
            self._check_redrive(given, queue.name)
            attributes = {**queue.row["attributes"], **given}
            queue.row["attributes"] = {
                name: value for name, value in attributes.items() if value != ""
            }
            queue.row["modified"] = str(int(call.time.timestamp()))
            self._rows.save(queue.name)

    @operation
    def purge_queue(self, call: Call, request: dict[str, Any]) -> None:
        queue = self._of(request)
        now = call.time.timestamp()
        with self._lock:
            if now - queue.row["purged"] < 60:
                raise AwsError(
                    "PurgeQueueInProgress",
                    f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
                    403,
                )
            queue.row["purged"] = now
            self._rows.save(queue.name)
            queue.purge()

    @operation
    def list_dead_letter_source_queues(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        arn = self._of(request).arn
        with self._lock:
            names = sorted(
                queue.name
                for queue in self._queues.values()
                if queue.redrive and queue.redrive[0] == arn
            )
        return self._page(names, request, "queueUrls")

    @operation
    def tag_queue(self, call: Call, request: dict[str, Any]) -> None:
        queue = self._of(request)
        with self._lock:
            queue.row["tags"].update(request["Tags"])
            self._rows.save(queue.name)

    @operation
    def untag_queue(self, call: Call, request: dict[str, Any]) -> None:
        queue = self._of(request)
        with self._lock:
            for key in request["TagKeys"]:
                queue.row["tags"].pop(key, None)
            self._rows.save(queue.name)

    @operation
    def list_queue_tags(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return {"Tags": dict(self._of(request).row["tags"])}

    @operation
    def add_permission(self, call: Call, request: dict[str, Any]) -> None:
        queue = self._of(request)
        with self._lock:
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
            self._rows.save(queue.name)

    @operation
    def remove_permission(self, call: Call, request: dict[str, Any]) -> None:
        queue = self._of(request)
        with self._lock:
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
            self._rows.save(queue.name)

    # Messages

    @operation
    def send_message(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self._of(request)
        with self._lock:
            return messages.send(queue, call, request)

    @operation
    def send_message_batch(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self._of(request)
        entries = request["Entries"]
        _check_batch(entries)
        if sum(messages.size_of(entry) for entry in entries) > MAX_MESSAGE_BYTES:
            raise AwsError(
                "BatchRequestTooLong",
                f"Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes.",
            )

        def one(entry: dict[str, Any]) -> dict[str, Any]:
            return messages.send(queue, call, entry)

        return self._batch(entries, one)

    @operation
    def receive_message(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self._of(request)
        most = request.get("MaxNumberOfMessages", 1)
        if not 1 <= most <= 10:
            raise _out_of_range("MaxNumberOfMessages", most, 1, 10)
        timeout = request.get("VisibilityTimeout")
        timeout = queue.number("VisibilityTimeout") if timeout is None else timeout
        if not 0 <= timeout <= 43_200:
            raise _out_of_range("VisibilityTimeout", timeout, 0, 43_200)
        patience = request.get("WaitTimeSeconds")
        patience = queue.number("ReceiveMessageWaitTimeSeconds") if patience is None else patience
        if not 0 <= patience <= 20:
            raise _out_of_range("WaitTimeSeconds", patience, 0, 20)
        clock = self.cloud.clock
        deadline = clock.now().timestamp() + patience
        while True:
            with self._lock:
                taken = queue.take(most, timeout, self._bury)
            left = deadline - clock.now().timestamp()
            if taken or left <= 0 or not self._wait(queue, left):
                break
        return {"Messages": [messages.shown(row, request) for row in taken]} if taken else {}

    @operation
    def delete_message(self, call: Call, request: dict[str, Any]) -> None:
        queue = self._of(request)
        with self._lock:
            queue.delete(request["ReceiptHandle"])

    @operation
    def delete_message_batch(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self._of(request)
        _check_batch(request["Entries"])

        def one(entry: dict[str, Any]) -> dict[str, Any]:
            queue.delete(entry["ReceiptHandle"])
            return {}

        return self._batch(request["Entries"], one)

    @operation
    def change_message_visibility(self, call: Call, request: dict[str, Any]) -> None:
        queue = self._of(request)
        with self._lock:
            _hide(queue, request)

    @operation
    def change_message_visibility_batch(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        queue = self._of(request)
        _check_batch(request["Entries"])

        def one(entry: dict[str, Any]) -> dict[str, Any]:
            _hide(queue, entry)
            return {}

        return self._batch(request["Entries"], one)

    def _batch(self, entries: list[dict[str, Any]], one: Any) -> dict[str, Any]:
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                with self._lock:
                    done.append({"Id": entry["Id"], **one(entry)})
            except AwsError as error:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "SenderFault": error.status < 500,
                        "Code": error.code,
                        "Message": error.message,
                    }
                )
        return {"Successful": done, "Failed": failed}

    # Redrive

    @operation
    def start_message_move_task(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self.moves.begin(call, request)

    @operation
    def list_message_move_tasks(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self.moves.listed(request)

    @operation
    def cancel_message_move_task(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self.moves.cancel(request)

    def sources_of(self, dead: Queue) -> list[Queue]:
        """Return the queues whose dead letters go to this one."""
        with self._lock:
            return [
                queue
                for queue in self._queues.values()
                if queue.redrive and queue.redrive[0] == dead.arn
            ]


def _hide(queue: Queue, entry: dict[str, Any]) -> None:
    seconds = entry.get("VisibilityTimeout", 0)
    if not 0 <= seconds <= 43_200:
        raise _out_of_range("VisibilityTimeout", seconds, 0, 43_200)
    queue.hide(entry["ReceiptHandle"], seconds)


def _out_of_range(name: str, value: int, low: int, high: int) -> AwsError:
    return AwsError(
        "InvalidParameterValue",
        f"Value {value} for parameter {name} is invalid. "
        f"Reason: Must be between {low} and {high}, if provided.",
    )


def _check_batch(entries: list[dict[str, Any]]) -> None:
    if not entries:
        raise AwsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > 10:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are 10. You have sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        if not _ENTRY_ID.fullmatch(entry["Id"]):
            raise AwsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long.",
            )
        if entry["Id"] in seen:
            raise AwsError("BatchEntryIdsNotDistinct", f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])
