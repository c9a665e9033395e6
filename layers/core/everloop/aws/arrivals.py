"""Dataset windows in the ledger: each object version lands in exactly one, whatever is repeated."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.aws import seen, table
from everloop.aws.table import Cancelled, model_key
from everloop.decisions.governor import DATA
from everloop.decisions.windows import Arrival, Window, arrival_of
from everloop.errors import Conflict, NotReady
from everloop.moments import moment, text

# A transaction takes 100 actions: one for the window, two for each object.
_OBJECTS_PER_TRANSACTION = 49
# Another batch of the same model writes the same window; each conflict means that it got through.
_MOST_CONFLICTS = 20


@dataclass(frozen=True)
class Closed:
    """A closed window. Without a digest its manifest is still to be written."""

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


def open_window(model: str) -> Window:
    item = table.get(model_key(model, "WINDOW")) or _made_again(model)
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


def _made_again(model: str) -> Mapping[str, Any]:
    """Make a deleted open window again: the one after the last closed one, with what it holds."""
    last = next(iter(table.query(f"MODEL#{model}", "WINDOW#", newest_first=True, limit=1)), None)
    number = int(last["number"]) + 1 if last else 1
    held = sorted(item["arrived_at"] for item in table.query(f"ARRIVAL#{model}#{number}"))
    item = {**model_key(model, "WINDOW"), "number": number, "objects": len(held), "attempt": 1}
    if held:
        item |= {"first_at": held[0], "last_at": held[-1]}
    if number == 1 and not held:
        return item  # nothing was there before: the first arrival writes it
    try:
        table.put(item, condition="attribute_not_exists(#pk)")
    except Conflict:
        return table.get(model_key(model, "WINDOW")) or item  # somebody was faster
    return item


def add(
    model: str, arrivals: Sequence[Arrival], marker: Arrival | None = None, *, again: bool = False
) -> int:
    """Put arrivals into the open window; return how many were new.

    With `again`, what is in an earlier window already is put into this one, too.

    A marker that is older than the window's newest object spoke of an earlier drop: it came late,
    or again.

    Raises NotReady if the window was closed meanwhile or others write to it: the batch comes again.
    """
    window = open_window(model)
    _ensure(model, window)
    fresh = {arrival.id: arrival for arrival in arrivals}
    added, conflicts = 0, 0
    pending = list(fresh.values())
    if pending:
        _extend(model, window, max(arrival.arrived_at for arrival in pending))
    while pending:
        part, pending = pending[:_OBJECTS_PER_TRANSACTION], pending[_OBJECTS_PER_TRANSACTION:]
        try:
            table.transact(_adding(model, window, part, again=again), f"arrivals of {model}")
            added += len(part)
        except Cancelled as cancelled:
            if cancelled.refused(0):
                raise NotReady(f"window {window.number} of {model} was closed meanwhile") from None
            known = {
                part[(index - 1) // 2].id
                for index in range(1, len(cancelled.reasons))
                if cancelled.refused(index)
            }
            conflicts += not known
            if conflicts > _MOST_CONFLICTS:
                raise
            # Those have their window already: the rest goes without them.
            pending = [arrival for arrival in part if arrival.id not in known] + pending
    if marker is not None:
        _mark(model, window.number, marker)
    return added


def _ensure(model: str, window: Window) -> None:
    if window.objects:
        return
    try:
        table.put(
            {**model_key(model, "WINDOW"), "number": window.number, "objects": 0, "attempt": 1},
            condition="attribute_not_exists(#pk)",
        )
    except Conflict:
        return  # somebody was faster


def _extend(model: str, window: Window, last_at: datetime) -> None:
    """Let the window's quiet period begin with its newest arrival, whoever collects at once.

    Before the arrivals are added: who freezes the window meanwhile waits once too long, never too
    short.
    """
    if window.last_at is not None and window.last_at >= last_at:
        return  # within a window it only grows
    try:
        table.update(
            model_key(model, "WINDOW"),
            "SET #last_at = :last",
            condition="#number = :number AND (attribute_not_exists(#last_at) OR #last_at < :last)",
            last=text(last_at),
            number=window.number,
        )
    except Conflict:
        return  # a newer one is known, or the window was closed: adding to it finds out


def _adding(
    model: str, window: Window, part: Sequence[Arrival], *, again: bool
) -> list[dict[str, Any]]:
    actions = [
        table.action_update(
            model_key(model, "WINDOW"),
            "SET #first_at = if_not_exists(#first_at, :first) ADD #objects :count",
            condition="#number = :number",
            first=text(min(arrival.arrived_at for arrival in part)),
            count=len(part),
            number=window.number,
        )
    ]
    for arrival in part:
        item = {
            "key": arrival.key,
            "version_id": arrival.version_id,
            "etag": arrival.etag,
            "size": arrival.size,
            "sequencer": arrival.sequencer,
            "arrived_at": text(arrival.arrived_at),
        }
        actions.append(
            table.action_put(
                seen.item(model, arrival.id, window.number),
                condition="attribute_not_exists(#pk)" + (" OR #window < :number" if again else ""),
                **({"number": window.number} if again else {}),
            )
        )
        actions.append(
            table.action_put({"pk": f"ARRIVAL#{model}#{window.number}", "sk": arrival.id, **item})
        )
    return actions


def _mark(model: str, number: int, marker: Arrival) -> None:
    try:
        table.update(
            model_key(model, "WINDOW"),
            "SET #marker = :marker, #marked_at = :at",
            condition="#number = :number AND (attribute_not_exists(#last_at) OR #last_at <= :at) "
            "AND (attribute_not_exists(#marked_at) OR #marked_at <= :at)",
            marker=marker.key,
            at=text(marker.arrived_at),
            number=number,
        )
    except Conflict:
        return  # closed already, or of an earlier drop: the marker has nothing to say


def forget_token(model: str, token: str) -> None:
    """Forget the token of the open window's machine, once it was used."""
    try:
        table.update(
            model_key(model, "WINDOW"), "REMOVE #token", condition="#token = :token", token=token
        )
    except Conflict:
        return


def set_attempt(model: str, number: int, attempt: int) -> None:
    """Note which attempt at a window is the latest, open or closed."""
    for sk in ("WINDOW", f"WINDOW#{number:08d}"):
        try:
            table.update(
                model_key(model, sk),
                "SET #attempt = :attempt",
                condition="#number = :number AND #attempt < :attempt",
                attempt=attempt,
                number=number,
            )
        except Conflict:
            continue


def close(model: str, window: Window, now: datetime, reason: str, cause: str) -> None:
    """Close the open window and open the next. Raises Conflict if it changed since it was read."""
    closed = {
        **model_key(model, f"WINDOW#{window.number:08d}"),
        "number": window.number,
        "closed_at": text(now),
        "objects": window.objects,
        "attempt": window.attempt,
        "reason": reason,
        "cause": cause,
    }
    try:
        table.transact(
            [
                table.action_put(closed, condition="attribute_not_exists(#pk)"),
                table.action_update(
                    model_key(model, "WINDOW"),
                    "SET #number = :next, #objects = :none, #attempt = :first "
                    "REMOVE #first_at, #last_at, #marker, #marked_at, #token",
                    condition="#number = :number AND #objects = :objects",
                    next=window.number + 1,
                    none=0,
                    first=1,
                    number=window.number,
                    objects=window.objects,
                ),
            ],
            f"closing of window {window.number} of {model}",
        )
    except Cancelled as cancelled:
        raise Conflict(f"window {window.number} of {model} changed meanwhile") from cancelled


def closed(model: str, number: int) -> Closed | None:
    item = table.get(model_key(model, f"WINDOW#{number:08d}"))
    return _closed(item) if item else None


def newest_closed(model: str, most: int = 20) -> list[Closed]:
    """Return a model's last closed windows, the newest first."""
    found = table.query(f"MODEL#{model}", "WINDOW#", newest_first=True, limit=most)
    return [_closed(item) for item in found]


def last_closed(model: str) -> Closed | None:
    return next(iter(newest_closed(model, 1)), None)


def _closed(item: Mapping[str, Any]) -> Closed:
    return Closed(
        number=item["number"],
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
    )


def note_manifest(
    model: str, number: int, digest: str, uri: str, size: int, new_bytes: int
) -> None:
    """Write down where a closed window's manifest lies."""
    table.update(
        model_key(model, f"WINDOW#{number:08d}"),
        "SET #digest = :digest, #uri = :uri, #bytes = :bytes, #new_bytes = :new_bytes",
        condition="attribute_exists(#pk)",
        digest=digest,
        uri=uri,
        bytes=size,
        new_bytes=new_bytes,
    )


def note_outcome(model: str, number: int, outcome: str) -> None:
    """Write down what became of a closed window; an open one has no outcome."""
    try:
        table.update(
            model_key(model, f"WINDOW#{number:08d}"),
            "SET #outcome = :outcome",
            condition="attribute_exists(#pk)",
            outcome=outcome,
        )
    except Conflict:
        return


def clear_outcome(model: str, number: int, outcome: str) -> bool:
    """Let a closed window that ended so be trained once more; False if it ended otherwise."""
    try:
        table.update(
            model_key(model, f"WINDOW#{number:08d}"),
            "REMOVE #outcome",
            condition="#outcome = :outcome",
            outcome=outcome,
        )
    except Conflict:
        return False
    return True


def arrivals(model: str, numbers: Iterable[int]) -> dict[int, list[Arrival]]:
    """Return the arrivals of these windows."""
    return {
        number: [arrival_of(item) for item in table.query(f"ARRIVAL#{model}#{number}")]
        for number in numbers
    }
