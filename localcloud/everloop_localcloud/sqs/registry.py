"""All queues of the account: how they are found, waited for, and moved between."""

import threading
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sqs.queue import Queue


class Registry:
    """`lock` guards every queue."""

    def __init__(self, cloud: Account) -> None:
        self.cloud = cloud
        self.lock = threading.RLock()
        self.rows = cloud.store.table("sqs.queues")
        self._messages = cloud.store.table("sqs.messages")
        self._seen = cloud.store.table("sqs.deduplication")
        self.queues: dict[str, Queue] = {}
        self._stopped = threading.Event()
        for name in self.rows:
            self.queues[name] = self._queue(self.rows[name])
        ordered = sorted(self._messages.items(), key=lambda item: int(item[1]["order"]))
        for key, row in ordered:
            self.queues[row["queue"]].restore(key, row)
        for key, entry in sorted(self._seen.items(), key=lambda item: float(item[1]["at"])):
            name, _, seen = key.partition("/")
            self.queues[name].restore_duplicate(seen, entry)

    def start(self) -> None:
        if "cloudwatch" in self.cloud.apis:
            self.cloud.clock.after(60, self._measure)

    def stop(self) -> None:
        self._stopped.set()
        with self.lock:
            for queue in self.queues.values():
                queue.wake()

    def add(self, row: dict[str, Any]) -> None:
        self.rows[row["name"]] = row
        self.queues[row["name"]] = self._queue(row)

    def remove(self, queue: Queue) -> None:
        self.queues.pop(queue.name, None)
        self.rows.pop(queue.name, None)
        queue.erase()

    def save(self, queue: Queue) -> None:
        """Store a queue's row after it was changed in place."""
        self.rows.save(queue.name)

    def by_arn(self, arn: str) -> Queue:
        """Return the queue of this ARN. Raises AwsError QueueDoesNotExist."""
        return self.named(arn.rpartition(":")[2])

    def move(self, source: Queue, destination: str, most: int) -> int:
        """Move up to `most` visible messages; returns how many.

        Without a destination each goes back to the queue it came from. Raises AwsError if that
        cannot be told.
        """
        with self.lock:
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

    def named(self, name: str) -> Queue:
        with self.lock:
            queue = self.queues.get(name)
        if queue is None:
            raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
        return queue

    def of(self, request: dict[str, Any]) -> Queue:
        url = request["QueueUrl"]
        name = url.rstrip("/").rpartition("/")[2]
        if not name or (url.startswith("http") and url.count("/") < 4):
            raise AwsError("InvalidAddress", f"The address {url} is not valid for this endpoint.")
        return self.named(name)

    def wait(self, queue: Queue, seconds: float) -> bool:
        clock = self.cloud.clock
        deadline = clock.now().timestamp() + seconds
        signal = None
        try:
            while not self._stopped.is_set():
                with self.lock:
                    if queue.name not in self.queues:
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
                with self.lock:
                    queue.unwait(signal)

    def bury(self, queue: Queue, row: dict[str, Any]) -> bool:
        """Move a message that was received too often; False if its dead-letter queue is gone."""
        redrive = queue.redrive
        dead = self.queues.get(redrive[0].rpartition(":")[2]) if redrive else None
        if dead is None:
            return False
        dead.put({**row, "queue": dead.name, "source": queue.arn})
        return True

    def sources_of(self, dead: Queue) -> list[Queue]:
        """Return the queues whose dead letters go to this one."""
        with self.lock:
            return [
                queue
                for queue in self.queues.values()
                if queue.redrive and queue.redrive[0] == dead.arn
            ]

    def _measure(self) -> None:
        if self._stopped.is_set():
            return
        with self.lock:
            measured = {name: queue.measure() for name, queue in self.queues.items()}
        for name, metrics in measured.items():
            for metric, (value, unit) in metrics.items():
                self.cloud.measure("AWS/SQS", metric, {"QueueName": name}, value, unit)
        self.cloud.clock.after(60, self._measure)
