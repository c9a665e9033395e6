"""A model's monitor in the ledger: when it was last to look, until when it did, what it saw."""

from datetime import datetime

from everloop.aws import ledger, table
from everloop.decisions.looks import TURN
from everloop.records import lease, monitor
from everloop.records.lease import Lease
from everloop.records.monitor import Rhythm, Streaks, Watch


def watch(model: str) -> Watch:
    """Return what is known of a model's monitor; of before the first look it is nothing."""
    return monitor.of(table.get(monitor.key(model)) or {})


def last_look(model: str) -> datetime | None:
    """Return until when a model's traffic was looked at; None before the first look."""
    return watch(model).until


def last_request(model: str) -> datetime | None:
    """Return when its schedule last requested a look, whether or not there was anything to see."""
    return watch(model).requested_at


def last_findings(model: str) -> str | None:
    """Return where the findings of the last look lie; None where none was noted."""
    return watch(model).findings


def take_turn(model: str, look: str, now: datetime) -> None:
    """Let a look, by its execution, be the only one of its model. Raises Conflict."""
    ledger.take_lease(model, lease.MONITOR, look, None, now, now + TURN)


def give_turn(model: str, look: str) -> None:
    """Give a look's turn back, if it is its own still."""
    ledger.free_lease(model, lease.MONITOR, look)


def take_turn_away(model: str, seen: Lease) -> bool:
    """Take the turn from a look that died; False if it has moved since it was seen."""
    return ledger.take_lease_away(model, lease.MONITOR, seen)


def whose_turn(model: str) -> Lease:
    """Return the turn: its holder is a look's execution (empty: nobody), which waits for its job
    once it has begun."""
    return ledger.lease(model, lease.MONITOR)


def note_look(model: str, until: datetime, findings_uri: str | None = None) -> None:
    """Write down until when was looked, and what was found; it only moves forward."""
    table.written(monitor.note_look(model, until, findings_uri))


def note_request(model: str, when: datetime) -> None:
    """Write down when a look was requested; it only moves forward."""
    table.written(monitor.note_request(model, when))


def note_rhythm(model: str, rhythm: Rhythm, silent_since: str) -> None:
    """Write down when traffic came, and since when it is silent for too long (empty: it is not)."""
    table.write(monitor.note_rhythm(model, rhythm, silent_since))


def note_streaks(model: str, streaks: Streaks) -> None:
    """Write down how many looks in a row saw what."""
    table.write(monitor.note_streaks(model, streaks))


def forget_rhythm(model: str) -> None:
    """Forget when a look was requested and when traffic came; until when it looked stays."""
    table.written(monitor.forget_rhythm(model))
