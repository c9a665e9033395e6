"""EventBridge: publishing, and what brings its operations together."""

import json
import random
import uuid
from typing import Any, ClassVar

from everloop_localcloud.delivery.attempts import Deliveries, Delivery, Outcome
from everloop_localcloud.events import targets
from everloop_localcloud.events.buses import BusOperations
from everloop_localcloud.events.entries import check_request, event_of, refusal
from everloop_localcloud.events.patterns import compiled, flatten
from everloop_localcloud.events.reads import READS
from everloop_localcloud.events.rulebook import Row, Rulebook, bus_name
from everloop_localcloud.events.rules import RuleOperations
from everloop_localcloud.kernel import surrogates
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.clock import stamp
from everloop_localcloud.kernel.errors import AwsError, validation

# Seconds by which rough events come late: in the middle, and at the most.
_USUALLY_LATE = 5.0
_LATEST = 60.0
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
_COUNTED: dict[Outcome, tuple[str, ...]] = {
    "delivered": ("Invocations",),
    "to be tried again": ("RetryInvocationAttempts",),
    "given up": ("Invocations", "FailedInvocations"),
    "dead letter": ("InvocationsSentToDlq",),
    "no dead letter": ("InvocationsFailedToBeSentToDlq",),
}


class Events(Api):
    service = "events"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "PutTargets": "targets are Lambda, SQS, SNS, Step Functions, SageMaker pipelines, buses "
        "and log groups; any other is refused by name",
        "CreateEventBus": "partner sources, KMS keys, log configuration and bus DLQs are refused",
        "PutPermission": "policies are stored; callers of PutEvents are not judged by them",
        "PutEvents": "EndpointId is refused; TraceHeader is not passed on",
    }
    without_effect: ClassVar[dict[str, str]] = {
        "Force": "there are no managed rules",
    }

    def __init__(self, cloud: Account) -> None:
        self._random = random.Random()
        self.book = Rulebook(cloud, self._scheduled)
        super().__init__(cloud, (RuleOperations(cloud, self.book), BusOperations(self.book)))
        self.deliveries = Deliveries(
            cloud,
            "events.deliveries",
            targets.PRINCIPAL,
            lambda delivery: targets.hand_over(cloud, delivery),
            _letter,
            self._count,
        )

    def _count(self, outcome: Outcome, delivery: Delivery, code: str) -> None:
        rule = delivery["owner"].partition(":rule/")[2]
        bus, _, name = rule.rpartition("/")
        dimensions = {"EventBusName": bus} if bus else {}  # the default bus is not named
        for metric in _COUNTED[outcome]:
            self.cloud.measure("AWS/Events", metric, {**dimensions, "RuleName": name})

    def start(self) -> None:
        self.deliveries.start()
        self.book.start()

    def stop(self) -> None:
        self.deliveries.stop()

    # Publishing

    def publish(self, event: dict[str, Any], bus: str = "default") -> None:
        """Put an event on a bus; once this returns, every delivery it causes is stored."""
        rules = self.book.active(bus)
        if not rules:
            return
        fields = flatten(event)
        for row, pattern in rules:
            if pattern.matches(fields) and not self.cloud.propagation.settles("rule", row["arn"]):
                self._deliver(row, event)
                if self._random.random() < self.cloud.duplicate_events:
                    self._deliver(row, event)

    def _deliver(self, row: Row, event: dict[str, Any]) -> None:
        now = self.cloud.clock.now()
        for target in row["targets"].values():
            self.deliveries.add(
                row["arn"],
                target.get("RetryPolicy") or {},
                (target.get("DeadLetterConfig") or {}).get("Arn", ""),
                {"event": event, "target": target, "ingested": now},
                self._lateness(),
            )

    def _lateness(self) -> float:
        """Return how many seconds one delivery waits: none, or as few events on AWS may."""
        if not self.cloud.rough_events:
            return 0.0
        return min(_LATEST, self._random.expovariate(1 / _USUALLY_LATE))

    def _scheduled(self, row: Row) -> None:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self.cloud.account,
            "time": stamp(row["time"]),
            "region": self.cloud.region,
            "resources": [row["arn"]],
            "detail": {},
        }
        self._deliver(row, event)

    @operation
    def put_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("EndpointId"):
            raise AwsError("NotImplemented", "the local cloud does not honour EndpointId", 501)
        check_request(request["Entries"])
        results: list[dict[str, str]] = []
        for entry in request["Entries"]:
            error = refusal(entry)
            if error:
                results.append(error)
                continue
            event = event_of(entry, call)
            # An unknown bus takes the event and drops it, as AWS does.
            self.publish(event, bus_name(entry.get("EventBusName")))
            results.append({"EventId": event["id"]})
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}

    @operation
    def test_event_pattern(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        pattern = compiled(request["EventPattern"])
        try:
            event = json.loads(request["Event"])
        except ValueError as error:
            raise validation("Parameter Event is not valid.") from error
        if not isinstance(event, dict):
            raise validation("Parameter Event is not valid.")
        return {"Result": pattern.matches(flatten(event))}


def _letter(
    delivery: Delivery, code: str, message: str, exhausted: str
) -> tuple[str, dict[str, str]]:
    attributes = {
        "RULE_ARN": delivery["owner"],
        "TARGET_ARN": delivery["target"]["Arn"],
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "RETRY_ATTEMPTS": str(delivery["attempts"]),
    }
    if exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
    return surrogates.dumps(delivery["event"]), attributes
