"""A model's data as people are shown it: what is in its datasets, and what is not, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from everloop.records.arrival import Arrival
from everloop.records.object_state import PRESENT, SET_ASIDE, WITHDRAWN, ObjectState
from everloop.records.window import ClosedWindow
from everloop.views.timeline import Outcome

_OUTCOMES: Final[dict[str, Outcome]] = {PRESENT: "good", SET_ASIDE: "waiting", WITHDRAWN: "bad"}


@dataclass(frozen=True)
class Object:
    """A version of an object; its window where it came with one, and who took it out and why.

    `marker` is the delete marker that took it out of S3, if one did.
    """

    id: str
    key: str
    version_id: str
    state: str
    outcome: Outcome
    reason: str
    at: datetime
    by: str
    marker: str
    window: int | None


@dataclass(frozen=True)
class Dataset:
    """A dataset that was frozen, and where its manifest lies."""

    window: int
    digest: str
    uri: str


@dataclass(frozen=True)
class Data:
    """The newest dataset, and a model's objects by key."""

    model: str
    dataset: Dataset | None
    objects: Sequence[Object]


def data(
    model: str,
    newest: ClosedWindow | None,
    states: Mapping[str, ObjectState],
    came: Mapping[int, Iterable[Arrival]],
    *,
    everything: bool,
) -> Data:
    """Return what is in no dataset; with `everything` what is in one, too.

    `states` are by object id, `came` by window: an object that came twice is of the newest.
    """
    windows = {each.id: number for number in sorted(came) for each in came[number]}
    objects = [
        _object(state.id, state, windows.get(state.id))
        for state in states.values()
        if everything or state.state != PRESENT
    ]
    if everything:
        arrived = {each.id: each for number in sorted(came) for each in came[number]}
        objects += [
            _object(id, _present(each), windows[id])
            for id, each in arrived.items()
            if id not in states
        ]
    objects.sort(key=lambda each: (each.key, each.at))
    dataset = Dataset(newest.number, newest.digest or "", newest.uri or "") if newest else None
    return Data(model, dataset, objects)


def _present(arrival: Arrival) -> ObjectState:
    return ObjectState(arrival.key, arrival.version_id, PRESENT, "", arrival.arrived_at)


def _object(id: str, state: ObjectState, window: int | None) -> Object:
    return Object(
        id=id,
        key=state.key,
        version_id=state.version_id,
        state=state.state,
        outcome=_OUTCOMES.get(state.state, "info"),
        reason=state.reason,
        at=state.at,
        by=state.by,
        marker=state.marker,
        window=window,
    )
