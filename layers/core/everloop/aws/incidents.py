"""Incidents in the ledger: what people were notified is wrong with a model, and is not over yet."""

from datetime import datetime

from everloop.aws import table
from everloop.messages import Message
from everloop.records import incident as records
from everloop.records.incident import Incident


def open_(message: Message, subject: str, time: datetime) -> Incident:
    """Write down that something is wrong; return what was written down when it began."""
    opened = Incident(
        subject,
        message.kind,
        message.id,
        time,
        message.happened,
        message.why,
        message.to_do,
        message.version,
    )
    if table.written(records.put(message.model, opened)):
        return opened
    return find(message.model, subject) or opened


def find(model: str, subject: str) -> Incident | None:
    item = table.get(records.key(model, subject))
    return records.of(item) if item else None


def standing(model: str, begin: str = "") -> list[Incident]:
    """Return what is wrong with a model; `begin` is how its subjects begin."""
    return [records.of(item) for item in table.query(records.all_of(model, begin))]


def close(model: str, incident: Incident) -> None:
    """Forget an incident that is over, unless another has begun in its place."""
    table.written(records.close(model, incident))
