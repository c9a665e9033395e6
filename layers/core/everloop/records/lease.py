"""Leases: whose turn it is to train a model, release it, look at its traffic, or score."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from everloop.moments import moment, text
from everloop.records.keys import Item, Key, of_model
from everloop.records.writes import Update, set_of

TRAINING: Final = "training"
RELEASE: Final = "release"
MONITOR: Final = "monitor"
SCORING: Final = "scoring"


@dataclass(frozen=True)
class Lease:
    """Who holds what, since when and until when. `waits_for` is what its machine sleeps on.

    `left_behind` says that an earlier holder could not clear up behind itself.
    """

    holder: str = ""
    epoch: int = 0
    until: datetime | None = None
    since: datetime | None = None
    waits_for: str = ""
    left_behind: bool = False

    def held(self, now: datetime) -> bool:
        return bool(self.holder) and (self.until is None or self.until > now)


def key(model: str, kind: str) -> Key:
    return of_model(model, f"LEASE#{kind}")


def of(item: Item) -> Lease:
    return Lease(
        holder=item.get("holder") or "",
        epoch=int(item.get("epoch") or 0),
        until=moment(item["until"]) if item.get("until") else None,
        since=moment(item["since"]) if item.get("since") else None,
        waits_for=item.get("waits_for") or "",
        left_behind=bool(item.get("left_behind")),
    )


def take(
    model: str, kind: str, holder: str, epoch: int | None, now: datetime, until: datetime
) -> Update:
    """Return what takes a lease that is free, over, or the holder's own.

    An epoch, where one is given, only grows: whoever comes with an older one than the lease has
    seen comes too late.
    """
    taken = "SET #holder = :holder, #until = :until, #since = :now"
    condition = (
        "(attribute_not_exists(#holder) OR #holder = :free OR #holder = :holder OR #until < :now)"
    )
    values: dict[str, Any] = {
        "holder": holder,
        "free": "",
        "until": text(until),
        "now": text(now),
    }
    if epoch is not None:
        taken += ", #epoch = :epoch"
        condition += " AND (attribute_not_exists(#epoch) OR #epoch <= :epoch)"
        values["epoch"] = epoch
    return Update(key(model, kind), f"{taken} REMOVE #waits_for", condition, values)


def wait(model: str, kind: str, holder: str, subject: str) -> Update:
    """Return what writes down what the holder's machine sleeps on."""
    return set_of(key(model, kind), {"waits_for": subject}, "#holder = :holder", holder=holder)


def free(model: str, kind: str, holder: str) -> Update:
    return Update(
        key(model, kind),
        "SET #holder = :free REMOVE #waits_for",
        "#holder = :holder",
        {"free": "", "holder": holder},
    )


def take_away(model: str, kind: str, seen: Lease) -> Update:
    """Return what frees a lease of a holder that died, unless it has moved since it was seen."""
    condition = "#holder = :holder AND attribute_not_exists(#waits_for)"
    values = {"free": "", "holder": seen.holder}
    if seen.waits_for:
        condition, values["seen"] = "#holder = :holder AND #waits_for = :seen", seen.waits_for
    return Update(key(model, kind), "SET #holder = :free REMOVE #waits_for", condition, values)


def leave_behind(model: str, kind: str, left: bool) -> Update:
    """Return what writes down whether something was left behind that nothing needs."""
    return set_of(key(model, kind), {"left_behind": left})


def raise_epoch(model: str, kind: str, least: int) -> Update:
    return set_of(
        key(model, kind), {"epoch": least}, "attribute_not_exists(#epoch) OR #epoch < :epoch"
    )
