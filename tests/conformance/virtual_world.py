"""A world of virtual time: it moves on only when every thread waits, so nothing takes long."""

import heapq
import itertools
import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from everloop_localcloud.states import integrations
from everloop_localcloud.states.world import TaskCall, Waiting

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class _Waiter:
    def __init__(self, signal: "VirtualSignal | None", action: Callable[[], None] | None) -> None:
        self.signal = signal
        self.action = action
        self.awake = False


class VirtualSignal:
    def __init__(self, world: "VirtualWorld") -> None:
        self._world = world
        self._set = False

    def set(self) -> None:
        with self._world.changed:
            self._set = True
            for waiter in self._world.waiters:
                if waiter.signal is self:
                    self._world.wake(waiter)

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float | None = None) -> bool:
        with self._world.changed:
            if not self._set:
                waiter = _Waiter(self, None)
                self._world.block(waiter, seconds)
            return self._set


class VirtualTimer:
    def __init__(self, world: "VirtualWorld", waiter: _Waiter) -> None:
        self._world = world
        self._waiter = waiter

    def cancel(self) -> None:
        with self._world.changed:
            self._waiter.awake = True


class VirtualWorld:
    """The world of one test. The thread that makes it counts as running."""

    def __init__(self, api: integrations.Caller, seed: int = 0) -> None:
        self.changed = threading.Condition()
        self.waiters: list[_Waiter] = []
        self.waits: dict[str, Waiting] = {}
        self.halted: list[str] = []
        self._api = api
        self._now = START
        self._running = 1
        self._due: list[tuple[datetime, int, _Waiter]] = []
        self._sequence = itertools.count()
        self._random = random.Random(seed)

    def now(self) -> datetime:
        return self._now

    def signal(self) -> VirtualSignal:
        return VirtualSignal(self)

    def random(self) -> float:
        return self._random.random()

    def uuid(self) -> str:
        number = self._random.getrandbits(128)
        text = f"{number:032x}"
        return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}"

    def after(self, seconds: float, action: Callable[[], None]) -> VirtualTimer:
        with self.changed:
            waiter = _Waiter(None, action)
            self._plan(waiter, seconds)
            return VirtualTimer(self, waiter)

    def spawn(self, action: Callable[[], None]) -> None:
        with self.changed:
            self._running += 1

        def run() -> None:
            try:
                action()
            finally:
                with self.changed:
                    self._running -= 1
                    self._move_on()

        threading.Thread(target=run, daemon=True).start()

    def sleep(self, seconds: float) -> None:
        self.signal().wait(seconds)

    def _plan(self, waiter: _Waiter, seconds: float) -> None:
        due = self._now + timedelta(seconds=seconds)
        heapq.heappush(self._due, (due, next(self._sequence), waiter))

    def block(self, waiter: _Waiter, seconds: float | None) -> None:
        self.waiters.append(waiter)
        if seconds is not None:
            self._plan(waiter, seconds)
        self._running -= 1
        self._move_on()
        while not waiter.awake:
            self.changed.wait()
        self.waiters.remove(waiter)

    def wake(self, waiter: _Waiter) -> None:
        if not waiter.awake:
            waiter.awake = True
            self._running += 1
            self.changed.notify_all()

    def _move_on(self) -> None:
        """With everybody waiting, jump to the next moment at which something is due."""
        while self._running == 0 and self._due:
            when, _, waiter = heapq.heappop(self._due)
            if waiter.awake:
                continue
            self._now = max(self._now, when)
            if waiter.action is None:
                self.wake(waiter)
            else:
                waiter.awake = True
                self.spawn(waiter.action)

    def submit(self, call: TaskCall) -> Any:
        return integrations.submit(call, self._api)

    def follow(self, call: TaskCall, submitted: Any, stopped: Any) -> Any:
        """No job of the virtual world ends by itself."""
        stopped.wait()

    def halt(self, call: TaskCall, submitted: Any) -> None:
        self.halted.append(call.resource.name)

    def expect(self, token: str, execution_arn: str) -> Waiting:
        return self.waits.setdefault(token, Waiting(self.signal()))

    def forget(self, token: str) -> None:
        self.waits.pop(token, None)
