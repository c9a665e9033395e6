"""Dataset windows in the ledger: each object version lands in exactly one, whatever is repeated."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from everloop.aws import table
from everloop.aws.table import Cancelled
from everloop.errors import Conflict, NotReady
from everloop.records import arrival as records
from everloop.records import window as windows
from everloop.records.arrival import Arrival
from everloop.records.keys import Item
from everloop.records.window import ClosedWindow, Window
from everloop.records.writes import Write

# A transaction takes 100 actions: one for the window, two for each object.
_OBJECTS_PER_TRANSACTION = 49
# Another batch of the same model writes the same window; each conflict means that it got through.
_MOST_CONFLICTS = 20


def open_window(model: str) -> Window:
    return windows.of(table.get(windows.key(model)) or _made_again(model))


def _made_again(model: str) -> Item:
    """Make a deleted open window again: the one after the last closed one, with what it holds."""
    last = last_closed(model)
    number = last.number + 1 if last else 1
    held = sorted(arrival.arrived_at for arrival in arrivals(model, [number])[number])
    first_at, last_at = (held[0], held[-1]) if held else (None, None)
    made = windows.make(model, number, len(held), first_at, last_at)
    if number == 1 and not held:
        return made.item  # nothing was there before: the first arrival writes it
    if table.written(made):
        return made.item
    return table.get(windows.key(model)) or made.item  # somebody was faster


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
    if not window.objects:
        table.written(windows.make(model, window.number))  # unless somebody was faster
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
        # Closed already, or of an earlier drop: then the marker has nothing to say.
        table.written(windows.mark(model, window.number, marker))
    return added


def _extend(model: str, window: Window, last_at: datetime) -> None:
    """Let the window's quiet period begin with its newest arrival, whoever collects at once.

    Before the arrivals are added: who freezes the window meanwhile waits once too long, never too
    short.
    """
    if window.last_at is None or window.last_at < last_at:  # within a window it only grows
        # A newer one may be known, or the window was closed: adding to it finds out.
        table.written(windows.extend(model, window.number, last_at))


def _adding(model: str, window: Window, part: Sequence[Arrival], *, again: bool) -> list[Write]:
    writes: list[Write] = [windows.grow(model, window.number, part)]
    for arrival in part:
        writes.append(records.seen(model, arrival.id, window.number, again=again))
        writes.append(records.put(model, window.number, arrival))
    return writes


def forget_token(model: str, token: str) -> None:
    """Forget the token of the open window's machine, once it was used."""
    table.written(windows.forget_token(model, token))


def set_attempt(model: str, number: int, attempt: int) -> None:
    """Note which attempt at a window is the latest, open or closed."""
    for write in windows.attempts(model, number, attempt):
        table.written(write)


def close(model: str, window: Window, now: datetime, reason: str, cause: str) -> None:
    """Close the open window and open the next. Raises Conflict if it changed since it was read."""
    try:
        table.transact(
            windows.close(model, window, now, reason, cause),
            f"closing of window {window.number} of {model}",
        )
    except Cancelled as cancelled:
        raise Conflict(f"window {window.number} of {model} changed meanwhile") from cancelled


def closed_window(model: str, number: int) -> ClosedWindow | None:
    item = table.get(windows.closed_key(model, number))
    return windows.closed_of(item) if item else None


def newest_closed(model: str, most: int = 20) -> list[ClosedWindow]:
    """Return a model's last closed windows, the newest first."""
    items = table.query(windows.all_closed(model), newest_first=True, limit=most)
    return [windows.closed_of(item) for item in items]


def find_window(model: str) -> Window | None:
    """Return the open window as it is written down; None where nothing ever came."""
    item = table.get(windows.key(model))
    return windows.of(item) if item else None


def last_frozen(model: str) -> ClosedWindow | None:
    """Return the newest closed window that has a manifest."""
    closed = map(windows.closed_of, table.query(windows.all_closed(model), newest_first=True))
    return next((window for window in closed if window.digest), None)


def last_closed(model: str) -> ClosedWindow | None:
    return next(iter(newest_closed(model, 1)), None)


def note_manifest(
    model: str, number: int, digest: str, uri: str, size: int, new_bytes: int
) -> None:
    """Write down where a closed window's manifest lies."""
    table.write(windows.note_manifest(model, number, digest, uri, size, new_bytes))


def note_scored(model: str, number: int, uri: str) -> None:
    """Write down that a window's jobs ended well, and where they say what its files were."""
    table.written(windows.note_scored(model, number, uri))


def note_outcome(model: str, number: int, outcome: str) -> None:
    """Write down what became of a closed window; an open one has no outcome."""
    table.written(windows.note_outcome(model, number, outcome))


def clear_outcome(model: str, number: int, outcome: str, again: int = 0) -> bool:
    """Let a closed window that ended so be trained once more; False if it ended otherwise.

    `again` is set where the same data and code are to be trained, as often as that was asked for.
    """
    return table.written(windows.clear_outcome(model, number, outcome, again))


def arrivals(model: str, numbers: Iterable[int]) -> dict[int, list[Arrival]]:
    """Return the arrivals of these windows."""
    return {
        number: [records.of(item) for item in table.query(records.of_window(model, number))]
        for number in numbers
    }
