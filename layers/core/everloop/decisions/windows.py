"""Dataset windows: when a drop is complete, and which objects make the dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from everloop.decisions.objects import REPLACED, ListedVersion, below_markers
from everloop.moments import text
from everloop.names import digest
from everloop.records.arrival import Arrival
from everloop.records.object_state import SET_ASIDE, WITHDRAWN, ObjectState
from everloop.records.window import BAD_FILES, NOTHING_LEFT, REFUSED, Window

_NOT_TRAINED = (REFUSED, BAD_FILES, NOTHING_LEFT)  # they answer for no other window
GIVEN_UP = "given up"  # stands for the outcome of one that no attempt could train


@dataclass(frozen=True)
class Completeness:
    """Whether a drop is complete; if not, for how many seconds it must stay quiet yet."""

    complete: bool
    wait_seconds: int
    reason: str


# A drop that never pauses would never be trained on: after this many quiet periods it is cut.
_LONGEST_IN_QUIET_PERIODS = 48


def completeness(window: Window, quiet: timedelta, now: datetime) -> Completeness:
    """Decide whether the open window can be closed now."""
    if window.marker and not _outdated(window):
        return Completeness(True, 0, f"the marker {window.marker!r} says that the drop is complete")
    if window.last_at is None or window.first_at is None:
        return Completeness(True, 0, "nothing has arrived since the last dataset")
    # An event that is redriven days later, or a clock that is behind, gives a `now` of the past.
    remaining = min(window.last_at + quiet - now, quiet)
    if remaining <= timedelta(0):
        return Completeness(
            True, 0, f"{window.objects} objects, and none in the last {_length(quiet)}"
        )
    longest = quiet * _LONGEST_IN_QUIET_PERIODS
    if now - window.first_at >= longest:
        return Completeness(True, 0, f"objects have kept arriving for {_length(longest)}; cut here")
    wait = max(1, -(-remaining // timedelta(seconds=1)))
    return Completeness(False, wait, f"last arrival at {text(window.last_at)}; quiet for {wait} s")


def _outdated(window: Window) -> bool:
    """Whether something arrived after the marker, which therefore spoke of another drop."""
    marked, last = window.marked_at, window.last_at
    return marked is not None and last is not None and last > marked


def kept_windows(number: int, keep: int | None) -> list[int]:
    """Return which windows a dataset that ends with window `number` is made of; None keeps all."""
    first = 1 if keep is None else max(1, number - keep + 1)
    return list(range(first, number + 1))


def left_over(windows: Iterable[tuple[int, str | None]], keep: int | None) -> int | None:
    """Return the newest closed window that nobody trained on; None if there is none.

    `windows` are closed ones with their outcomes, the newest first. A later dataset that was
    trained on contains what it keeps of the earlier ones: those need no training of their own.
    """
    newer: list[tuple[int, str | None]] = []
    for number, outcome in windows:
        if outcome is None and trained_with(number, newer, keep) is None:
            return number
        newer.append((number, outcome))
    return None


def trained_with(
    number: int, windows: Iterable[tuple[int, str | None]], keep: int | None
) -> int | None:
    """Return the first later window whose dataset was trained on and holds this one's data, too."""
    for later, outcome in windows:
        answered = outcome is not None and outcome not in _NOT_TRAINED
        if later > number and answered and number in kept_windows(later, keep):
            return later
    return None


@dataclass(frozen=True)
class LeftOut:
    """An arrival that is in no dataset: why, and by which delete marker where one took it out."""

    arrival: Arrival
    state: str
    marker: ListedVersion | None = None


@dataclass(frozen=True)
class Selection:
    """Which arrivals make a dataset, with their windows, by key; and which do not."""

    kept: list[tuple[Arrival, int]]
    left_out: list[LeftOut]

    def counts(self) -> dict[str, int]:
        """Return how many objects (by key) were left out, for each reason."""
        keys = {state: set[str]() for state in (WITHDRAWN, SET_ASIDE, REPLACED)}
        kept = {arrival.key for arrival, _ in self.kept}
        for each in self.left_out:
            if each.arrival.key not in kept:
                keys[each.state].add(each.arrival.key)
        return {state: len(of_state) for state, of_state in keys.items()}


def chosen(
    arrivals: Mapping[int, Sequence[Arrival]],
    listed: Mapping[str, Sequence[ListedVersion]],
    states: Mapping[str, ObjectState],
) -> Selection:
    """Choose the newest version of each key that is still there, as S3 lists and orders them.

    What lies below a delete marker, or is gone with its key, was withdrawn. A version that is gone
    while its key holds something newer was replaced, and expired: no withdrawal. What replaced a
    version and was set aside does not bring it back: who replaced it did not want it.
    """
    window_of: dict[str, int] = {}
    by_key: dict[str, dict[str, Arrival]] = {}
    for number in sorted(arrivals):
        for arrival in arrivals[number]:
            window_of[arrival.id] = number
            by_key.setdefault(arrival.key, {})[arrival.id] = arrival
    kept, left_out = list[tuple[Arrival, int]](), list[LeftOut]()
    for key in sorted(by_key):
        one, others = _choose(by_key[key], listed.get(key, ()), states)
        if one is not None:
            kept.append((one, window_of[one.id]))
        left_out += others
    return Selection(kept, left_out)


def _choose(
    came: Mapping[str, Arrival], listed: Sequence[ListedVersion], states: Mapping[str, ObjectState]
) -> tuple[Arrival | None, list[LeftOut]]:
    """Choose among the arrivals of one key."""
    left_out, closed, listed_ids = list[LeftOut](), False, set[str]()
    one: Arrival | None = None
    for version, marker in below_markers(listed):
        arrival, known = came.get(version.id), states.get(version.id)
        state = known.state if known is not None else ""
        listed_ids.add(version.id)
        if marker is not None or state == WITHDRAWN:
            if arrival is not None:
                left_out.append(LeftOut(arrival, WITHDRAWN, marker))
        elif state == SET_ASIDE:
            closed = True  # nor does anything older come back
            if arrival is not None:
                left_out.append(LeftOut(arrival, SET_ASIDE))
        elif arrival is not None and one is None and not closed:
            one = arrival
    current = next((each for each in listed if each.latest and not each.marker), None)
    for id, arrival in came.items():
        if id not in listed_ids:
            # A lifecycle rule takes what is not current: of the newest version, somebody did it.
            replaced = current is not None and current.modified >= arrival.arrived_at
            left_out.append(LeftOut(arrival, REPLACED if replaced else WITHDRAWN))
    return one, left_out


def dataset_digest(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return the digest of a dataset: the same bytes uploaded again give the same one."""
    return digest(sorted([o["key"], o["etag"], o["size"]] for o in objects))


def manifest(
    model: str, bucket: str, windows: Sequence[int], chosen: Selection, frozen_at: datetime
) -> dict[str, Any]:
    """Return the frozen dataset of these windows; the last of them is the new one."""
    objects = [
        {
            "bucket": bucket,
            "key": a.key,
            "version_id": a.version_id,
            "etag": a.etag,
            "size": a.size,
            "window": window,
        }
        for a, window in chosen.kept
    ]
    return {
        "version": 1,
        "model": model,
        "digest": dataset_digest(objects),
        "windows": sorted(windows),
        "new_windows": [max(windows)],
        "frozen_at": text(frozen_at),
        "left_out": chosen.counts(),
        "objects": objects,
    }


def _length(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
