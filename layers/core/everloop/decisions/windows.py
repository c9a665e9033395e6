"""Dataset windows: when a drop is complete, and which objects make the dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from everloop.moments import moment, text
from everloop.names import digest

REFUSED = "refused"  # the outcome of a window that the governor did not train on
GIVEN_UP = "given up"  # stands for the outcome of one that no attempt could train


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
        return digest([self.key, self.version_id])


@dataclass(frozen=True)
class Window:
    """The open window of a model. Times are those of the arrivals, not of any machine of ours."""

    number: int = 1
    objects: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    marker: str | None = None
    marked_at: datetime | None = None
    attempt: int = 1
    token: str | None = None


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


def newest(arrivals: Iterable[Arrival]) -> list[Arrival]:
    """Return the newest version of each key, sorted by key.

    S3's sequencer orders the versions of one key: hex, the shorter padded on the right.
    """
    kept: dict[str, Arrival] = {}
    for arrival in arrivals:
        other = kept.get(arrival.key)
        if other is None or _order(arrival, other) > _order(other, arrival):
            kept[arrival.key] = arrival
    return [kept[key] for key in sorted(kept)]


def _order(one: Arrival, other: Arrival) -> tuple[str, datetime, str]:
    width = max(len(one.sequencer), len(other.sequencer))
    comparable = one.sequencer and other.sequencer
    sequencer = one.sequencer.upper().ljust(width, "0") if comparable else ""
    return (sequencer, one.arrived_at, one.version_id)


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
        answered = outcome is not None and outcome != REFUSED
        if later > number and answered and number in kept_windows(later, keep):
            return later
    return None


def dataset_digest(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return the digest of a dataset: the same bytes uploaded again give the same one."""
    return digest(sorted([o["key"], o["etag"], o["size"]] for o in objects))


def manifest(
    model: str,
    bucket: str,
    arrivals: Mapping[int, Sequence[Arrival]],
    frozen_at: datetime,
) -> dict[str, Any]:
    """Return the frozen dataset of these windows; the last of them is the new one."""
    window_of = {a.id: number for number, found in arrivals.items() for a in found}
    objects = [
        {
            "bucket": bucket,
            "key": a.key,
            "version_id": a.version_id,
            "etag": a.etag,
            "size": a.size,
            "window": window_of[a.id],
        }
        for a in newest(a for found in arrivals.values() for a in found)
    ]
    return {
        "version": 1,
        "model": model,
        "digest": dataset_digest(objects),
        "windows": sorted(arrivals),
        "new_windows": [max(arrivals)],
        "frozen_at": text(frozen_at),
        "objects": objects,
    }


def arrival_of(item: Mapping[str, Any]) -> Arrival:
    """Read an arrival as the ledger keeps it."""
    return Arrival(
        key=str(item["key"]),
        version_id=str(item["version_id"]),
        etag=str(item["etag"]),
        size=int(item["size"]),
        sequencer=str(item.get("sequencer") or ""),
        arrived_at=moment(item["arrived_at"], field="arrived_at"),
    )


def _length(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
