"""The operations on messages."""

import re
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sqs import messages
from everloop_localcloud.sqs.attributes import MAX_MESSAGE_BYTES
from everloop_localcloud.sqs.queue import Queue
from everloop_localcloud.sqs.registry import Registry

_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class MessageOperations:
    def __init__(self, cloud: Account, registry: Registry) -> None:
        self.cloud = cloud
        self.registry = registry

    @operation
    def send_message(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self.registry.of(request)
        with self.registry.lock:
            return messages.send(queue, call, request)

    @operation
    def send_message_batch(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self.registry.of(request)
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
        queue = self.registry.of(request)
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
            with self.registry.lock:
                taken = queue.take(most, timeout, self.registry.bury)
            left = deadline - clock.now().timestamp()
            if taken or left <= 0 or not self.registry.wait(queue, left):
                break
        return {"Messages": [messages.shown(row, request) for row in taken]} if taken else {}

    @operation
    def delete_message(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        with self.registry.lock:
            queue.delete(request["ReceiptHandle"])

    @operation
    def delete_message_batch(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        queue = self.registry.of(request)
        _check_batch(request["Entries"])

        def one(entry: dict[str, Any]) -> dict[str, Any]:
            queue.delete(entry["ReceiptHandle"])
            return {}

        return self._batch(request["Entries"], one)

    @operation
    def change_message_visibility(self, call: Call, request: dict[str, Any]) -> None:
        queue = self.registry.of(request)
        with self.registry.lock:
            _hide(queue, request)

    @operation
    def change_message_visibility_batch(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        queue = self.registry.of(request)
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
                with self.registry.lock:
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
