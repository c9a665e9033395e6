"""Which versions of a model were trained on objects that were withdrawn since."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from everloop.moments import text
from everloop.records.object_state import WITHDRAWN, ObjectState, object_id

_SHOWN: Final = 20  # keys of each version


@dataclass(frozen=True)
class Affected:
    """A version that was trained on so many objects that are withdrawn by now."""

    version: int
    objects: int
    keys: Sequence[str]


@dataclass(frozen=True)
class TrainedOn:
    """`withdrawn` is how many objects are; `unread` are versions whose manifest is no more."""

    versions: Sequence[Affected]
    withdrawn: int
    unread: Sequence[int]


def withdrawn(states: Iterable[ObjectState]) -> list[ObjectState]:
    return [state for state in states if state.state == WITHDRAWN]


def trained_on(
    gone: Sequence[ObjectState], manifests: Mapping[int, Mapping[str, Any] | None]
) -> TrainedOn:
    """Compare what was withdrawn with the manifests of versions; None stands for one unread."""
    ids = {state.id for state in gone}
    # A delete marker takes a key out with all its older contents, also those that expired since.
    marked: dict[str, str] = {}
    for state in gone:
        if state.marker:
            marked[state.key] = max(text(state.at), marked.get(state.key, ""))
    affected = []
    for number, manifest in manifests.items():
        keys = [
            str(each["key"])
            for each in (manifest or {}).get("objects", ())
            if object_id(each["key"], each["version_id"]) in ids
            or str((manifest or {})["frozen_at"]) < marked.get(each["key"], "")
        ]
        if keys:
            affected.append(Affected(number, len(keys), sorted(keys)[:_SHOWN]))
    unread = [number for number, manifest in manifests.items() if manifest is None]
    return TrainedOn(affected, len(gone), unread)
