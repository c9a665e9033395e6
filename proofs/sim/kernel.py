"""Virtual time: greenlets that take turns, and a clock that jumps to the next thing that is due.

Exactly one greenlet runs at a time and it runs until it pauses, so that a seed is one history.
"""

import heapq
import itertools
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

_MOST_STEPS = 250_000  # a few histories in a thousand take 100,000
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


class Broken(Exception):
    """The simulator itself failed: its verdicts would mean nothing."""


class Endless(Exception):
    """So much has happened that something must be going round."""


class Signal:
    """Set once; whoever waits goes on."""

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self._set = False
        self._waiting: list[_Sleeper] = []

    def set(self) -> None:
        self._set = True
        waiting, self._waiting = self._waiting, []
        for sleeper in waiting:
            self._kernel.wake(sleeper)

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float | None = None) -> bool:
        """Wait at most `seconds`; tell whether the signal is set."""
        if not self._set:
            sleeper = _Sleeper(getcurrent())
            self._waiting.append(sleeper)
            self._kernel.sleep(sleeper, seconds)
        return self._set


class Timer:
    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class _Sleeper:
    """One pause of a greenlet; it is woken once, by whatever comes first."""

    def __init__(self, who: greenlet) -> None:
        self.who = who
        self.awake = False


class Kernel:
    """The time and the turns of one history. `chance(name)` gives each subject dice of its own."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.now = 0.0  # seconds since START
        self._hub = getcurrent()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._dice: dict[str, Random] = {}
        self._broken: list[str] = []
        self._over = False
        self._steps = 0
        self._endless = ""

    def moment(self) -> datetime:
        return START + timedelta(seconds=round(self.now, 3))

    def chance(self, name: str) -> Random:
        if name not in self._dice:
            self._dice[name] = Random(f"{self.seed}/{name}")
        return self._dice[name]

    def signal(self) -> Signal:
        return Signal(self)

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(when, self.now), next(self._sequence), action))

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` on a greenlet of its own, unless it is cancelled before."""
        timer = Timer(action)

        def fire() -> None:
            if timer.action is not None:
                self._run(timer.action)

        self.at(self.now + seconds, fire)
        return timer

    def spawn(self, action: Callable[[], Any]) -> None:
        self.at(self.now, lambda: self._run(action))

    def pause(self, seconds: float) -> None:
        self.sleep(_Sleeper(getcurrent()), seconds)

    def sleep(self, sleeper: _Sleeper, seconds: float | None) -> None:
        if self._over:
            raise GreenletExit
        if seconds is not None:
            self.at(self.now + max(0.0, seconds), lambda: self._resume(sleeper))
        self._hub.switch()

    def wake(self, sleeper: _Sleeper) -> None:
        self.at(self.now, lambda: self._resume(sleeper))

    def give_up(self, why: str) -> None:
        """End the history: it has no end of its own."""
        self._endless = f"{why} by {self.now:.0f} s: something goes round for ever"

    def run(self, until: float) -> None:
        """Let time pass up to `until`. Raises Broken if anything failed that should not, and
        Endless where there is no end.
        """
        while self._due and self._due[0][0] <= until:
            self._steps += 1
            if self._steps > _MOST_STEPS:
                self.give_up(f"{_MOST_STEPS} steps")
            self.now, _, action = heapq.heappop(self._due)
            action()
            if self._broken:
                raise Broken("\n".join(self._broken))
            if self._endless:
                raise Endless(self._endless)
        self.now = max(self.now, until)

    def close(self) -> None:
        """End what still sleeps; nothing of it runs any more."""
        self._over = True
        self._due.clear()

    def _resume(self, sleeper: _Sleeper) -> None:
        if not sleeper.awake:
            sleeper.awake = True
            sleeper.who.switch()

    def _run(self, action: Callable[[], Any]) -> None:
        def body() -> None:
            try:
                action()
            except Exception:
                self._broken.append(traceback.format_exc())

        greenlet(body, self._hub).switch()
