"""Objects of a drop: which are still there, by what S3 lists and what the ledger remembers.

An object version is present, withdrawn (somebody deleted it) or set aside (its content was refused
by the data's own rules). What is withdrawn or set aside is in no later dataset.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from everloop.moments import text
from everloop.records.object_state import (
    NOBODY,
    PRESENT,
    WITHDRAWN,
    ObjectState,
    object_id,
)

REPLACED = "replaced"  # gone, and its key holds something newer: no withdrawal


@dataclass(frozen=True)
class ListedVersion:
    """A version, or a delete marker, as S3 lists it."""

    key: str
    version_id: str
    latest: bool
    modified: datetime
    marker: bool = False
    etag: str = ""
    size: int = 0

    @property
    def id(self) -> str:
        return object_id(self.key, self.version_id)


@dataclass(frozen=True)
class Deletion:
    """A deletion as S3's event, or our own command, tells of it."""

    version_id: str  # of the delete marker, or of the version that is gone
    marker: bool
    expired: bool  # by a lifecycle rule
    by: str
    at: datetime
    words: str = ""


def newest_first(listed: Sequence[ListedVersion]) -> list[ListedVersion]:
    """Sort one key's versions and markers as S3 orders them, which lists both apart.

    Times are whole seconds. In the same second a deletion counts as the later act, unless S3 says
    which is the latest: what may have been deleted is not trained on.
    """
    return sorted(listed, key=lambda one: (one.latest, one.modified, one.marker), reverse=True)


def below_markers(
    listed: Sequence[ListedVersion],
) -> Iterator[tuple[ListedVersion, ListedVersion | None]]:
    """Yield a key's versions, the newest first, each with the delete marker that hides it."""
    marker = None
    for one in newest_first(listed):
        if one.marker:
            marker = one
        else:
            yield one, marker


def settled(
    key: str,
    listed: Sequence[ListedVersion],
    states: Mapping[str, ObjectState],
    now: datetime,
    *,
    told: Deletion | None = None,
    seen: bool = False,
) -> list[ObjectState]:
    """Return what changes in the ledger's memory of a key, now that S3 was asked.

    `told` is what the deletion said, `seen` whether the version it names came to us once. The
    expiry of an old version by a lifecycle rule is no withdrawal.
    """
    found = []
    for version, marker in below_markers(listed):
        known = states.get(version.id)
        if marker is not None:
            found += _hidden(version, marker, known, told)
        elif known is not None and known.state == WITHDRAWN:
            by = told.by if told is not None else NOBODY
            why = _reason(told, "its delete marker was taken away: S3 shows it again")
            found.append(ObjectState(key, version.version_id, PRESENT, why, now, by))
    if told is None or told.marker or told.expired or not seen:
        return found
    known = states.get(object_id(key, told.version_id))
    there = any(one.version_id == told.version_id for one in listed)
    if not there and (known is None or known.state != WITHDRAWN or (told.by and not known.by)):
        why = _reason(told, "this version was deleted for good")
        found.append(ObjectState(key, told.version_id, WITHDRAWN, why, told.at, told.by))
    return found


def restored(
    listed: Sequence[ListedVersion], states: Mapping[str, ObjectState], told: Deletion
) -> ObjectState | str:
    """Return the state of a key's newest version that a person brings back, or why they cannot.

    `told` names the delete marker that our command took away, if it did: then the event of that may
    have been faster, and it is the person who brought it back.
    """
    version, marker = next(below_markers(listed), (None, None))
    if version is None:
        return "S3 has no version of it any more: drop it again"
    if marker is not None:
        return f"the delete marker of {text(marker.modified)} hides it: delete that version first"
    known = states.get(version.id)
    if known is None:
        return "it was never taken out"
    if known.state == PRESENT and (not told.version_id or known.by == told.by):
        return "it is back already"
    reason = f"brought back: {told.words}"
    return ObjectState(version.key, version.version_id, PRESENT, reason, told.at, told.by)


def _hidden(
    version: ListedVersion, marker: ListedVersion, known: ObjectState | None, told: Deletion | None
) -> list[ObjectState]:
    """Return the withdrawal of a version below a marker, unless the ledger has it, and by whom."""
    named = told is not None and told.marker and told.version_id == marker.version_id
    who = told.by if told is not None and named else NOBODY
    withdrawn = known is not None and known.state == WITHDRAWN
    person = named and told is not None and bool(told.words)  # our command's word is the better one
    if withdrawn and not (who and known is not None and (not known.by or person)):
        return []
    why = "a lifecycle rule deleted it" if named and told and told.expired else "it was deleted"
    why = f"{why}: delete marker of {text(marker.modified)}"
    if named and told is not None and told.words:
        why = f"{why}: {told.words}"
    made = ObjectState(
        version.key, version.version_id, WITHDRAWN, why, marker.modified, who, marker.version_id
    )
    return [] if made == known else [made]


def _reason(told: Deletion | None, otherwise: str) -> str:
    return f"{otherwise}: {told.words}" if told is not None and told.words else otherwise
