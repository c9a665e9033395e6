"""A model's monitor in the ledger: when it was asked to look, until when it did, what it saw.

The item `MONITOR` of a model; whose turn it is to look is the lease of that name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop.aws import ledger, table
from everloop.aws.table import model_key
from everloop.decisions.looks import TURN, Rhythm, Streaks
from everloop.errors import Conflict
from everloop.moments import moment, text

TURNS = "monitor"  # the kind of the lease


@dataclass(frozen=True)
class Watch:
    """What is known of a model's monitor; `silent_since` is set while its silence is too long."""

    until: datetime | None = None
    findings: str | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    streaks: Streaks = field(default_factory=Streaks)
    silent_since: str = ""


def watch(model: str) -> Watch:
    """Return what is known of a model's monitor; of before the first look it is nothing."""
    item = table.get(model_key(model, "MONITOR")) or {}
    return Watch(
        until=_moment(item, "until"),
        findings=str(item["findings"]) if item.get("findings") else None,
        rhythm=Rhythm(
            watched_since=_moment(item, "watched_since"),
            last=_moment(item, "traffic_at"),
            pauses={str(day): int(pause) for day, pause in (item.get("pauses") or {}).items()},
        ),
        streaks=Streaks(
            look=str(item.get("counted_look") or ""),
            blind=int(item.get("blind_looks") or 0),
            blind_since=str(item.get("blind_since") or ""),
            violated=int(item.get("violated_looks") or 0),
        ),
        silent_since=str(item.get("silent_since") or ""),
    )


def last_look(model: str) -> datetime | None:
    """Return until when a model's traffic was looked at; None before the first look."""
    return watch(model).until


def last_asked(model: str) -> datetime | None:
    """Return when its schedule last asked for a look, whether or not there was anything to see."""
    return _moment(table.get(model_key(model, "MONITOR")) or {}, "asked")


def last_findings(model: str) -> str | None:
    """Return where the findings of the last look lie; None where none was noted."""
    return watch(model).findings


def take_turn(model: str, look: str, now: datetime) -> None:
    """Let a look, by its execution, be the only one of its model. Raises Conflict."""
    ledger.take_lease(model, TURNS, look, None, now, now + TURN)


def give_turn(model: str, look: str) -> None:
    """Give a look's turn back, if it is its own still."""
    ledger.free_lease(model, TURNS, look)


def whose_turn(model: str) -> tuple[str, datetime | None]:
    """Return whose turn it is, by the look's execution (empty: nobody's), and since when."""
    held = ledger.lease(model, TURNS)
    return held.holder, held.since


def note_look(model: str, until: datetime, findings_uri: str | None = None) -> None:
    """Write down until when was looked, and what was found; it only moves forward."""
    _note(model, "until", until, findings=findings_uri)


def note_asked(model: str, when: datetime) -> None:
    """Write down when a look was asked for; it only moves forward."""
    _note(model, "asked", when)


def note_rhythm(model: str, rhythm: Rhythm, silent_since: str) -> None:
    """Write down when traffic came, and since when it is silent for too long (empty: it is not)."""
    said = {
        "watched_since": text(rhythm.watched_since) if rhythm.watched_since else None,
        "traffic_at": text(rhythm.last) if rhythm.last else None,
        "pauses": dict(rhythm.pauses),
        "silent_since": silent_since,
    }
    _set(model, said)


def note_streaks(model: str, streaks: Streaks) -> None:
    """Write down how many looks in a row saw what."""
    said = {
        "counted_look": streaks.look,
        "blind_looks": streaks.blind,
        "blind_since": streaks.blind_since,
        "violated_looks": streaks.violated,
    }
    _set(model, said)


def _set(model: str, values: Mapping[str, Any], condition: str = "") -> None:
    given = {name: value for name, value in values.items() if value is not None}
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in given)
    table.update(model_key(model, "MONITOR"), expression, condition=condition, **given)


def _moment(item: Mapping[str, Any], name: str) -> datetime | None:
    return moment(item[name]) if item.get(name) else None


def _note(model: str, name: str, when: datetime, **more: str | None) -> None:
    try:
        _set(
            model,
            {name: text(when), **{key: value or None for key, value in more.items()}},
            f"attribute_not_exists(#{name}) OR #{name} < :{name}",
        )
    except Conflict:
        return
