"""EventBridge, SQS and Lambda's own queue: how events come, late, twice, disordered or never."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from everloop_localcloud.events.patterns import flatten
from everloop_localcloud.kernel.clock import stamp
from proofs.sim.stack import Mapping, Rule
from proofs.template import ACCOUNT, REGION

Event = dict[str, Any]
# What AWS promises to deliver at least once; of the rest, a few are lost.
_DURABLE = {"aws.s3", "everloop"}
_RETRY_SECONDS = (60.0, 120.0)  # between asynchronous invocations of a function


_MOST_REDRIVES = 4  # what dies again and again is left for a person to read
POISON = "data/no model_at all/"


@dataclass
class Message:
    id: str
    body: str
    received: int = 0


@dataclass
class _Queue:
    visible: list[Message] = field(default_factory=list)
    busy: int = 0
    polling: bool = False


class Bus:
    """Events in, invocations out. `letters` are the dead: what each dead-letter queue holds."""

    def __init__(self, account: Any) -> None:
        self._account = account
        self._kernel = account.kernel
        self._dice = account.kernel.chance("bus")
        self._queues: dict[str, _Queue] = defaultdict(_Queue)
        self.letters: dict[str, list[str]] = defaultdict(list)
        self.sent: list[tuple[str, Event]] = []  # bus and event, in the order they were put
        self._redriven: Counter[str] = Counter()
        self.handled: set[str] = set()  # ids of events that a function has taken
        self.on_the_way = 0
        self.mute = False  # while nobody hears of what AWS sends as best effort
        self.off: set[str] = set()  # rules that somebody has disabled
        self.unheard: set[str] = set()  # keys of objects that a disabled rule would have told of
        self._ids = 0

    def emit(
        self, source: str, kind: str, detail: Any, resources: Any = (), *, bus: str = "default"
    ) -> Event:
        """Put an event on a bus."""
        self._ids += 1
        event = {
            "version": "0",
            "id": f"event-{self._ids:06d}",
            "detail-type": kind,
            "source": source,
            "account": ACCOUNT,
            "time": stamp(self._kernel.moment()),
            "region": REGION,
            "resources": list(resources),
            "detail": detail,
        }
        self.put(event, bus)
        return event

    def put(self, event: Event, bus: str = "default") -> None:
        """Deliver an event to every rule that it matches, as well as AWS does."""
        self.sent.append((bus, event))
        fields = flatten(event)
        for rule in self._account.stack.rules:
            if rule.bus != bus or not rule.pattern.matches(fields):
                continue
            if rule.name in self.off:
                self.unheard.add(event["detail"]["object"]["key"])
            else:
                self._deliver(rule, event)

    def _deliver(self, rule: Rule, event: Event) -> None:
        faults = self._account.faults
        if event["source"] not in _DURABLE and (self.mute or faults.strikes("lose")):
            self._account.note("event lost", f"{event['detail-type']} for {rule.name}")
            return
        copies = 2 if faults.strikes("duplicate") else 1
        for _ in range(copies):
            delay = self._dice.uniform(0.2, 2.0)
            if faults.strikes("delay"):
                delay += self._dice.choice((10.0, 60.0, 600.0))
            self.on_the_way += 1
            self._kernel.after(delay, lambda: self._hand_over(rule.target, event))

    def _hand_over(self, target: str, event: Event) -> None:
        self.on_the_way -= 1
        if ":sqs:" in target:
            self.send(target, json.dumps(event))
        else:
            self.invoke_later(target, event)

    # Lambda's own queue

    def invoke_later(self, function: str, event: Event) -> None:
        """Invoke a function asynchronously; what fails to the end goes to its queue."""
        self.on_the_way += 1
        try:
            self._tries(function, event)
        finally:
            self.on_the_way -= 1

    def _tries(self, function: str, event: Event) -> None:
        settings = self._account.stack.functions[function]
        for attempt in range(settings.retries + 1):
            outcome = self._account.functions.invoke(function, event)
            if outcome.error is None:
                self.handled.add(event.get("id", ""))
                return
            if attempt < settings.retries:
                self._kernel.pause(_RETRY_SECONDS[attempt])
        self._account.note("dead letter", f"{settings.name}: {outcome.error}")
        self.letters[settings.on_failure].append(json.dumps({"to": function, "event": event}))

    # queues

    def send(self, queue: str, body: str) -> None:
        self._ids += 1
        self._queues[queue].visible.append(Message(f"message-{self._ids:06d}", body))
        self._poll(queue)

    def waiting(self) -> int:
        """Return how many messages are in queues, or being worked on."""
        return sum(len(queue.visible) + queue.busy for queue in self._queues.values())

    def _poll(self, arn: str) -> None:
        queue = self._queues[arn]
        for mapping in self._account.stack.mappings:
            if mapping.queue == arn and not queue.polling:
                queue.polling = True
                self._kernel.after(mapping.window, lambda found=mapping: self._batch(found))

    def _batch(self, mapping: Mapping) -> None:
        queue = self._queues[mapping.queue]
        queue.polling = False
        batch, queue.visible = queue.visible[: mapping.batch], queue.visible[mapping.batch :]
        if queue.visible:
            self._poll(mapping.queue)
        if not batch:
            return
        queue.busy += len(batch)
        for message in batch:
            message.received += 1
        outcome = self._account.functions.invoke(mapping.function, _records(batch, mapping))
        failed = {message.id for message in batch}
        if outcome.error is None:
            answer = json.loads(outcome.payload) or {}
            failed = {each["itemIdentifier"] for each in answer.get("batchItemFailures", ())}
        queue.busy -= len(batch)
        back = [message for message in batch if message.id in failed]
        # Queues promise at least once: now and then a message comes again after it was deleted.
        again = [
            m for m in batch if m.id not in failed and self._account.faults.strikes("duplicate")
        ]
        settings = self._account.stack.queues[mapping.queue]
        for message in [*back, *again]:
            if message.received >= settings.receives:
                self._account.note("dead letter", f"{settings.name}: {message.id}")
                if message in back:
                    self.letters[settings.dead].append(message.body)
                continue
            queue.busy += 1
            self._kernel.after(settings.visibility, lambda m=message: self._again(mapping.queue, m))

    def _again(self, arn: str, message: Message) -> None:
        queue = self._queues[arn]
        queue.busy -= 1
        queue.visible.append(message)
        self._poll(arn)

    # what people do with dead letters

    def redrive(self) -> int:
        """Send every dead letter where it came from; return how many there were.

        What no model can be made of stays dead: people have looked at it.
        """
        count = 0
        letters, self.letters = self.letters, defaultdict(list)
        for queue, bodies in letters.items():
            source = next(
                (arn for arn, q in self._account.stack.queues.items() if q.dead == queue), ""
            )
            self._redriven.update(set(bodies))  # an event that came twice may have died twice
            for body in bodies:
                if POISON in body or self._redriven[body] > _MOST_REDRIVES:
                    self.letters[queue].append(body)
                    continue
                count += 1
                if source:
                    self.send(source, body)
                else:
                    found = json.loads(body)
                    function, event = found["to"], found["event"]
                    self._kernel.spawn(lambda f=function, e=event: self.invoke_later(f, e))
        return count


def _records(batch: list[Message], mapping: Mapping) -> Event:
    return {
        "Records": [
            {
                "messageId": message.id,
                "receiptHandle": message.id,
                "body": message.body,
                "attributes": {"ApproximateReceiveCount": str(message.received)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": mapping.queue,
                "awsRegion": REGION,
            }
            for message in batch
        ]
    }
