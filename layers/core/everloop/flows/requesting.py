"""Trainings that a person or a schedule asks for: [retrain] does not say whether, only how many.

What is planned is decided, and written down, before it is begun. The request that comes again, as
its answer was lost, begins what is written down: the same attempt, which is one however often.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop import names
from everloop.aws import arrivals, ledger, machines
from everloop.decisions import Decision
from everloop.decisions.governor import may_train, worth_training_again
from everloop.flows import freezing, training
from everloop.flows.training import Plan, TrainingStart
from everloop.records.installation import Installation
from everloop.records.lease import TRAINING
from everloop.records.window import ClosedWindow
from everloop.spec import policy


@dataclass(frozen=True)
class Planned:
    """What a request starts. A window that ended with an outcome is `cleared` of it first.

    `turn` counts how often the same data and code were to be trained once more.
    """

    training: Plan
    cleared: str = ""
    turn: int = 0

    @property
    def decision(self) -> Decision:
        return self.training.decision

    def execution(self, model: str) -> str:
        """Return the ARN of the execution that it is, or becomes; empty where it is refused."""
        if not self.decision.go:
            return ""
        name = names.train_execution(model, self.training.window, self.training.attempt)
        return machines.execution_arn(machines.TRAIN, name)

    @property
    def facts(self) -> dict[str, Any]:
        """Return what the ledger keeps of it, so that it can be begun by that."""
        begun = self.training
        if not self.decision.go:
            return dict(self.decision.facts)
        return {
            **self.decision.facts,
            "window": begun.window,
            "attempt": begun.attempt,
            "train_cause": begun.cause,
            "quiet_seconds": begun.quiet,
            "frozen": begun.frozen,
            "cleared": self.cleared or None,
            "turn": self.turn,
        }


def of(decision: Mapping[str, Any]) -> Planned:
    """Read what was planned from its decision in the ledger; of those of before, nothing to do."""
    facts = decision["facts"]
    said = Decision(bool(decision["go"]) and "window" in facts, str(decision["reason"]))
    if not said.go:
        return Planned(Plan(said))
    return Planned(
        Plan(
            said,
            int(facts["window"]),
            int(facts["attempt"]),
            str(facts["train_cause"]),
            int(facts["quiet_seconds"]),
            bool(facts["frozen"]),
        ),
        str(facts["cleared"] or ""),
        int(facts["turn"]),
    )


def plan(installed: Installation, cause: str, now: datetime, *, again: bool = False) -> Planned:
    """Plan a training on what has arrived, else on what was left over, else on the last dataset.

    `again` trains the last dataset once more although nothing has changed since.
    """
    model = installed.model
    runs = ledger.runs(model)
    allowed = may_train(cause, runs, policy.retrain(installed.spec), now, paused=installed.paused)
    if not allowed.go:
        return Planned(Plan(allowed))
    lease = ledger.lease(model, TRAINING)
    if lease.held(now):
        holder = lease.holder.rpartition(":")[2]
        return _no(f"{holder} is training; ask again when it has ended")
    window = arrivals.open_window(model)
    if window.objects:
        return Planned(training.plan_open(installed, window, cause, now))
    left = training.untrained(installed)
    if left is not None:
        name = names.train_execution(model, left.number, left.attempt)
        if machines.status(machines.execution_arn(machines.TRAIN, name)) == "RUNNING":
            return _no(f"{name} is about to train what has arrived")
        if left.number in training.held_windows(installed):
            reason = f"window {left.number} is held, as AWS lacks what it needs: everloop resume"
            return _no(f"{reason} {model}")
        return Planned(training.plan_left_over(installed, now))
    last = arrivals.last_frozen(model)
    if last is None or last.digest is None:
        return _no("no data has arrived yet: drop some, and it trains")
    changed = freezing.differs(installed, last, but="")
    if not changed:
        worth = worth_training_again(
            last.number, last.digest, runs, installed.bundle_digest, told=again
        )
        if not worth.go:
            return Planned(Plan(worth))
    return _once_more(last, cause, again=again and not changed)


def begin(installed: Installation, planned: Planned) -> TrainingStart:
    """Begin what was planned; what has begun already is left as it is, whatever became of it."""
    if not planned.decision.go:
        return TrainingStart(planned.decision)
    model, begun, arn = installed.model, planned.training, planned.execution(installed.model)
    if machines.status(arn) is not None:
        return TrainingStart(planned.decision, arn)
    if planned.cleared:  # should this stop half way, it is what was left over
        arrivals.clear_outcome(model, begun.window, planned.cleared, planned.turn)
    return training.begin(installed, begun)


def _no(reason: str) -> Planned:
    return Planned(Plan(Decision(False, reason)))


def _once_more(last: ClosedWindow, cause: str, *, again: bool) -> Planned:
    """Train a window that ended once more."""
    if last.outcome is None:
        return _no("another training of it has just been asked for")
    what = "once more, with the same data and code" if again else "once more"
    decision = Decision(True, f"window {last.number} is trained {what}")
    begun = Plan(decision, last.number, last.attempt + 1, cause, frozen=True)
    return Planned(begun, last.outcome, last.again + 1 if again else 0)
