"""Decisions, in the hash chain of their model, and the chain's head."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from everloop.chain import GENESIS
from everloop.moments import moment, text
from everloop.names import digest
from everloop.records.keys import PK, Item, Key, Range, among, model_of_partition, of_model, own
from everloop.records.writes import EXISTS, NEW, Put, Update, set_of


@dataclass(frozen=True)
class Head:
    """Where a chain ends, and which of its heads was anchored last, and when."""

    seq: int = 0
    hash: str = GENESIS
    anchored: int | None = None
    anchored_at: datetime | None = None


def key(model: str, seq: int) -> Key:
    return of_model(model, f"DECISION#{seq:010d}")


def all_of(model: str, after: int = 0) -> Range:
    """Return where a model's decisions lie; of those behind a number in its chain, only these."""
    return replace(among(model, "DECISION#"), first=key(model, after + 1).sk if after else "")


def of(item: Item) -> dict[str, Any]:
    """Return a decision as its hash was taken of, and the hash."""
    return own(item)


def put(model: str, decision: Mapping[str, Any]) -> Put:
    return Put(key(model, decision["seq"]), decision, NEW)


def mark_key(model: str, id: str) -> Key:
    """Return where it stands that the decision of this id is in the chain."""
    return of_model(model, f"DECIDED#{digest(id)}")


def mark(model: str, id: str, seq: int) -> Put:
    return Put(mark_key(model, id), {"seq": seq}, NEW)


def head_key(model: str) -> Key:
    return of_model(model, "CHAIN")


def head_of(item: Item) -> Head:
    """Read a head, or what the newest decision says of it."""
    return Head(
        seq=int(item["seq"]),
        hash=str(item["hash"]),
        anchored=item.get("anchored"),
        anchored_at=moment(item["anchored_at"]) if item.get("anchored_at") else None,
    )


def model_of(item: Item) -> str:
    """Return which model a head is of."""
    return model_of_partition(str(item[PK]))


def move_head(model: str, decision: Mapping[str, Any], before: int) -> Update:
    """Return what moves the head to a decision, if none was appended since it was read."""
    return set_of(
        head_key(model),
        {"seq": decision["seq"], "hash": decision["hash"]},
        "attribute_not_exists(#seq) OR #seq = :before",
        before=before,
    )


def anchor_head(model: str, seq: int, now: datetime) -> Update:
    return set_of(head_key(model), {"anchored": seq, "anchored_at": text(now)}, EXISTS)
