"""Worst moments: what people and events do just when it hurts most.

Each history draws which of these it has. All of them may happen to a stack on AWS: data that comes
as a window closes, an event that comes again, an approval that changes between a look and the call
that rests on it.
"""

import json
from collections import Counter
from typing import Any

from sim.aws.registry import APPROVED, REJECTED

Params = dict[str, Any]
_LOOKERS = ("start_rollout", "plan_release", "judge_candidate", "heed_registry")
_MOST = 6  # of each, in a history


class Moments:
    def __init__(self, account: Any, people: Any) -> None:
        self._account = account
        self._kernel = account.kernel
        self._people = people
        dice = account.kernel.chance("moments")
        self._dice = dice
        self._chances = {
            "drop": dice.choice((0.0, 0.8)),
            "event again": dice.choice((0.0, 0.6)),
            "approval": dice.choice((0.0, 0.0, 0.2)),
            "violation": dice.choice((0.0, 0.6)),
        }
        self._happened: Counter[str] = Counter()
        self._held: set[tuple[str, str]] = set()  # whose next call of what takes long

    def called(self, caller: Any, operation: str, params: Params) -> None:
        """Hear of a call that has just taken effect."""
        if operation == "DescribeModelPackage" and caller.name in _LOOKERS:
            if self._strikes("approval"):
                self._kernel.spawn(lambda: self._change_mind(params["ModelPackageName"]))
        elif operation == "PutItem" and params["Item"]["sk"] == {"S": "TOKEN"}:
            subject = params["Item"]["pk"]["S"].removeprefix("RUN#")
            self._tell_again(subject)

    def answered(self, function: str, event: Any, payload: bytes) -> None:
        """Hear what a function has answered."""
        if function != "freeze_dataset" or not self._strikes("drop"):
            return
        answer = json.loads(payload)
        if not answer["closed"]:  # it looks again by then, and closes what is there
            at = self._kernel.now + answer["wait_seconds"] + self._dice.uniform(-12.0, 2.0)
            self._held.add(
                (self._dice.choice(("collect_data", "freeze_dataset")), "TransactWriteItems")
            )
            model = self._people.model(event["model"])
            self._kernel.at(at, lambda: self._kernel.spawn(lambda: self._people.drop_one(model)))

    def holds(self, function: str, operation: str) -> bool:
        """Whether this call takes long: what it rests on was read, and others write meanwhile."""
        if (function, operation) not in self._held:
            return False
        self._held.remove((function, operation))
        return True

    def trained(self, name: str) -> None:
        """Hear that a pipeline's execution has ended: now is the time when nobody may train."""
        if self._strikes("violation"):
            model = self._people.model(name)
            self._kernel.spawn(lambda: self._people.drop_and_complain(model))

    def _strikes(self, kind: str) -> bool:
        if not self._account.faults.on or self._happened[kind] >= _MOST:
            return False
        if self._dice.random() >= self._chances[kind]:
            return False
        self._happened[kind] += 1
        return True

    def _change_mind(self, arn: str) -> None:
        package = self._account.registry.find(arn)
        if package is not None:
            self._people.set(package, REJECTED if package.approval == APPROVED else APPROVED)

    def _tell_again(self, subject: str) -> None:
        """Let the last event about what somebody begins to wait for come once more."""
        kind, _, name = subject.partition("/")
        field = "EndpointName" if kind == "endpoint" else "pipelineExecutionDisplayName"
        for bus, event in reversed(self._account.bus.sent):
            if event["detail"].get(field) == name:
                if not self._strikes("event again"):
                    return
                self._account.note("event again", f"about {subject}")
                if kind == "endpoint":  # it arrives before what is waited for was asked
                    self._held.add(("start_rollout", "UpdateEndpoint"))
                self._account.bus.put(event, bus)
                return
