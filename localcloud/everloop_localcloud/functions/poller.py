"""Feeding a function from a queue, as Lambda's own pollers do."""

import json
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from everloop_localcloud.functions.environment import Outcome
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

log = logging.getLogger(__name__)

_CONCURRENCY = 5  # batches at once where ScalingConfig says nothing: where AWS's pollers begin
_LARGEST_BATCH = 6_000_000  # bytes of message bodies; an invocation takes 6 MB
_LONG_POLL = 20.0
_LONGEST_VISIBILITY = 43_200
_BACKOFF_MOST = 30.0


class Poller:
    """One mapping at work. Messages that fail come back when their visibility timeout ends.

    A function runs in real seconds. Where the cloud's clock is faster, a message being worked on
    stays hidden for that many times its queue's timeout, so that it is not delivered twice.
    """

    def __init__(
        self,
        cloud: Account,
        mapping: dict[str, Any],
        run: Callable[[str, bytes], Outcome],
        note: Callable[[str, str], None],
        role: Callable[[str], str],
    ) -> None:
        self._cloud = cloud
        self._mapping = mapping
        self._run = run
        self._note = note
        self._role = role
        self._queue = {"QueueUrl": mapping["EventSourceArn"].rpartition(":")[2]}
        most = mapping.get("ScalingConfig", {}).get("MaximumConcurrency", _CONCURRENCY)
        self._slots = threading.Semaphore(most)
        self._stopped = threading.Event()
        self._failures = 0

    def start(self) -> None:
        threading.Thread(target=self._poll, name="poller", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _poll(self) -> None:
        while not self._stopped.is_set():
            # A slot first: messages that nobody can work on stay in the queue.
            if not self._slots.acquire(timeout=1.0):
                continue
            handed_over = False
            try:
                batch = self._gather()
                if batch:
                    self._cloud.spawn(self._work, batch, name="poller-batch")
                    handed_over = True
            except AwsError as error:
                if self._stopped.is_set():
                    return
                self._fail(f"PROBLEM: {error.message}")
            except Exception:
                if self._stopped.is_set():
                    return
                log.exception("polling %s failed", self._mapping["EventSourceArn"])
                self._fail("PROBLEM: internal error")
            finally:
                if not handed_over:
                    self._slots.release()
            if self._failures:
                pause = self._cloud.clock.real(min(2.0 ** (self._failures - 1), _BACKOFF_MOST))
                self._stopped.wait(pause)

    def _gather(self) -> list[dict[str, Any]]:
        """Wait for messages; return a batch once it is full or its window is over."""
        size: int = self._mapping["BatchSize"]
        visibility = self._visibility()
        self._await(_LONG_POLL * max(1.0, self._cloud.clock.speed))
        if self._stopped.is_set():
            return []
        batch = self._receive(min(10, size), visibility)
        window = timedelta(seconds=self._mapping["MaximumBatchingWindowInSeconds"])
        end = self._cloud.clock.now() + window
        while batch and len(batch) < size and not self._stopped.is_set():
            if sum(len(message["Body"]) for message in batch) > _LARGEST_BATCH - 1_100_000:
                break  # the next message might not fit
            left = (end - self._cloud.clock.now()).total_seconds()
            more = self._receive(min(10, size - len(batch)), visibility) if window else []
            batch += more
            if not more:
                if left <= 0:
                    break
                self._await(left)
        return batch

    def _visibility(self) -> int | None:
        if self._cloud.clock.speed <= 1:
            return None
        request = {**self._queue, "AttributeNames": ["VisibilityTimeout"]}
        attributes = self._cloud.call("sqs", "GetQueueAttributes", request)["Attributes"]
        return int(attributes["VisibilityTimeout"])

    def _as(self) -> str:
        """Return the function's role, as which AWS polls."""
        return self._role(self._mapping["Function"])

    def _await(self, seconds: float) -> None:
        queues = self._cloud.apis["sqs"]
        queues.wait_for_messages(self._mapping["EventSourceArn"], seconds)

    def _receive(self, most: int, visibility: int | None) -> list[dict[str, Any]]:
        request = {
            **self._queue,
            "MaxNumberOfMessages": most,
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
            "WaitTimeSeconds": 0,
        }
        if visibility is not None:
            hidden = int(max(1, visibility) * self._cloud.clock.speed)
            request["VisibilityTimeout"] = min(_LONGEST_VISIBILITY, hidden)
        answer = self._cloud.call("sqs", "ReceiveMessage", request, role_arn=self._as())
        return list(answer.get("Messages") or [])

    def _work(self, batch: list[dict[str, Any]]) -> None:
        try:
            self._process(batch)
        except AwsError as error:
            self._return(batch)
            self._fail(f"PROBLEM: {error.message}")
        finally:
            self._slots.release()

    def _process(self, batch: list[dict[str, Any]]) -> None:
        arn, region = self._mapping["EventSourceArn"], self._cloud.region
        event = {"Records": [_record(message, arn, region) for message in batch]}
        outcome = self._run(self._mapping["Function"], json.dumps(event).encode())
        if outcome.error is not None:
            failed = {message["MessageId"] for message in batch}
        elif "ReportBatchItemFailures" in self._mapping["FunctionResponseTypes"]:
            failed = _failures(outcome.payload, [message["MessageId"] for message in batch])
        else:
            failed = set()
        self._delete([message for message in batch if message["MessageId"] not in failed])
        self._return([message for message in batch if message["MessageId"] in failed])
        if len(failed) == len(batch):
            self._fail("PROBLEM: Function call failed")
        else:
            self._failures = 0
            self._note(self._mapping["UUID"], "OK")

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        for first in range(0, len(messages), 10):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages[first : first + 10])
            ]
            request = {**self._queue, "Entries": entries}
            answer = self._cloud.call("sqs", "DeleteMessageBatch", request, role_arn=self._as())
            for failure in answer.get("Failed") or []:
                log.warning("a message of %s was not deleted: %s", self._queue, failure)

    def _return(self, messages: list[dict[str, Any]]) -> None:
        """Let messages come back after the queue's own timeout, where they were hidden longer."""
        visibility = self._visibility()
        if visibility is None:
            return
        for message in messages:
            try:
                self._cloud.call(
                    "sqs",
                    "ChangeMessageVisibility",
                    {
                        **self._queue,
                        "ReceiptHandle": message["ReceiptHandle"],
                        "VisibilityTimeout": visibility,
                    },
                )
            except AwsError as error:
                log.debug("a message of %s is visible already: %s", self._queue, error)

    def _fail(self, result: str) -> None:
        self._failures += 1
        self._note(self._mapping["UUID"], result)


def _record(message: dict[str, Any], arn: str, region: str) -> dict[str, Any]:
    """Return a message as a function gets it: lower camel case."""
    attributes = {}
    for name, value in (message.get("MessageAttributes") or {}).items():
        attributes[name] = {
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        if "StringValue" in value:
            attributes[name]["stringValue"] = value["StringValue"]
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": region,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _failures(payload: bytes, sent: list[str]) -> set[str]:
    """Return the messages that the function reports as failed; all, if the report is malformed.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    try:
        answer = json.loads(payload or b"null")
    except ValueError:
        return set(sent)
    if not answer:
        return set()
    if not isinstance(answer, dict):
        return set(sent)
    reported = answer.get("batchItemFailures")
    if not reported:
        return set()
    try:
        failed = {item["itemIdentifier"] for item in reported}
    except (KeyError, TypeError):
        return set(sent)
    return failed if failed <= set(sent) else set(sent)
