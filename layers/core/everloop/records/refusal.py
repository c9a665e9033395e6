"""Refusals: what AWS would not give of an instance, one record for each quota that counts it.

Until it counts no more, the next instance of the list is taken at once.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from everloop.moments import moment, text
from everloop.records.keys import SK, Item, Key, Range, among, of_model
from everloop.records.shortage import Trouble, trouble_item, trouble_of
from everloop.records.writes import Put

_PREFIX: Final = "REFUSAL#"


@dataclass(frozen=True)
class Refusal:
    """What AWS answered of an instance, by the name of its quota, and when the last time."""

    model: str
    quota: str
    trouble: Trouble
    at: datetime


def key(model: str, quota: str) -> Key:
    return of_model(model, f"{_PREFIX}{quota}")


def all_of(model: str) -> Range:
    return among(model, _PREFIX)


def put(refusal: Refusal) -> Put:
    return Put(key(refusal.model, refusal.quota), _item(refusal))


def forget(refusal: Refusal) -> Put:
    """Return what says that an instance may be tried again, whatever AWS answered."""
    return Put(key(refusal.model, refusal.quota), {**_item(refusal), "forgotten": True})


def _item(refusal: Refusal) -> dict[str, Any]:
    return {"trouble": trouble_item(refusal.trouble), "at": text(refusal.at)}


def of(model: str, item: Item) -> Refusal | None:
    """Read a refusal; None where it counts no more."""
    if item.get("forgotten"):
        return None
    quota = item[SK].removeprefix(_PREFIX)
    return Refusal(model, quota, trouble_of(item["trouble"]), moment(item["at"]))
