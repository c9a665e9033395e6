"""One queue: its messages, and when each can be seen. The caller holds the service's lock."""

import base64
import binascii
import heapq
import itertools
import uuid
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.clock import Clock, Signal
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.store import Table
from everloop_localcloud.sqs.attributes import redrive_of
from everloop_localcloud.sqs.lines import FifoLine, Line, Rows, StandardLine

DEDUPLICATION_SECONDS = 300
MOST_IN_FLIGHT = 120_000
_IDLE_MEASUREMENTS = 15  # AWS goes on for six hours; that is a lot of zeros to keep


class Queue:
    """Messages are rows of one table, keyed `<queue>/<message id>`; times are epoch seconds."""

    def __init__(self, row: dict[str, Any], clock: Clock, messages: Table, seen: Table) -> None:
        self.row = row
        self._clock = clock
        self._messages = messages
        self._seen = seen
        self.rows: Rows = {}
        self.fifo = row["attributes"].get("FifoQueue") == "true"
        self._line: Line = FifoLine(self.rows) if self.fifo else StandardLine(self.rows)
        self._later: list[tuple[float, int, str]] = []
        self._tie = itertools.count()
        self.in_flight: set[str] = set()
        self.delayed: set[str] = set()
        self._waiters: set[Signal] = set()
        self._duplicates: dict[str, dict[str, Any]] = {}
        self.counted = {"Sent": 0, "Received": 0, "Deleted": 0}  # since the last measurement
        self._idle = 0

    @property
    def name(self) -> str:
        return str(self.row["name"])

    @property
    def arn(self) -> str:
        return str(self.row["arn"])

    def number(self, attribute: str) -> int:
        return int(self.row["attributes"][attribute])

    @property
    def redrive(self) -> tuple[str, int] | None:
        """The ARN of the dead-letter queue and the number of receives before it."""
        text = self.row["attributes"].get("RedrivePolicy")
        return redrive_of(text) if text else None

    def visible(self) -> int:
        self.settle()
        return len(self.rows) - len(self.in_flight) - len(self.delayed)

    # Sending

    def restore(self, key: str, row: dict[str, Any]) -> None:
        """Take a stored message up again after a restart; rows come in their order."""
        self.rows[key] = row
        if row["visible_at"] > self._now():
            (self.in_flight if row["receipt"] else self.delayed).add(key)
            if row["receipt"]:
                self._line.occupy(row)
            self._wait_until(row["visible_at"], key)
        else:
            self._line.add(key)

    def restore_duplicate(self, key: str, entry: dict[str, Any]) -> None:
        self._duplicates[key] = entry

    def duplicate_of(self, key: str) -> dict[str, Any] | None:
        """Return the earlier message's entry, if this deduplication id was seen in 5 minutes."""
        limit = self._now() - DEDUPLICATION_SECONDS
        while self._duplicates:
            oldest = next(iter(self._duplicates))
            if self._duplicates[oldest]["at"] >= limit:
                break
            del self._duplicates[oldest]
            self._seen.pop(f"{self.name}/{oldest}", None)
        return self._duplicates.get(key)

    def remember(self, key: str, entry: dict[str, Any]) -> None:
        self._duplicates[key] = {**entry, "at": self._now()}
        self._seen[f"{self.name}/{key}"] = self._duplicates[key]

    def put(self, row: dict[str, Any], delay: float = 0) -> None:
        """Store a message; it is safe once this returns."""
        key = f"{self.name}/{row['id']}"
        row["visible_at"] = self._now() + delay
        row["receipt"] = ""
        self._messages[key] = row
        self.rows[key] = row
        self.counted["Sent"] += 1
        if delay > 0:
            self.delayed.add(key)
            self._wait_until(row["visible_at"], key)
        else:
            self._line.add(key)
        self.wake()

    # Receiving

    def take(
        self, most: int, timeout: float, bury: Callable[["Queue", dict[str, Any]], bool]
    ) -> list[dict[str, Any]]:
        """Receive up to `most` messages; `bury` takes those that were received too often."""
        self.settle()
        if not self.fifo and len(self.in_flight) >= MOST_IN_FLIGHT:
            raise AwsError(
                "OverLimit", f"{self.name} has {MOST_IN_FLIGHT} messages in flight.", 403
            )
        redrive = self.redrive
        taken: list[dict[str, Any]] = []
        while len(taken) < most:
            keys = self._line.take(most - len(taken))
            if not keys:
                break
            for key in keys:
                row = self.rows[key]
                if redrive and row["receives"] >= redrive[1] and bury(self, dict(row)):
                    self._line.release(row)
                    self._forget(key)
                    continue
                now = self._now()
                row["receives"] += 1
                row["first_received"] = row["first_received"] or now
                row["visible_at"] = now + timeout
                row["receipt"] = self._receipt(row)
                self.in_flight.add(key)
                self._wait_until(row["visible_at"], key)
                self._messages.save(key)
                taken.append(dict(row))
        self.counted["Received"] += len(taken)
        return taken

    def delete(self, receipt: str) -> None:
        key = self._key_of(receipt)
        row = self.rows.get(key)
        self.settle()
        if row is None or row["receipt"] != receipt or key not in self.rows:
            return  # deleted before, or received again since: AWS answers success
        if self.fifo and key not in self.in_flight:
            raise AwsError(
                "InvalidParameterValue",
                f"Value {receipt} for parameter ReceiptHandle is invalid. "
                "Reason: The receipt handle has expired.",
            )
        if key in self.in_flight:
            self._line.release(row)
        self._forget(key)
        self.counted["Deleted"] += 1
        self.wake()

    def hide(self, receipt: str, seconds: float) -> None:
        """Let a message in flight become visible in `seconds` from now."""
        key = self._key_of(receipt)
        self.settle()
        row = self.rows.get(key)
        if row is None or row["receipt"] != receipt or key not in self.in_flight:
            raise AwsError(
                "MessageNotInflight",
                f"Value {receipt} for parameter ReceiptHandle is invalid. "
                "Reason: Message does not exist or is not available for visibility timeout change.",
            )
        row["visible_at"] = self._now() + seconds
        self._messages.save(key)
        self._wait_until(row["visible_at"], key)
        if seconds <= 0:
            self.settle()
        self.wake()

    def purge(self) -> None:
        for key in list(self.rows):
            if key in self.in_flight:
                self._line.release(self.rows[key])
            self._forget(key)

    def erase(self) -> None:
        """Forget everything: the queue is deleted."""
        self.purge()
        for key in self._duplicates:
            self._seen.pop(f"{self.name}/{key}", None)
        self.wake()

    # Time

    def settle(self) -> None:
        """Let messages appear whose time has come, and drop those past their retention."""
        now = self._now()
        while self._later and self._later[0][0] <= now:
            when, _, key = heapq.heappop(self._later)
            row = self.rows.get(key)
            if row is None or row["visible_at"] != when:
                continue
            if key in self.in_flight:
                self.in_flight.discard(key)
                self._line.release(row)
                self._line.add(key)
            elif key in self.delayed:
                self.delayed.discard(key)
                self._line.add(key)
        limit = now - self.number("MessageRetentionPeriod")
        while self.rows:
            oldest = next(iter(self.rows))
            if self.rows[oldest]["sent"] >= limit:
                break
            if oldest in self.in_flight:
                self._line.release(self.rows[oldest])
            self._forget(oldest)

    def measure(self) -> dict[str, tuple[float, str]]:
        """Return value and unit of the metrics that SQS reports every minute; starts new counts.

        A queue where nothing happens is reported for some minutes more, then no longer.
        """
        visible = self.visible()
        oldest = next(iter(self.rows.values()), None)
        age = max(0.0, self._now() - oldest["sent"]) if oldest else 0.0
        measured = {
            "ApproximateNumberOfMessagesVisible": (float(visible), "Count"),
            "ApproximateNumberOfMessagesNotVisible": (float(len(self.in_flight)), "Count"),
            "ApproximateNumberOfMessagesDelayed": (float(len(self.delayed)), "Count"),
            "ApproximateAgeOfOldestMessage": (float(int(age)), "Seconds"),
        }
        for verb, number in self.counted.items():
            measured[f"NumberOfMessages{verb}"] = (float(number), "Count")
            self.counted[verb] = 0
        self._idle = 0 if any(value for value, _ in measured.values()) else self._idle + 1
        return measured if self._idle <= _IDLE_MEASUREMENTS else {}

    def ready(self) -> bool:
        self.settle()
        return bool(self._line)

    def next_change(self) -> float | None:
        """Seconds until a message that is hidden now can be seen."""
        return max(0.0, self._later[0][0] - self._now()) if self._later else None

    def waiter(self) -> Signal:
        """Return a signal that is set when a message may be there; pass it to `unwait` later."""
        signal = self._clock.signal()
        self._waiters.add(signal)
        return signal

    def unwait(self, signal: Signal) -> None:
        self._waiters.discard(signal)

    def wake(self) -> None:
        for signal in self._waiters:
            signal.set()

    def _wait_until(self, when: float, key: str) -> None:
        heapq.heappush(self._later, (when, next(self._tie), key))

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _forget(self, key: str) -> None:
        self.rows.pop(key, None)
        self.in_flight.discard(key)
        self.delayed.discard(key)
        self._messages.pop(key, None)

    def _receipt(self, row: dict[str, Any]) -> str:
        return base64.b64encode(f"{uuid.uuid4()} {self.arn} {row['id']}".encode()).decode()

    def _key_of(self, receipt: str) -> str:
        try:
            _, arn, message = base64.b64decode(receipt, validate=True).decode().split(" ")
        except (binascii.Error, ValueError):
            arn = message = ""
        if arn != self.arn:
            raise AwsError(
                "ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not valid.', 404
            )
        return f"{self.name}/{message}"
