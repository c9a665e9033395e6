"""Where the sweep over the data bucket is."""

from dataclasses import dataclass
from datetime import datetime

from everloop.moments import moment, text
from everloop.records.keys import Item, Key
from everloop.records.writes import Put

KEY = Key("RECONCILE", "SWEEP")


@dataclass(frozen=True)
class Sweep:
    """Where the sweep is: it goes on behind the key `after`. Empty before the first pass."""

    after: str = ""
    began_at: datetime | None = None  # of the pass that is under way
    last_began: datetime | None = None  # of the last one that came to its end
    thorough: bool = True
    thorough_at: datetime | None = None
    looked_at: datetime | None = None  # the last tick


def put(sweep: Sweep) -> Put:
    times = {
        "began_at": sweep.began_at,
        "last_began": sweep.last_began,
        "thorough_at": sweep.thorough_at,
        "looked_at": sweep.looked_at,
    }
    written = {name: text(at) if at else None for name, at in times.items()}
    return Put(KEY, {"after": sweep.after, "thorough": sweep.thorough, **written})


def of(item: Item) -> Sweep:
    def at(name: str) -> datetime | None:
        return moment(item[name]) if item.get(name) else None

    return Sweep(
        after=item.get("after") or "",
        began_at=at("began_at"),
        last_began=at("last_began"),
        thorough=bool(item.get("thorough", True)),
        thorough_at=at("thorough_at"),
        looked_at=at("looked_at"),
    )
