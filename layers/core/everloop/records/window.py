"""Dataset windows: the open one of a model, which objects come into, and the closed ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from everloop.moments import moment, text
from everloop.records.arrival import Arrival
from everloop.records.keys import Item, Key, Range, among, of_model
from everloop.records.run import DATA
from everloop.records.writes import EXISTS, NEW, Put, Update, set_of

# Outcomes of a closed window, beside those of the run that was trained on it.
REFUSED: Final = "refused"  # the governor did not train on it
BAD_FILES: Final = "bad-files"  # its files were no data, by the data's own rules
NOTHING_LEFT: Final = "nothing-left"  # its objects were all taken out again
# Outcomes of a window of objects that are to be scored; one that failed names the version.
SCORED: Final = "scored"
FAILED_WITH: Final = "failed:v"


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
class ClosedWindow:
    """A closed window. Without a digest its manifest is still to be written.

    Of one that is scored, `uri` is where its files are listed, once its jobs ended well.
    """

    number: int
    closed_at: datetime
    objects: int
    attempt: int
    reason: str
    cause: str  # of the training that it was closed for
    digest: str | None = None
    uri: str | None = None
    bytes: int = 0
    new_bytes: int = 0
    outcome: str | None = None
    again: int = 0  # how often a person asked to train the same data and code once more


def key(model: str) -> Key:
    return of_model(model, "WINDOW")


def of(item: Item) -> Window:
    return Window(
        number=int(item.get("number") or 1),
        objects=int(item.get("objects") or 0),
        first_at=moment(item["first_at"]) if item.get("first_at") else None,
        last_at=moment(item["last_at"]) if item.get("last_at") else None,
        marker=item.get("marker"),
        marked_at=moment(item["marked_at"]) if item.get("marked_at") else None,
        attempt=int(item.get("attempt") or 1),
        token=item.get("token"),
    )


def make(
    model: str,
    number: int,
    objects: int = 0,
    first_at: datetime | None = None,
    last_at: datetime | None = None,
) -> Put:
    """Return what makes the open window, where none is there."""
    held: dict[str, Any] = {"number": number, "objects": objects, "attempt": 1}
    if first_at is not None and last_at is not None:
        held |= {"first_at": text(first_at), "last_at": text(last_at)}
    return Put(key(model), held, NEW)


def extend(model: str, number: int, last_at: datetime) -> Update:
    """Return what moves the newest arrival of the open window; it only moves forward."""
    return set_of(
        key(model),
        {"last_at": text(last_at)},
        "#number = :number AND (attribute_not_exists(#last_at) OR #last_at < :last_at)",
        number=number,
    )


def grow(model: str, number: int, part: Sequence[Arrival]) -> Update:
    """Return what counts new arrivals, as long as the window is open."""
    return Update(
        key(model),
        "SET #first_at = if_not_exists(#first_at, :first) ADD #objects :count",
        "#number = :number",
        {
            "first": text(min(arrival.arrived_at for arrival in part)),
            "count": len(part),
            "number": number,
        },
    )


def mark(model: str, number: int, marker: Arrival) -> Update:
    """Return what writes down a marker, unless it is older than what came, or than another."""
    return set_of(
        key(model),
        {"marker": marker.key, "marked_at": text(marker.arrived_at)},
        "#number = :number AND (attribute_not_exists(#last_at) OR #last_at <= :marked_at) "
        "AND (attribute_not_exists(#marked_at) OR #marked_at <= :marked_at)",
        number=number,
    )


def await_quiet(model: str, number: int, token: str) -> Update:
    """Return what lets a machine wait for the marker. The train machine itself writes this.

    A marker that came before it listened resumes nobody; a window that is closed needs no quiet.
    """
    return set_of(
        key(model),
        {"token": token},
        "#number = :number AND (attribute_not_exists(#marked_at) OR #marked_at < #last_at)",
        number=number,
    )


def forget_token(model: str, token: str) -> Update:
    return Update(key(model), "REMOVE #token", "#token = :token", {"token": token})


def attempts(model: str, number: int, attempt: int) -> list[Update]:
    """Return what writes down the latest attempt at a window: at the open one, or a closed one."""
    later = "#number = :number AND #attempt < :attempt"
    return [
        set_of(place, {"attempt": attempt}, later, number=number)
        for place in (key(model), closed_key(model, number))
    ]


def close(model: str, window: Window, now: datetime, reason: str, cause: str) -> tuple[Put, Update]:
    """Return what closes the open window, as it was read, and opens the next."""
    closed = Put(
        closed_key(model, window.number),
        {
            "number": window.number,
            "closed_at": text(now),
            "objects": window.objects,
            "attempt": window.attempt,
            "reason": reason,
            "cause": cause,
        },
        NEW,
    )
    following = Update(
        key(model),
        "SET #number = :next, #objects = :none, #attempt = :first "
        "REMOVE #first_at, #last_at, #marker, #marked_at, #token",
        "#number = :number AND #objects = :objects",
        {
            "next": window.number + 1,
            "none": 0,
            "first": 1,
            "number": window.number,
            "objects": window.objects,
        },
    )
    return closed, following


def closed_key(model: str, number: int) -> Key:
    return of_model(model, f"WINDOW#{number:08d}")


def all_closed(model: str) -> Range:
    return among(model, "WINDOW#")


def closed_of(item: Item) -> ClosedWindow:
    return ClosedWindow(
        number=int(item["number"]),
        closed_at=moment(item["closed_at"]),
        objects=item["objects"],
        attempt=item["attempt"],
        reason=item["reason"],
        cause=item.get("cause") or DATA,
        digest=item.get("digest"),
        uri=item.get("uri"),
        bytes=int(item.get("bytes") or 0),
        new_bytes=int(item.get("new_bytes") or 0),
        outcome=item.get("outcome"),
        again=int(item.get("again") or 0),
    )


def note_manifest(
    model: str, number: int, digest: str, uri: str, size: int, new_bytes: int
) -> Update:
    """Return what writes down where a closed window's manifest lies."""
    return set_of(
        closed_key(model, number),
        {"digest": digest, "uri": uri, "bytes": size, "new_bytes": new_bytes},
        EXISTS,
    )


def note_scored(model: str, number: int, uri: str) -> Update:
    """Return what writes down that a window's jobs ended well, and where its files are listed."""
    return set_of(closed_key(model, number), {"uri": uri}, EXISTS)


def note_outcome(model: str, number: int, outcome: str) -> Update:
    """Return what writes down what became of a closed window; an open one has no outcome."""
    return set_of(closed_key(model, number), {"outcome": outcome}, EXISTS)


def clear_outcome(model: str, number: int, outcome: str, again: int = 0) -> Update:
    """Return what lets a closed window that ended so be trained once more; `again`, where given,
    tells the run of the same data and code from those before."""
    change: str = "REMOVE #outcome"
    values: dict[str, Any] = {"outcome": outcome}
    if again:
        change = f"SET #again = :again {change}"
        values["again"] = again
    return Update(closed_key(model, number), change, "#outcome = :outcome", values)
