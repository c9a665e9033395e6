"""Objects that are in no dataset: withdrawn, set aside, or back again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from everloop.moments import moment, text
from everloop.names import digest
from everloop.records.keys import Item, Key, Range
from everloop.records.writes import Put

PRESENT, WITHDRAWN, SET_ASIDE = "present", "withdrawn", "set-aside"
NOBODY: Final = ""  # who it was is not known


def object_id(key: str, version_id: str) -> str:
    """Return how the ledger calls a version of an object."""
    return digest([key, version_id])


@dataclass(frozen=True)
class ObjectState:
    """What the ledger remembers of an object version that is, or was, in no dataset.

    `by` is who S3 says it was: an account or a service; a person only where our command did it.
    `marker` is the delete marker that took it out, if one did. `forgotten` is what was deleted for
    somebody who was forgotten: it never comes back, whatever S3 shows for a moment.
    """

    key: str
    version_id: str
    state: str
    reason: str
    at: datetime
    by: str = NOBODY
    marker: str = ""
    forgotten: bool = False

    @property
    def id(self) -> str:
        return object_id(self.key, self.version_id)


def all_of(model: str) -> Range:
    return Range(f"OBJECT#{model}")


def key(model: str, id: str) -> Key:
    return Key(all_of(model).pk, id)


def put(model: str, state: ObjectState) -> Put:
    return Put(
        key(model, state.id),
        {
            "key": state.key,
            "version_id": state.version_id,
            "state": state.state,
            "reason": state.reason,
            "at": text(state.at),
            "by": state.by,
            "marker": state.marker,
            **({"forgotten": True} if state.forgotten else {}),
        },
    )


def of(item: Item) -> ObjectState:
    return ObjectState(
        key=item["key"],
        version_id=item["version_id"],
        state=item["state"],
        reason=item["reason"],
        at=moment(item["at"]),
        by=item.get("by") or "",
        marker=item.get("marker") or "",
        forgotten=bool(item.get("forgotten")),
    )
