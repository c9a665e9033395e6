"""A model of a history: what its owner decided, and what its data is."""

import json
from datetime import timedelta
from typing import Any

from proofs.sim.kernel import START


class Model:
    """A model of this history: what its owner decided, and what its data is."""

    def __init__(self, name: str, dice: Any) -> None:
        self.name = name
        self.by = dice.choice(("policy", "policy", "person"))
        self.first = dice.choice(("policy", "person"))
        self.causes = dice.choice((["data", "violation"], ["data", "violation"], ["violation"]))
        self.per_day = dice.choice((2, 4, 50))
        self.cooldown_hours = dice.choice((0.1, 0.5))
        self.quiet_minutes = dice.choice((0.5, 2))
        self.strategy = dice.choice(("canary", "linear", "all-at-once"))
        self.keep = dice.choice((None, 1, 2))
        self.pushes = 0
        self.closed: tuple[float, float] | None = None  # seconds in which nothing new is released

    def close(self, dice: Any) -> None:
        """Let it have deploy windows, which leave out some minutes; a whole one each."""
        begin = dice.randint(5, 60)
        self.closed = begin * 60.0, (begin + dice.randint(10, 40)) * 60.0

    def is_closed(self, second: float) -> bool:
        return self.closed is not None and self.closed[0] <= second < self.closed[1]

    @property
    def _windows(self) -> list[str]:
        if self.closed is None:
            return []
        end, begin = (f"{START + timedelta(seconds=each):%H:%M}" for each in self.closed)
        return [f"daily 00:00-{end} UTC", f"daily {begin}-24:00 UTC"]

    def spec(self) -> str:
        keep = f"keep = {self.keep}\n" if self.keep else ""
        return f"""
problem = "binary_classification"
[data]
target = "late"
key = "id"
quiet_minutes = {self.quiet_minutes}
{keep}[train]
spot = false
time_limit_minutes = 30
hyperparameters = {{ push = {self.pushes} }}
[evaluate]
metrics = {{ auc = {{ min = 0.6 }} }}
[approve]
by = "{self.by}"
first = "{self.first}"
[deploy]
strategy = "{self.strategy}"
step_percent = 20
windows = {json.dumps(self._windows)}
[deploy.production]
instance = "ml.m5.large"
[deploy.staging]
instance = "ml.m5.large"
[deploy.tests]
max_latency_ms = 60000
[retrain]
on = {json.dumps(self.causes)}
cooldown_hours = {self.cooldown_hours}
per_day = {self.per_day}
"""
