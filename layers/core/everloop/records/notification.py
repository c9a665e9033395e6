"""Messages that people were sent."""

from datetime import datetime, timedelta
from typing import Final

from everloop.messages import Message
from everloop.moments import epoch, text
from everloop.names import digest
from everloop.records.keys import EXPIRES, Item, Key, of_model
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


def counts(item: Item, time: datetime) -> bool:
    """Whether people still count as notified; DynamoDB takes days to delete what has expired."""
    return bool(item[EXPIRES] > epoch(time))
