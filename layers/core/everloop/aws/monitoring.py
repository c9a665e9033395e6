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


def last_findings(model: str) -> str | None:
    """Return where the findings of the last look lie; None where none was noted."""
    item = table.get(model_key(model, "MONITOR")) or {}
    return str(item["findings"]) if item.get("findings") else None


def note_look(model: str, until: datetime, findings_uri: str | None = None) -> None:
    """Write down until when was looked, and what was found; it only moves forward."""
    _note(model, "until", until, findings=findings_uri)


def note_asked(model: str, when: datetime) -> None:
    """Write down when a look was asked for; it only moves forward."""
    _note(model, "asked", when)


def _noted(model: str, name: str) -> datetime | None:
    item = table.get(model_key(model, "MONITOR")) or {}
    return moment(item[name]) if name in item else None


def _note(model: str, name: str, when: datetime, **more: str | None) -> None:
    values = {name: text(when), **{key: value for key, value in more.items() if value}}
    try:
        table.update(
            model_key(model, "MONITOR"),
            "SET " + ", ".join(f"#{key} = :{key}" for key in values),
            condition=f"attribute_not_exists(#{name}) OR #{name} < :{name}",
            **values,
        )
    except Conflict:
        return
