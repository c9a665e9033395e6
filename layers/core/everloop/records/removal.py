"""Removals: who took a model out of the stack and why, how far that is, and what is left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop.moments import moment, text
from everloop.records import installation
from everloop.records.keys import SK, Item, Key, Range, of_model
from everloop.records.writes import EXISTS, Delete, Put, Update, Write, set_of

UNDER_WAY = Range("REMOVALS")


@dataclass(frozen=True)
class Removal:
    """A model's removal. `id` is the execution that it began with.

    `removed` counts what was deleted, by what it is; `notify` is the spec's section that says who
    hears of it. Without `ended_at` it is under way. With
    `versions` the registry's versions go, too, and the model's name is not used again.
    """

    model: str
    id: str
    by: str
    reason: str
    since: datetime
    versions: bool
    notify: Mapping[str, Any] = field(default_factory=dict)
    removed: Mapping[str, int] = field(default_factory=dict)
    passes: int = 0
    ended_at: datetime | None = None


def key(model: str) -> Key:
    return of_model(model, "REMOVAL")


def begin(removal: Removal) -> list[Write]:
    """Return what takes a model out of the ledger's index, so that nothing is started for it."""
    return [
        Put(
            key(removal.model),
            {
                "id": removal.id,
                "by": removal.by,
                "reason": removal.reason,
                "since": text(removal.since),
                "versions": removal.versions,
                "notify": dict(removal.notify),
                "removed": dict(removal.removed),
                "passes": removal.passes,
            },
        ),
        Put(_listed(removal.model), {"since": text(removal.since)}),
        Delete(installation.key(removal.model)),
        Delete(Key(installation.INDEX.pk, removal.model)),
    ]


def note_pass(removal: Removal) -> Update:
    """Return what writes down what is removed by now."""
    values = {"removed": dict(removal.removed), "passes": removal.passes}
    return set_of(key(removal.model), values, f"{EXISTS} AND #id = :id", id=removal.id)


def end(removal: Removal, now: datetime) -> list[Write]:
    """Return what writes down that a removal is over."""
    values = {"removed": dict(removal.removed), "passes": removal.passes, "ended_at": text(now)}
    return [
        set_of(key(removal.model), values, f"{EXISTS} AND #id = :id", id=removal.id),
        Delete(_listed(removal.model)),
    ]


def of(model: str, item: Item) -> Removal:
    return Removal(
        model=model,
        id=item["id"],
        by=item["by"],
        reason=item["reason"],
        since=moment(item["since"]),
        versions=bool(item["versions"]),
        notify=item.get("notify") or {},
        removed={name: int(count) for name, count in item["removed"].items()},
        passes=int(item["passes"]),
        ended_at=moment(item["ended_at"]) if item.get("ended_at") else None,
    )


def model_of(item: Item) -> str:
    """Return which model's removal an item of the list is of."""
    return str(item[SK])


def _listed(model: str) -> Key:
    return Key(UNDER_WAY.pk, model)
