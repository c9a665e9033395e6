"""When a model's monitor was last asked to look, and until when it did, in the ledger."""

from datetime import datetime

from everloop.aws import table
from everloop.aws.table import model_key
from everloop.errors import Conflict
from everloop.moments import moment, text


def last_look(model: str) -> datetime | None:
    """Return until when a model's traffic was looked at; None before the first look."""
    return _noted(model, "until")


def last_asked(model: str) -> datetime | None:
    """Return when its schedule last asked for a look, whether or not there was anything to see."""
    return _noted(model, "asked")


def note_look(model: str, until: datetime) -> None:
    """Write down until when was looked; it only moves forward."""
    _note(model, "until", until)


def note_asked(model: str, when: datetime) -> None:
    """Write down when a look was asked for; it only moves forward."""
    _note(model, "asked", when)


def _noted(model: str, name: str) -> datetime | None:
    item = table.get(model_key(model, "MONITOR")) or {}
    return moment(item[name]) if name in item else None


def _note(model: str, name: str, when: datetime) -> None:
    try:
        table.update(
            model_key(model, "MONITOR"),
            f"SET #{name} = :{name}",
            condition=f"attribute_not_exists(#{name}) OR #{name} < :{name}",
            **{name: text(when)},
        )
    except Conflict:
        return
