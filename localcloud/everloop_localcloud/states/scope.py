"""What ends together: a scope's waits all end when it is cancelled, and so do its children's."""

import threading

from everloop_localcloud.states.errors import Stopped
from everloop_localcloud.states.world import Signal, World


class Scope:
    """The life of an execution or of one of its branches."""

    def __init__(self, world: World, parent: "Scope | None" = None) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._waits: list[Signal] = []
        self._children: list[Scope] = []
        self.cancelled = False
        if parent is not None:
            parent._adopt(self)

    def _adopt(self, child: "Scope") -> None:
        with self._lock:
            self._children.append(child)
            cancelled = self.cancelled
        if cancelled:
            child.cancel()

    def leave(self, child: "Scope") -> None:
        with self._lock:
            self._children.remove(child)

    def cancel(self) -> None:
        """End every wait in this scope: each raises Stopped."""
        with self._lock:
            self.cancelled = True
            waits, children = list(self._waits), list(self._children)
        for signal in waits:
            signal.set()
        for child in children:
            child.cancel()

    def check(self) -> None:
        if self.cancelled:
            raise Stopped

    def wait(self, signal: Signal, seconds: float | None = None) -> bool:
        """Wait for the signal; tell whether it was set. Raises Stopped if the scope ended."""
        with self._lock:
            if self.cancelled:
                raise Stopped
            self._waits.append(signal)
        try:
            came = signal.wait(seconds)
        finally:
            with self._lock:
                self._waits.remove(signal)
        self.check()
        return came

    def sleep(self, seconds: float) -> None:
        """Sleep in the cloud's seconds."""
        self.wait(self._world.signal(), max(0.0, seconds))
