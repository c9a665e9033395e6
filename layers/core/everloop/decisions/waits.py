"""How long something is tried again that AWS lacked quota or capacity for; when to notify people.

The machine that met it waits asleep and tries again; nobody else does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from everloop.decisions.infrastructure import (
    CAPACITY,
    FEATURES,
    INTERNAL,
    QUOTA,
    SPOT,
    THROTTLING,
    description,
)
from everloop.names import digest
from everloop.records.shortage import Trouble

# The first wait, and what waits grow to; each varies around that by half.
_FIRST, _LONGEST = timedelta(minutes=2), timedelta(minutes=30)
# How long each is tried for; what begins its work anew each time is tried a few times only.
_PATIENCE = {
    QUOTA: timedelta(hours=24),
    CAPACITY: timedelta(hours=24),
    THROTTLING: timedelta(hours=24),
    SPOT: timedelta(hours=72),
    INTERNAL: timedelta(hours=24),
    FEATURES: timedelta(hours=3),  # AWS takes 15 minutes; after an hour they are put once more
}
_MOST_TRIES = {INTERNAL: 5, SPOT: 12}
# Until then it is the normal life of an account with a few instances.
_MATTERS = timedelta(minutes=30)

NO_NOTICE, WAITS, HELD = "", "waits", "held"


@dataclass(frozen=True)
class Retry:
    """What is done about it: wait so long and try again, or hold until something changes (None).

    `notice` is what people must have been notified of by now.
    """

    wait_seconds: int | None
    notice: str
    reason: str

    @property
    def held(self) -> bool:
        return self.wait_seconds is None


def again(trouble: Trouble, *, since: datetime, tries: int, now: datetime, name: str) -> Retry:
    """Decide what is done after `tries` tries that met it, the first of them at `since`.

    Waits double, and vary by `name` between half and one and a half of that: what was refused
    together does not come back together.
    """
    waited = now - since
    if not trouble.retry:
        return Retry(None, HELD, f"{description(trouble)}; waiting cannot help")
    most = _MOST_TRIES.get(trouble.kind)
    if waited >= _PATIENCE[trouble.kind] or (most is not None and tries >= most):
        return Retry(
            None, HELD, f"{description(trouble)}; tried {tries} times in {_length(waited)}"
        )
    middle = min(_FIRST * 2 ** min(tries - 1, 10), _LONGEST)
    share = int(digest([name, tries])[:8], 16) / 0xFFFFFFFF
    seconds = round(middle.total_seconds() * (0.5 + share))
    notice = WAITS if waited >= _MATTERS or trouble.kind == SPOT else NO_NOTICE
    minutes = max(1, round(seconds / 60))
    return Retry(seconds, notice, f"{description(trouble)}; tried again in {minutes} min")


def goes_on(trouble: Trouble, met_at: datetime, now: datetime) -> bool:
    """Whether what was met last then is the same as what is met now, or was over in between."""
    return now - met_at <= _PATIENCE[trouble.kind]


def _length(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
