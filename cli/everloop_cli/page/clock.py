"""The cloud's own clock: a laptop's cloud may run many times faster than ours."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from everloop.aws import account
from everloop.aws.clients import FAULTS
from everloop.errors import EverloopError

_LONG_ENOUGH_S = 3.0  # between two answers: how long one takes is of the noise, too
_LEAST = 1.5  # times real time: less is the noise of two answers' whole seconds


@dataclass(frozen=True)
class Caller:
    """Who looks at the page, for AWS."""

    arn: str
    account: str


class Clock:
    """Reads AWS's time in its answers, and from it how fast that time passes."""

    def __init__(self) -> None:
        self._real = time.monotonic()
        self._at = datetime.now(UTC)
        self.speed = 1.0
        self.caller = Caller("", "")
        self._first: tuple[float, datetime] | None = None

    def read(self) -> None:
        """Ask once more what time it is there; from the second time on the speed is known."""
        try:
            said = account.caller()
        except (*FAULTS, EverloopError):
            return  # who may not even ask who it is sees our own time
        real = time.monotonic()
        self.caller = Caller(said.arn, said.arn.split(":")[4] if said.arn.count(":") > 4 else "")
        if said.at is None:
            return
        at = said.at.astimezone(UTC)
        if self._first is None:
            self._first = (real, at)
        elif real - self._first[0] >= _LONG_ENOUGH_S:
            passed = (at - self._first[1]).total_seconds() / (real - self._first[0])
            self.speed = float(f"{passed:.2g}") if passed > _LEAST else 1.0
        self._real, self._at = real, at

    def now(self) -> datetime:
        passed = (time.monotonic() - self._real) * self.speed
        return self._at + timedelta(seconds=passed)
