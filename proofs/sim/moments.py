"""Worst moments: what people and events do just when it hurts most.

Each history draws which of these it has. All of them may happen to a stack on AWS: data that comes
as a window closes or as older data is written down, an event that comes again, an approval that
changes between a look and the call that rests on it, a function that dies as soon as its effect is
there, a service that breaks down while an endpoint is being created, people who stop a machine and
people who take a death for an answer.
"""

import json
from collections import Counter
from typing import Any

from everloop.records import run, token, window
from everloop.records.keys import partition
from proofs.sim.aws.registry import APPROVED, REJECTED

Params = dict[str, Any]
_TOKEN = token.key("")
_RUN = run.all_of("").prefix
_LOOKERS = ("start_rollout", "plan_release", "judge_candidate", "on_package_changed")
_SERVICES = ("dynamodb", "sagemaker")  # that break down
_MOST = 6  # of each, in a history
# What each function is for: it may die with that done, and be tried again.
_EFFECTS = {
    ("freeze_dataset", "TransactWriteItems"),
    ("start_training", "StartPipelineExecution"),
    ("finish_training", "PutItem"),
    ("judge_candidate", "UpdateModelPackage"),
    ("start_rollout", "CreateEndpointConfig"),
    ("start_rollout", "CreateEndpoint"),
    ("start_rollout", "UpdateEndpoint"),
    ("finish_release", "PutItem"),
}
LONG = (4.0, 30.0)  # what a call takes that takes long, in seconds


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
            "second batch": dice.choice((0.0, 0.0, 0.3)),
            "breakdown": dice.choice((0.0, 0.0, 0.3)),
            "death": dice.choice((0.0, 0.8)),
            "relapse": dice.choice((0.0, 0.0, 0.7)),
            "abort": dice.choice((0.0, 0.0, 0.3)),
        }
        if account.faults.mild:
            self._chances["breakdown"] = 0.0
        self._dying = False  # whoever makes the call that has just taken effect
        self._relapsed: set[tuple[str, str]] = set()
        self.happened: Counter[str] = Counter()
        self._held: dict[tuple[str, str], tuple[float, float]] = {}  # whose next call takes long

    def called(self, caller: Any, operation: str, params: Params) -> None:
        """Hear of a call that has just taken effect."""
        if operation == "DescribeModelPackage" and caller.name in _LOOKERS:
            if self._strikes("approval"):
                self._kernel.spawn(lambda: self._change_mind(params["ModelPackageName"]))
        elif operation == "PutItem" and params["Item"]["sk"]["S"] == _TOKEN.sk:
            subject = params["Item"]["pk"]["S"].removeprefix(_TOKEN.pk)
            self._tell_again(subject)
        elif operation == "GetItem" and caller.name == "collect_data":
            pk, sk = params["Key"]["pk"]["S"], params["Key"]["sk"]["S"]
            if sk == window.key("").sk and self._strikes("second batch"):
                self._held["collect_data", "UpdateItem"] = (20.0, 30.0)
                self._drop(pk.removeprefix(partition("")), self._dice.uniform(3, 9))
        elif operation in ("CreateEndpoint", "UpdateEndpoint"):
            self._break_down(self._dice.choice((0.0, self._dice.uniform(0, 300))))
            self._abort(caller, self._dice.uniform(0, 400))
        elif operation == "PutItem" and params["Item"]["sk"]["S"].startswith(_RUN):
            self._break_down(0.0)
            if caller.name == "start_training" and self._abort(caller, 0.0):
                self._dying = True  # with its run written down, and not begun

    def answered(self, function: str, event: Any, payload: bytes) -> None:
        """Hear what a function has answered."""
        if function != "freeze_dataset" or not self._strikes("drop"):
            return
        answer = json.loads(payload)
        if not answer["closed"]:  # it looks again by then, and closes what is there
            at = self._kernel.now + answer["wait_seconds"] + self._dice.uniform(-12.0, 2.0)
            slow = self._dice.choice(("collect_data", "freeze_dataset"))
            self._held[slow, "TransactWriteItems"] = LONG
            self._drop(event["model"], at - self._kernel.now)

    def holds(self, function: str, operation: str) -> tuple[float, float] | None:
        """Return how long this call takes, from and to, if what it rests on was read, and others
        write meanwhile.
        """
        return self._held.pop((function, operation), None)

    def kills(self, function: str, operation: str) -> bool:
        """Tell whether a function dies of a call that went well, the first time that it makes it.

        Only where a machine that died of too many deaths is found again.
        """
        if self._dying:
            self._dying = False
            return True
        effect = (function, operation)
        if effect not in _EFFECTS - self._relapsed or not self._account.faults.tick:
            return False
        if not self._strikes("relapse"):
            return False
        self._relapsed.add(effect)
        return True

    def trained(self, name: str) -> None:
        """Hear that a pipeline's execution has ended: now is the time when nobody may train."""
        if self._strikes("violation"):
            model = self._people.model(name)
            self._kernel.spawn(lambda: self._people.drop_and_complain(model))

    def died(self, machine: str, name: str) -> None:
        """Hear that an execution has ended without a word: people see no more than that."""
        if not self._strikes("death"):
            return
        if machine.endswith("-deploy"):
            model, version = name.rpartition("-v")[0].rpartition("-r")[0], name.rpartition("-v")[2]
            package = self._account.registry.groups[model][int(version) - 1]
            self._kernel.spawn(lambda: self._people.set(package, REJECTED))
        elif machine.endswith("-train"):
            model = name.rpartition("-w")[0]
            self._kernel.spawn(lambda: self._people.drops.drop_whole(self._people.model(model)))

    def _break_down(self, seconds: float) -> None:
        """Let what was begun be left lying: whoever began it can go on no more, nor tell of it."""
        faults = self._account.faults
        if faults.tick and self._strikes("breakdown"):
            start, service = self._kernel.now + seconds, self._dice.choice(_SERVICES)
            faults.break_down(service, start, start + self._dice.uniform(600, 2400))

    def _abort(self, caller: Any, seconds: float) -> bool:
        """Let a person stop the machine that a call belongs to, in the console; tell whether."""
        execution = getattr(caller, "event", {}).get("execution")
        if not execution or not self._account.faults.tick or not self._strikes("abort"):
            return False
        self._kernel.after(seconds, lambda: self._people.stop(execution))
        return True

    def _drop(self, model: str, seconds: float) -> None:
        whose = self._people.model(model)
        self._kernel.after(seconds, lambda: self._people.drops.drop_one(whose))

    def _strikes(self, kind: str) -> bool:
        if not self._account.faults.on or self.happened[kind] >= _MOST:
            return False
        if self._dice.random() >= self._chances[kind]:
            return False
        self.happened[kind] += 1
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
                    self._held["start_rollout", "UpdateEndpoint"] = LONG
                self._account.bus.put(event, bus)
                return
