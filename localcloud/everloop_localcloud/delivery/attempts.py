"""Deliveries that survive SIGKILL: at least once, retried with backoff, then dead letters.

A delivery is stored before `add` returns and forgotten once its target took it or it was given up.
"""

import logging
import queue
import random
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from everloop_localcloud.delivery.calls import Letter, Sender, attribute, call_arn
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

log = logging.getLogger(__name__)

Delivery = dict[str, Any]
Outcome = Literal["delivered", "to be tried again", "given up", "dead letter", "no dead letter"]

_WORKERS = 8
_OWN_RETRIES = 3  # after a failure of the cloud itself
_LONGEST_PAUSE = 480.0  # about 24 h over 185 attempts, EventBridge's own default


class Undeliverable(Exception):
    """A target that will never take this; retrying cannot help."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def verdict(error: AwsError) -> tuple[str, bool]:
    """Return EventBridge's code for a target's error, and whether it is worth a retry."""
    code = error.code
    if error.status == 501:
        return "SDK_CLIENT_ERROR", False
    if "Throttl" in code or "TooManyRequests" in code:
        return "THROTTLING", True
    if "LimitExceeded" in code or "QuotaExceeded" in code:
        return "RESOURCE_LIMIT_EXCEEDED", True
    if error.status >= 500 or "NotReady" in code:
        return "ERROR_FROM_TARGET", True
    if "Conflict" in code or "ConcurrentModification" in code:
        return "RESOURCE_MODIFICATION_COLLISION", True
    if "AccessDenied" in code or "NotAuthorized" in code or "Authorization" in code:
        return "NO_PERMISSIONS", False
    if "NotFound" in code or "DoesNotExist" in code or "NonExistent" in code:
        return "NO_RESOURCE", False
    if "AlreadyExists" in code:
        return "RESOURCE_ALREADY_EXISTS", False
    return "INVALID_PARAMETER", False


class Deliveries:
    """A bounded pool that hands deliveries over to their targets.

    `hand_over(delivery)` calls the target and raises AwsError or Undeliverable; `letter(delivery,
    code, message, exhausted)` gives body and message attributes for the dead-letter queue;
    `count(outcome, delivery, code)` measures what became of an attempt.
    A delivery has: `due`, `deadline` (datetimes), `attempts`, `retries`, `dead_letter` (an ARN or
    nothing), `owner` (the ARN of the rule or schedule), and what the caller put into it.
    """

    def __init__(
        self,
        cloud: Account,
        table: str,
        principal: str,
        hand_over: Callable[[Delivery], None],
        letter: Callable[[Delivery, str, str, str], tuple[str, dict[str, str]]],
        count: Callable[[Outcome, Delivery, str], None],
    ) -> None:
        self._cloud = cloud
        self._rows = cloud.store.table(table)
        self._principal = principal
        self._hand_over = hand_over
        self._letter = letter
        self._count = count
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._random = random.Random()

    def start(self) -> None:
        """Start the pool, and take up what was pending."""
        for key, row in sorted(self._rows.items(), key=lambda item: str(item[1]["due"])):
            self._enqueue(key, row)
        for number in range(_WORKERS):
            worker = threading.Thread(target=self._work, name=f"deliver-{number}", daemon=True)
            worker.start()
            self._workers.append(worker)

    def stop(self) -> None:
        self._stopping.set()
        for _ in self._workers:
            self._ready.put(None)
        for worker in self._workers:
            worker.join(5)

    def add(
        self,
        owner: str,
        retry_policy: dict[str, Any],
        dead_letter: str,
        details: dict[str, Any],
        delay: float = 0.0,
    ) -> Delivery:
        """Store a delivery and hand it over after `delay` seconds; it is safe once this returns."""
        now = self._cloud.clock.now()
        key = str(uuid.uuid4())
        age = retry_policy.get("MaximumEventAgeInSeconds", 86_400)
        row = {
            **details,
            "id": key,
            "owner": owner,
            "due": now + timedelta(seconds=delay),
            "deadline": now + timedelta(seconds=age),
            "attempts": 0,
            "retries": retry_policy.get("MaximumRetryAttempts", 185),
            "dead_letter": dead_letter,
        }
        self._rows[key] = row
        self._enqueue(key, row)
        return row

    def pending(self) -> int:
        return len(self._rows)

    def waits(self, id: str) -> bool:
        """Whether a delivery still is to be handed over."""
        return id in self._rows

    def _enqueue(self, key: str, row: Delivery) -> None:
        if row["due"] <= self._cloud.clock.now():
            self._ready.put(key)
        else:
            self._cloud.clock.at(row["due"], lambda: self._ready.put(key))

    def _work(self) -> None:
        self._cloud.started.wait()
        while (key := self._ready.get()) is not None and not self._stopping.is_set():
            row = self._rows.get(key)
            if row is None:
                continue
            try:
                self._deliver(key, row)
            except Exception:
                if not self._stopping.is_set():
                    log.exception("delivery for %s failed in the cloud itself", row["owner"])
                    told = ("INTERNAL_ERROR", "the local cloud failed; see its log")
                    if row["attempts"] < _OWN_RETRIES:
                        self._try_again(key, row, *told)
                    else:  # what fails in here by itself fails the next time, too
                        self._give_up(key, row, *told, "MaximumRetryAttempts")

    def _deliver(self, key: str, row: Delivery) -> None:
        if row["attempts"] and self._cloud.clock.now() >= row["deadline"]:
            self._give_up(key, row, row["code"], row["message"], "MaximumEventAgeInSeconds")
            return
        try:
            self._hand_over(row)
        except Undeliverable as error:
            self._give_up(key, row, error.code, error.message, "")
        except AwsError as error:
            code, again = verdict(error)
            if again:
                self._try_again(key, row, code, error.message)
            else:
                self._give_up(key, row, code, error.message, "")
        else:
            del self._rows[key]
            self._count("delivered", row, "")

    def _try_again(self, key: str, row: Delivery, code: str, message: str) -> None:
        if row["attempts"] >= row["retries"]:
            self._give_up(key, row, code, message, "MaximumRetryAttempts")
            return
        pause = min(_LONGEST_PAUSE, 2.0 ** min(row["attempts"], 16))
        pause *= 0.5 + self._random.random() / 2
        due: datetime = self._cloud.clock.now() + timedelta(seconds=pause)
        self._count("to be tried again", row, code)
        changed = {
            **row,
            "attempts": row["attempts"] + 1,
            "due": min(due, row["deadline"]),
            "code": code,
            "message": message,
        }
        log.info("%s: %s, retry %d in %.0f s", row["owner"], code, changed["attempts"], pause)
        self._rows[key] = changed
        self._enqueue(key, changed)

    def _give_up(self, key: str, row: Delivery, code: str, message: str, exhausted: str) -> None:
        log.warning("%s: gave up: %s: %s", row["owner"], code, message)
        self._count("given up", row, code)
        if row["dead_letter"]:
            body, attributes = self._letter(row, code, message, exhausted)
            try:
                self._bury(row, body, attributes)
            except Exception as error:
                self._count("no dead letter", row, code)
                log.error("%s: no dead letter to %s: %s", row["owner"], row["dead_letter"], error)
            else:
                self._count("dead letter", row, code)
        del self._rows[key]

    def _bury(self, row: Delivery, body: str, attributes: dict[str, str]) -> None:
        letter = Letter(body, attributes={name: attribute(v) for name, v in attributes.items()})
        role = row.get("role")
        sender = Sender(role) if role else Sender(None, self._principal, row["owner"])
        call_arn(self._cloud, row["dead_letter"], letter, sender)
