"""A model's monitor: when a look was last requested, until when it looked, what it saw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop.moments import moment, text
from everloop.records.keys import Item, Key, of_model
from everloop.records.writes import EXISTS, Update, set_of


@dataclass(frozen=True)
class Rhythm:
    """When traffic came: `last` is when its newest file arrived, `pauses` the longest of each day
    in seconds, by the day on which it ended; `watched_since` is when a look was first requested."""

    watched_since: datetime | None = None
    last: datetime | None = None
    pauses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Streaks:
    """Looks in a row: `blind` ones could not judge, since `blind_since`; `violated` ones found a
    violation. `look` is the last that was counted."""

    look: str = ""
    blind: int = 0
    blind_since: str = ""
    violated: int = 0


@dataclass(frozen=True)
class Watch:
    """What is known of a model's monitor; `silent_since` is set while its silence is too long.

    `requested_at` is when its schedule last requested a look, also where there was nothing to see.
    """

    until: datetime | None = None
    findings: str | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    streaks: Streaks = field(default_factory=Streaks)
    silent_since: str = ""
    requested_at: datetime | None = None


def key(model: str) -> Key:
    return of_model(model, "MONITOR")


def of(item: Item) -> Watch:
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
        requested_at=_moment(item, "asked"),
    )


def note_look(model: str, until: datetime, findings_uri: str | None) -> Update:
    """Return what writes down until when was looked, and what was found; it only moves forward."""
    return _forward(model, "until", until, {"findings": findings_uri or None})


def note_request(model: str, when: datetime) -> Update:
    """Return what writes down when a look was requested; it only moves forward."""
    return _forward(model, "asked", when, {})


def note_rhythm(model: str, rhythm: Rhythm, silent_since: str) -> Update:
    return _set(
        model,
        {
            "watched_since": text(rhythm.watched_since) if rhythm.watched_since else None,
            "traffic_at": text(rhythm.last) if rhythm.last else None,
            "pauses": dict(rhythm.pauses),
            "silent_since": silent_since,
        },
    )


def note_streaks(model: str, streaks: Streaks) -> Update:
    return _set(
        model,
        {
            "counted_look": streaks.look,
            "blind_looks": streaks.blind,
            "blind_since": streaks.blind_since,
            "violated_looks": streaks.violated,
        },
    )


def forget_rhythm(model: str) -> Update:
    """Return what forgets when it was asked and what came: where nothing serves, nobody asks."""
    gone = (
        *("asked", "watched_since", "traffic_at", "pauses", "silent_since"),
        *("counted_look", "blind_looks", "blind_since", "violated_looks"),
    )
    return Update(key(model), "REMOVE " + ", ".join(f"#{name}" for name in gone), EXISTS)


def _forward(model: str, name: str, when: datetime, more: Mapping[str, Any]) -> Update:
    later = f"attribute_not_exists(#{name}) OR #{name} < :{name}"
    return _set(model, {name: text(when), **more}, later)


def _set(model: str, values: Mapping[str, Any], condition: str = "") -> Update:
    present = {name: value for name, value in values.items() if value is not None}
    return set_of(key(model), present, condition)


def _moment(item: Item, name: str) -> datetime | None:
    return moment(item[name]) if item.get(name) else None
