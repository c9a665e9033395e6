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
    """A deletion as S3's event, or our own command, reports it."""

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
    deletion: Deletion | None = None,
    seen: bool = False,
) -> list[ObjectState]:
    """Return what changes in the ledger's memory of a key, now that S3 was read.

    `deletion` is what was reported of it, `seen` whether the version it names came to us once. The
    expiry of an old version by a lifecycle rule is no withdrawal.
    """
    changes = []
    for version, marker in below_markers(listed):
        known = states.get(version.id)
        if known is not None and known.forgotten:
            continue
        if marker is not None:
            changes += _hidden(version, marker, known, deletion)
        elif known is not None and known.state == WITHDRAWN:
            by = deletion.by if deletion is not None else NOBODY
            why = _reason(deletion, "its delete marker was taken away: S3 shows it again")
            changes.append(ObjectState(key, version.version_id, PRESENT, why, now, by))
    if deletion is None or deletion.marker or deletion.expired or not seen:
        return changes
    known = states.get(object_id(key, deletion.version_id))
    if known is not None and known.forgotten:
        return changes
    there = any(one.version_id == deletion.version_id for one in listed)
    if not there and (known is None or known.state != WITHDRAWN or (deletion.by and not known.by)):
        why = _reason(deletion, "this version was deleted for good")
        changes.append(
            ObjectState(key, deletion.version_id, WITHDRAWN, why, deletion.at, deletion.by)
        )
    return changes


def restored(
    listed: Sequence[ListedVersion], states: Mapping[str, ObjectState], deletion: Deletion
) -> ObjectState | str:
    """Return the state of a key's newest version that a person brings back, or why they cannot.

    `deletion` names the delete marker that our command took away, if it did: its event may have
    been faster, and it is the person who brought it back.
    """
    version, marker = next(below_markers(listed), (None, None))
    if version is None:
        return "S3 has no version of it any more: drop it again"
    if marker is not None:
        return f"the delete marker of {text(marker.modified)} hides it: delete that version first"
    known = states.get(version.id)
    if known is None:
        return "it was never taken out"
    if known.state == PRESENT and (not deletion.version_id or known.by == deletion.by):
        return "it is back already"
    reason = f"brought back: {deletion.words}"
    return ObjectState(version.key, version.version_id, PRESENT, reason, deletion.at, deletion.by)


def _hidden(
    version: ListedVersion,
    marker: ListedVersion,
    known: ObjectState | None,
    deletion: Deletion | None,
) -> list[ObjectState]:
    """Return the withdrawal of a version below a marker, unless the ledger has it, and by whom."""
    named = deletion is not None and deletion.marker and deletion.version_id == marker.version_id
    who = deletion.by if deletion is not None and named else NOBODY
    withdrawn = known is not None and known.state == WITHDRAWN
    person = (
        named and deletion is not None and bool(deletion.words)
    )  # our command's word is the better one
    if withdrawn and not (who and known is not None and (not known.by or person)):
        return []
    why = (
        "a lifecycle rule deleted it"
        if named and deletion and deletion.expired
        else "it was deleted"
    )
    why = f"{why}: delete marker of {text(marker.modified)}"
    if named and deletion is not None and deletion.words:
        why = f"{why}: {deletion.words}"
    made = ObjectState(
        version.key, version.version_id, WITHDRAWN, why, marker.modified, who, marker.version_id
    )
    return [] if made == known else [made]


def _reason(deletion: Deletion | None, otherwise: str) -> str:
    return (
        f"{otherwise}: {deletion.words}" if deletion is not None and deletion.words else otherwise
    )
