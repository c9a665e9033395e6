"""Where the sweep over the data bucket is, in the ledger."""

from datetime import datetime

from everloop.aws import table
from everloop.decisions.sweeping import Sweep
from everloop.moments import moment, text

_KEY = {"pk": "RECONCILE", "sk": "SWEEP"}


def read() -> Sweep:
    item = table.get(_KEY) or {}

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


def write(sweep: Sweep) -> None:
    times = {
        "began_at": sweep.began_at,
        "last_began": sweep.last_began,
        "thorough_at": sweep.thorough_at,
        "looked_at": sweep.looked_at,
    }
    told = {name: text(at) if at else None for name, at in times.items()}
    table.put({**_KEY, "after": sweep.after, "thorough": sweep.thorough, **told})
