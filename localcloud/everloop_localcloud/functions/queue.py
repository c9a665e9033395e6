"""Asynchronous invocations: kept until they succeed, their retries run out, or they are too old."""

import json
import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from queue import SimpleQueue
from typing import Any

from everloop_localcloud.delivery.calls import Letter, Sender, call_arn
from everloop_localcloud.functions.environment import Outcome
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

log = logging.getLogger(__name__)

_DELAYS = (60.0, 120.0)  # before the first and the second retry, in cloud seconds
_THROTTLE_FIRST, _THROTTLE_MOST = 1.0, 300.0
_MAX_AGE = 21600
_MAX_RETRIES = 2

Run = Callable[[str, bytes, str], Outcome]


class EventQueue:
    """A persistent queue with as many workers as there are slots for environments.

    `run` runs a function once; `settings` gives its asynchronous settings, or None once it is gone.
    """

    def __init__(
        self,
        cloud: Account,
        workers: int,
        run: Run,
        settings: Callable[[str], dict[str, Any] | None],
        count: Callable[..., None],
    ) -> None:
        self._cloud = cloud
        self._workers = workers
        self._run = run
        self._settings = settings
        self._count = count
        self._rows = cloud.store.table("lambda.events")
        self._lock = threading.Lock()
        self._started = 0
        self._idle = 0
        self._due: SimpleQueue[str | None] = SimpleQueue()
        self._stopped = threading.Event()

    def start(self) -> None:
        """Take up what was waiting or running when the cloud ended."""
        for key in sorted(self._rows, key=lambda key: self._rows[key]["At"]):
            self._schedule(key)

    def stop(self) -> None:
        self._stopped.set()
        for _ in range(self._started):
            self._due.put(None)

    def put(self, function: str, payload: bytes) -> str:
        """Keep an event for a function; it is safe once this returns."""
        key = str(uuid.uuid4())
        now = self._cloud.clock.now()
        self._rows[key] = {
            "Function": function,
            "Payload": payload,
            "At": now,
            "Due": now,
            "Tries": 0,
            "Throttles": 0,
        }
        self._count(function, AsyncEventsReceived=1)
        self._schedule(key)
        return key

    def holds(self, function: str, payload: bytes) -> bool:
        """Whether a function has not ended yet what this payload asks for."""
        rows = list(self._rows.values())
        return any(row["Function"] == function and row["Payload"] == payload for row in rows)

    def _schedule(self, key: str) -> None:
        due: datetime = self._rows[key]["Due"]
        if due <= self._cloud.clock.now():
            self._ready(key)
        else:
            self._cloud.clock.at(due, lambda: self._ready(key))

    def _ready(self, key: str) -> None:
        with self._lock:
            if self._stopped.is_set():
                return
            start = self._started < self._workers and self._idle <= self._due.qsize()
            if start:
                self._started += 1
        self._due.put(key)
        if start:
            threading.Thread(target=self._work, name="lambda-events", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            key = self._due.get()
            with self._lock:
                self._idle -= 1
            if key is None or self._stopped.is_set():
                return
            try:
                self._attempt(key)
            except Exception:
                if self._stopped.is_set():
                    return
                log.exception("asynchronous invocation %s failed; it is tried again", key)
                self._again(key, self._rows[key], _THROTTLE_MOST)

    def _attempt(self, key: str) -> None:
        row = self._rows[key]
        settings = self._settings(row["Function"])
        if settings is None:
            del self._rows[key]  # the function was deleted: its events go with it
            return
        age = (self._cloud.clock.now() - row["At"]).total_seconds()
        if row["Tries"] + row["Throttles"] and age > settings.get(
            "MaximumEventAgeInSeconds", _MAX_AGE
        ):
            self._give_up(key, row, settings, "EventAgeExceeded", None)
            return
        try:
            outcome = self._run(row["Function"], row["Payload"], key)
        except AwsError as error:
            if self._settings(row["Function"]) is None:
                del self._rows[key]
                return
            log.debug("asynchronous invocation of %s waits: %s", row["Function"], error)
            row["Throttles"] += 1
            wait = min(_THROTTLE_FIRST * 2 ** (row["Throttles"] - 1), _THROTTLE_MOST)
            self._again(key, row, wait)
            return
        if self._stopped.is_set():
            return  # the process was killed with the cloud: the event is run again after its start
        row["Tries"] += 1
        if outcome.error is None:
            self._deliver(row, key, settings, "OnSuccess", "Success", outcome)
            del self._rows[key]
        elif row["Tries"] > settings.get("MaximumRetryAttempts", _MAX_RETRIES):
            self._give_up(key, row, settings, "RetriesExhausted", outcome)
        else:
            row["Throttles"] = 0
            row["Last"] = {"Payload": outcome.payload, "Error": outcome.error}
            self._again(key, row, _DELAYS[row["Tries"] - 1])

    def _again(self, key: str, row: dict[str, Any], seconds: float) -> None:
        row["Due"] = self._cloud.clock.now() + timedelta(seconds=seconds)
        self._rows[key] = row
        self._schedule(key)

    def _give_up(
        self,
        key: str,
        row: dict[str, Any],
        settings: dict[str, Any],
        condition: str,
        outcome: Outcome | None,
    ) -> None:
        if outcome is None and "Last" in row:
            outcome = Outcome(row["Last"]["Payload"], row["Last"]["Error"])
        self._count(row["Function"], AsyncEventsDropped=1)
        self._dead_letter(row, key, settings, outcome)
        self._deliver(row, key, settings, "OnFailure", condition, outcome)
        del self._rows[key]

    def _dead_letter(
        self, row: dict[str, Any], key: str, settings: dict[str, Any], outcome: Outcome | None
    ) -> None:
        target = settings.get("DeadLetterConfig", {}).get("TargetArn")
        if not target:
            return
        failure = _json(outcome.payload) if outcome is not None else {}
        message = str(failure.get("errorMessage", "")) if isinstance(failure, dict) else ""
        attributes = {
            "RequestID": key,
            "ErrorCode": "200" if outcome is not None else "429",
            "ErrorMessage": message[:1024] or "none",
        }
        typed = {
            name: {"DataType": "Number" if name == "ErrorCode" else "String", "StringValue": value}
            for name, value in attributes.items()
        }
        self._send(row["Function"], target, row["Payload"].decode(), settings, typed)

    def _deliver(
        self,
        row: dict[str, Any],
        key: str,
        settings: dict[str, Any],
        when: str,
        condition: str,
        outcome: Outcome | None,
    ) -> None:
        target = settings.get("DestinationConfig", {}).get(when, {}).get("Destination")
        if not target:
            return
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": _iso(self._cloud.clock.now()),
            "requestContext": {
                "requestId": key,
                "functionArn": settings["FunctionArn"] + ":$LATEST",
                "condition": condition,
                "approximateInvokeCount": row["Tries"],
            },
            "requestPayload": json.loads(row["Payload"]),
        }
        if outcome is not None:
            context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
            if outcome.error is not None:
                context["functionError"] = outcome.error
            record["responseContext"] = context
            record["responsePayload"] = _json(outcome.payload)
        self._send(row["Function"], target, json.dumps(record), settings, None, condition)

    def _send(
        self,
        function: str,
        target: str,
        body: str,
        settings: dict[str, Any],
        attributes: dict[str, Any] | None,
        condition: str = "",
    ) -> None:
        """Send to a queue, topic, function or bus, as the function's role."""
        try:
            self._call(target, body, attributes or {}, condition, settings)
        except AwsError as error:
            # AWS drops the record, too, and counts it: that is what its alarm is for.
            log.error("%s could not send to %s: %s", function, target, error)
            if attributes is None:
                self._count(function, DestinationDeliveryFailures=1)
            else:
                self._count(function, DeadLetterErrors=1)

    def _call(
        self,
        target: str,
        body: str,
        attributes: dict[str, Any],
        condition: str,
        settings: dict[str, Any],
    ) -> None:
        service = target.split(":")[2]
        if service in ("sqs", "sns", "lambda"):
            letter = Letter(body, attributes=attributes)
            call_arn(self._cloud, target, letter, Sender(settings["Role"]))
            return
        if service != "events":
            trouble = f"{target} is no queue, topic, function or bus"
            raise AwsError("InvalidParameterValueException", trouble)
        result = "Success" if condition == "Success" else "Failure"
        entry = {
            "Source": "lambda",
            "DetailType": f"Lambda Function Invocation Result - {result}",
            "Detail": body,
            "EventBusName": target,
            "Resources": [target, settings["FunctionArn"] + ":$LATEST"],
        }
        request = {"Entries": [entry]}
        answer = self._cloud.call("events", "PutEvents", request, role_arn=settings["Role"])
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise AwsError(failed["ErrorCode"], failed["ErrorMessage"])


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
