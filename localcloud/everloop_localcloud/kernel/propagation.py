"""What was made a moment ago and is not seen everywhere yet: AWS is eventually consistent.

Off unless asked for: then what reads a new thing misses it up to twice, by the thing's name and a
seed, so that a run can be had again. A minute of the cloud's time later everything is seen. What
AWS says is strongly consistent (S3's objects, DynamoDB where it is asked to be) is never missed.
"""

import threading
import zlib
from datetime import datetime, timedelta

from everloop_localcloud.kernel.clock import Clock

_WINDOW = timedelta(minutes=1)
_MOST_MISSES = 2
_SETTLING = timedelta(seconds=5)


class Propagation:
    """Knows what is new. `slow` says whether that matters: without it all is seen at once."""

    def __init__(self, clock: Clock, *, slow: bool = False, seed: int = 0) -> None:
        self._clock = clock
        self._slow = slow
        self._seed = seed
        self._lock = threading.Lock()
        self._new: dict[tuple[str, str], tuple[datetime, int]] = {}

    def made(self, kind: str, name: str) -> None:
        """Note that something was made, or changed, just now."""
        if not self._slow:
            return
        now = self._clock.now()
        with self._lock:
            old = [key for key, (when, _) in self._new.items() if now - when >= _WINDOW]
            for key in old:
                del self._new[key]
            self._new[kind, name] = (now, self._misses(kind, name))

    def misses(self, kind: str, name: str) -> bool:
        """Tell whether a look does not see a thing yet; each look brings it nearer."""
        with self._lock:
            when, left = self._new.get((kind, name), (None, 0))
            if when is None or left < 1 or self._clock.now() - when >= _WINDOW:
                return False
            self._new[kind, name] = (when, left - 1)
            return True

    def spread(self, kind: str, name: str) -> None:
        """Let a thing be seen everywhere: who made it has waited for that."""
        with self._lock:
            self._new.pop((kind, name), None)

    def settles(self, kind: str, name: str) -> bool:
        """Tell whether a change is so new that it has no effect yet: seconds of cloud time."""
        with self._lock:
            when, _ = self._new.get((kind, name), (None, 0))
        return when is not None and self._clock.now() - when < _SETTLING

    def _misses(self, kind: str, name: str) -> int:
        return zlib.crc32(f"{self._seed}:{kind}:{name}".encode()) % (_MOST_MISSES + 1)
