"""Messages that people were sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from everloop.messages import Message
from everloop.moments import epoch, moment, text
from everloop.names import digest
from everloop.records.keys import EXPIRES, Item, Key, Range, among, of_model
from everloop.records.writes import Put

# A redrive of dead letters is the latest that anything is tried again: after 14 days at most. What
# reconcile finds at each tick is sent again after this long.
_KEPT: Final = timedelta(days=90)


def key(message: Message) -> Key:
    return of_model(message.model, f"TOLD#{digest([message.kind, message.id])}")


def put(message: Message, topic: str, time: datetime) -> Put:
    return Put(
        key(message),
        {
            "kind": message.kind,
            "id": message.id,
            "version": message.version,
            "happened": message.happened,
            "told_at": text(time),
            "topic": topic,
            EXPIRES: epoch(time + _KEPT),
        },
    )


@dataclass(frozen=True)
class Notified:
    """A message that people were sent: of which kind, what had happened, and when."""

    kind: str
    version: int | None
    happened: str
    at: datetime


def all_of(model: str) -> Range:
    return among(model, "TOLD#")


def of(item: Item) -> Notified:
    version = item.get("version")
    return Notified(
        kind=str(item["kind"]),
        version=int(version) if version is not None else None,
        happened=str(item.get("happened") or ""),
        at=moment(item["told_at"]),
    )


def counts(item: Item, time: datetime) -> bool:
    """Whether people still count as notified; DynamoDB takes days to delete what has expired."""
    return bool(item[EXPIRES] > epoch(time))
