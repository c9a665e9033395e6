"""When a model was last looked at, in the ledger."""

from datetime import datetime

from everloop.aws import table
from everloop.aws.table import model_key
from everloop.errors import Conflict
from everloop.moments import moment, text


def last_look(model: str) -> datetime | None:
    """Return until when a model's traffic was looked at; None before the first look."""
    item = table.get(model_key(model, "MONITOR"))
    return moment(item["until"]) if item else None


def note_look(model: str, until: datetime) -> None:
    """Write down until when was looked; it only moves forward."""
    try:
        table.update(
            model_key(model, "MONITOR"),
            "SET #until = :until",
            condition="attribute_not_exists(#until) OR #until < :until",
            until=text(until),
        )
    except Conflict:
        return
