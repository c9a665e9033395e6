"""Withdrawing: whatever an event reports, S3 is read, and the ledger remembers what it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop.aws import arrivals, ledger, objects, people, seen, storage
from everloop.aws.settings import settings
from everloop.decisions.objects import Deletion, ListedVersion, restored, settled
from everloop.flows import report
from everloop.messages import Message
from everloop.names import digest
from everloop.records.arrival import Arrival
from everloop.records.object_state import PRESENT, SET_ASIDE, WITHDRAWN, ObjectState, object_id

_SHOWN = 10  # keys in a decision's reason; the ledger has them all
_KINDS = {WITHDRAWN: "withdraw", SET_ASIDE: "set-aside", PRESENT: "restore"}


@dataclass(frozen=True)
class Settlement:
    """What has changed, and current versions that never came to us: they belong into a window.

    `left` are the keys that there were not calls enough for.
    """

    changed: list[ObjectState]
    unseen: list[Arrival]
    left: set[str] = field(default_factory=set)


def settle(
    model: str,
    keys: Sequence[tuple[str, Deletion | None]],
    now: datetime,
    how: str,
    *,
    calls: int | None = None,
) -> Settlement:
    """Look these keys up in S3, remember what is withdrawn of them, and bring back what is not any
    more.

    A key comes with the report of its deletion, if there was one; `how` says how we came to know.
    S3 is called at most `calls` times: keys that lie side by side share one.
    """
    bucket, all_keys = settings().data_bucket, {key for key, _ in keys}
    # A folder that is deleted is hundreds of keys at once, side by side: they share pages.
    prefix = f"data/{model}/" if len(all_keys) > 1 else next(iter(all_keys), "")
    listings, left = storage.versions_within(bucket, prefix, all_keys, calls)
    keys = [(key, deletion) for key, deletion in keys if key not in left]
    ids = {one.id for listed in listings.values() for one in listed if not one.marker}
    ids |= {object_id(key, deletion.version_id) for key, deletion in keys if deletion is not None}
    came, states = seen.among(model, ids), objects.states_of(model, ids)
    changed: dict[str, ObjectState] = {}
    unseen: dict[str, Arrival] = {}
    for key, deletion in keys:
        listed = listings.get(key, [])
        came_once = deletion is not None and object_id(key, deletion.version_id) in came
        for state in settled(key, listed, states, now, deletion=deletion, seen=came_once):
            changed[state.id] = states[state.id] = state
        current = next((one for one in listed if one.latest and not one.marker), None)
        if current is not None and current.id not in came:
            unseen[current.id] = arrived(current)
    # First the message, then the record: nobody looks again at what is recorded.
    record(model, list(changed.values()), now, how)
    for state in changed.values():
        remember(model, state, listings.get(state.key, []), now)
        unseen.pop(state.id, None)
    return Settlement(list(changed.values()), list(unseen.values()), left)


def restore(
    model: str, deletions: Mapping[str, Deletion], now: datetime
) -> tuple[set[str], dict[str, str]]:
    """Bring back what a person wants back; return which keys are, and why others are not."""
    listings = {key: storage.versions_of(settings().data_bucket, key) for key in deletions}
    back, left = list[ObjectState](), dict[str, str]()
    for key, deletion in deletions.items():
        ids = [one.id for one in listings[key] if not one.marker]
        result = restored(listings[key], objects.states_of(model, ids), deletion)
        if isinstance(result, str):
            left[key] = result
        else:
            back.append(result)
    record(model, back, now, "everloop data restore")
    for state in back:
        remember(model, state, listings[state.key], now)
    return {state.key for state in back}, left


def remember(
    model: str, state: ObjectState, listed: Sequence[ListedVersion], now: datetime
) -> None:
    """Write a state down. What is present again counts as an arrival: it is in the next dataset,
    whatever the spec's `keep` says, and starts a training as a drop does.
    """
    if state.state == PRESENT:
        again = next((one for one in listed if one.id == state.id), None)
        if again is not None:
            arrivals.add(model, [arrived(again, now)], again=True)
    objects.put(model, state)


def arrived(version: ListedVersion, at: datetime | None = None) -> Arrival:
    """Return a version that S3 lists as an arrival; S3 gives its sequencers in events only."""
    when = at or version.modified
    return Arrival(version.key, version.version_id, version.etag, version.size, "", when)


def record(model: str, changed: Sequence[ObjectState], now: datetime, how: str) -> None:
    """Record in the model's chain what changed: a decision for each kind of state and each actor.

    `how` says how we came to know.
    """
    for state, kind in _KINDS.items():
        those = [each for each in changed if each.state == state]
        for by in sorted({each.by for each in those}):
            mine = sorted(
                (each for each in those if each.by == by), key=lambda each: (each.key, each.id)
            )
            reasons = sorted({each.reason for each in mine})
            id = digest([[each.id, each.marker, each.reason, str(each.at)] for each in mine])
            if state == WITHDRAWN:
                people.notify(_withdrawn(model, mine, how, id), _spec(model), now)
            report.decided(
                kind,
                id=id,
                model=model,
                time=now,
                go=True,
                reason=f"{how}: {shown([each.key for each in mine])}: {'; '.join(reasons[:3])}",
                facts={
                    "objects": len(mine),
                    "versions": [[each.key, each.version_id] for each in mine[:_SHOWN]],
                },
                actor=by or "everloop",
            )


def _withdrawn(model: str, mine: Sequence[ObjectState], how: str, id: str) -> Message:
    return Message(
        kind="data-withdrawn",
        model=model,
        happened=f"{len(mine)} objects are in no later dataset",
        why=f"{how}: {shown([each.key for each in mine])}",
        id=id,
        numbers={"objects": len(mine), "by": mine[0].by or "not known"},
        to_do=("Which versions were trained on them:", f"  everloop why {model}"),
    )


def _spec(model: str) -> Mapping[str, Any] | None:
    installed = ledger.find_installed(model)
    return installed.spec if installed is not None else None


def shown(keys: Sequence[str]) -> str:
    """Return so many keys as a reason has room for."""
    unique = sorted(set(keys))
    more = f" and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else ""
    return f"{', '.join(unique[:_SHOWN])}{more}"
