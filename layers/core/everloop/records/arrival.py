"""Arrivals: every object version that came for a model, with the window that it came into.

Beside each stands that it came once, by which a second arrival is recognised. What was written down
of that before has an `expires` and is forgotten after 30 days; then the arrivals, which stay, say
it.
"""

from dataclasses import dataclass
from datetime import datetime

from everloop.moments import moment, text
from everloop.records.keys import SK, Item, Key, Range
from everloop.records.object_state import object_id
from everloop.records.writes import NEW, Put


@dataclass(frozen=True)
class Arrival:
    """One version of one object that was dropped for a model."""

    key: str
    version_id: str
    etag: str
    size: int
    sequencer: str
    arrived_at: datetime

    @property
    def id(self) -> str:
        return object_id(self.key, self.version_id)


def of_window(model: str, window: int) -> Range:
    return Range(f"ARRIVAL#{model}#{window}")


def put(model: str, window: int, arrival: Arrival) -> Put:
    return Put(
        Key(of_window(model, window).pk, arrival.id),
        {
            "key": arrival.key,
            "version_id": arrival.version_id,
            "etag": arrival.etag,
            "size": arrival.size,
            "sequencer": arrival.sequencer,
            "arrived_at": text(arrival.arrived_at),
        },
    )


def of(item: Item) -> Arrival:
    return Arrival(
        key=str(item["key"]),
        version_id=str(item["version_id"]),
        etag=str(item["etag"]),
        size=int(item["size"]),
        sequencer=str(item.get("sequencer") or ""),
        arrived_at=moment(item["arrived_at"], field="arrived_at"),
    )


def id_of(item: Item) -> str:
    """Return which object version an item of an arrival, or of what was seen, is of."""
    return str(item[SK])


def all_seen(model: str) -> Range:
    return Range(f"SEEN#{model}")


def seen_key(model: str, id: str) -> Key:
    return Key(all_seen(model).pk, id)


def seen(model: str, id: str, window: int, *, again: bool = False) -> Put:
    """Return what writes down that an object version came, unless it did before.

    With `again` it may have come into an earlier window.
    """
    condition = f"{NEW} OR #window < :number" if again else NEW
    values = {"number": window} if again else {}
    return Put(seen_key(model, id), {"window": window}, condition, values)
