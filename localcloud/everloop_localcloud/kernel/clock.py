"""The cloud's clock: every wait, schedule and stamped time follows it, at `speed` times real time.

Whatever blocks, blocks through this clock, so that a virtual clock can take its place.
"""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

log = logging.getLogger(__name__)


class Timer:
    """A callback that is due at a time; `cancel` is safe at any moment."""

    def __init__(self, when: datetime, action: Callable[[], None]) -> None:
        self.when = when
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        self.action = _nothing  # it may be days until it is due; what it held is let go now


def _nothing() -> None:
    """Do what a cancelled timer does."""


class Signal:
    """An event that one thread sets and others wait for, in the cloud's seconds."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait at most `seconds` of cloud time; tell whether the signal was set."""
        return self._event.wait(None if seconds is None else self._clock.real(max(0.0, seconds)))


class Clock:
    """Cloud time: starts at `start` (aware, UTC) and runs `speed` times as fast as real time."""

    def __init__(self, speed: float = 1.0, start: datetime | None = None) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed}; it must be above 0")
        self.speed = speed
        self._start = start or datetime.now(UTC)
        self._origin = time.monotonic()
        self._heap: list[tuple[datetime, int, Timer]] = []
        self._sequence = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._origin) * self.speed)

    def real(self, seconds: float) -> float:
        """Return how long `seconds` of cloud time last in real seconds."""
        return seconds / self.speed

    def signal(self) -> Signal:
        return Signal(self)

    def sleep(self, seconds: float) -> None:
        time.sleep(self.real(max(0.0, seconds)))

    def at(self, when: datetime, action: Callable[[], None]) -> Timer:
        """Run `action` on a thread of its own once it is `when`; at once if that is past."""
        timer = Timer(when, action)
        with self._changed:
            heapq.heappush(self._heap, (when, next(self._sequence), timer))
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return timer

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self.at(self.now() + timedelta(seconds=seconds), action)

    def stop(self) -> None:
        """Forget all timers; nothing fires any more."""
        with self._changed:
            self._stopped = True
            self._heap.clear()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopped:
                    return
                if not self._heap:
                    self._changed.wait()
                    continue
                when, _, timer = self._heap[0]
                left = (when - self.now()).total_seconds()
                if left > 0 and not timer.cancelled:
                    self._changed.wait(self.real(left))
                    continue
                heapq.heappop(self._heap)
            if not timer.cancelled:
                threading.Thread(
                    target=self._fire, args=(timer,), name="timer", daemon=True
                ).start()

    @staticmethod
    def _fire(timer: Timer) -> None:
        try:
            timer.action()
        except Exception:
            log.exception("timer failed")


def stamp(moment: datetime) -> str:
    """Write a time as the envelope of an event has it: UTC, whole seconds, Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
