"""Looks of a monitor: whose turn it is, how many in a row saw what, and when silence is long."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from everloop.decisions import Decision
from everloop.decisions.monitoring import longest_pause
from everloop.moments import text
from everloop.records.lease import Lease
from everloop.records.monitor import Rhythm, Streaks

# A look's machine ends itself after 30 hours; who holds its turn for longer has died.
TURN = timedelta(hours=31)
# Between taking its turn and starting its machine a look has no execution; a function ends sooner.
_STARTING = timedelta(minutes=5)
_ALIVE = ("RUNNING", "PENDING_REDRIVE")

_REMEMBERED = timedelta(days=14)  # whose longest silence is the rhythm
_LEARNING = timedelta(days=7)  # before that much is known of traffic, weekends are unknown as well
_WHILE_LEARNING = timedelta(days=3)


def under_way(status: str | None, turn: Lease, now: datetime) -> bool:
    """Whether the look whose turn it is goes on; `status` is its execution's (None: unknown).

    One that has begun is taken to go on where its execution is not seen: reads may lag.
    """
    if status is not None:
        return status in _ALIVE
    patience = TURN if turn.waits_for else _STARTING
    return turn.since is not None and now - turn.since < patience


def with_arrivals(rhythm: Rhythm, arrivals: Iterable[datetime], now: datetime) -> Rhythm:
    """Return the rhythm with files that arrived, and without what is too old to count."""
    last, pauses = rhythm.last, dict(rhythm.pauses)
    for when in sorted(arrivals):
        if last is not None and when > last:
            day = f"{when:%Y-%m-%d}"
            pauses[day] = max(pauses.get(day, 0), round((when - last).total_seconds()))
        last = max(when, last or when)
    oldest = f"{now - _REMEMBERED:%Y-%m-%d}"
    kept = {day: pause for day, pause in pauses.items() if day >= oldest}
    return Rhythm(rhythm.watched_since or now, last, kept)


@dataclass(frozen=True)
class Silence(Decision):
    """Whether no traffic came for too long: since when, for how many hours, and how many may be."""

    since: str = ""
    hours: float = 0.0
    allowed_hours: float = 0.0


def silent(
    rhythm: Rhythm,
    now: datetime,
    *,
    served_since: datetime | None,
    schedule: str,
    silent_hours: float | None,
) -> Silence:
    """Decide whether no traffic was captured for too long.

    Its owner says how long that is, or its rhythm: twice its longest pause within 14 days, and at
    least two of the schedule's; three days, before a week of it is known.
    """
    known = [when for when in (rhythm.last, rhythm.watched_since, served_since) if when is not None]
    if not known:
        return Silence(False, "nothing is known of its traffic yet")
    since = max(known)
    longest = timedelta(seconds=max(rhythm.pauses.values(), default=0))
    if silent_hours is not None:
        allowed, how = timedelta(hours=silent_hours), "[monitor] silent_hours says"
    else:
        watched = (
            (rhythm.last - rhythm.watched_since) if rhythm.last and rhythm.watched_since else None
        )
        allowed = 2 * max(longest, longest_pause(schedule) or timedelta())
        how = f"its longest pause within 14 days was {_hours(longest)}"
        if watched is None or watched < _LEARNING:
            allowed = max(allowed, _WHILE_LEARNING)
            how = "less than a week of its traffic is known"
    quiet = now - since
    facts = {
        "silent_since": text(since),
        "silent_hours": _number(quiet),
        "allowed_hours": _number(allowed),
        "not_judged": [{"monitor": "traffic", "reason": "silent"}],
    }
    silence = Silence(
        quiet > allowed,
        "no traffic was captured since the last look",
        facts,
        text(since),
        _number(quiet),
        _number(allowed),
    )
    if not silence.go:
        return silence
    return replace(
        silence,
        reason=f"could not judge: no traffic was captured for {_hours(quiet)}, since "
        f"{text(since)}; {_hours(allowed)} are allowed ({how})",
    )


def after_look(
    streaks: Streaks, look: str, now: datetime, *, blind: bool, judged: bool, violated: bool
) -> Streaks:
    """Return the streaks with one more look; the same look counts once.

    One that could not judge neither adds to the violations in a row, nor ends them.
    """
    if look == streaks.look:
        return streaks
    updated = replace(streaks, look=look)
    if blind:
        since = streaks.blind_since or text(now)
        updated = replace(updated, blind=streaks.blind + 1, blind_since=since)
    elif judged:
        updated = replace(updated, blind=0, blind_since="")
    if judged or violated:
        updated = replace(updated, violated=streaks.violated + 1 if violated else 0)
    return updated


def _hours(length: timedelta) -> str:
    hours = _number(length)
    return f"{hours:g} hour" + ("" if hours == 1 else "s")


def _number(length: timedelta) -> float:
    return round(length.total_seconds() / 3600, 1)
