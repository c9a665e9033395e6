"""Incidents in the ledger: what people were told is wrong with a model, and is not over yet."""

from dataclasses import dataclass
from datetime import datetime

from everloop.aws import table
from everloop.aws.items import Item
from everloop.aws.table import model_key
from everloop.errors import Conflict
from everloop.messages import Message
from everloop.moments import moment, text


@dataclass(frozen=True)
class Incident:
    """What is wrong, since when, and which fact it began with."""

    subject: str
    kind: str
    fact: str
    since: datetime
    happened: str
    why: str
    to_do: tuple[str, ...] = ()
    version: int | None = None


def open_(message: Message, subject: str, time: datetime) -> Incident:
    """Write down that something is wrong; return what was written down when it began."""
    key = model_key(message.model, f"INCIDENT#{subject}")
    try:
        table.put(
            {
                **key,
                "kind": message.kind,
                "fact": message.id,
                "since": text(time),
                "happened": message.happened,
                "why": message.why,
                "to_do": list(message.to_do),
                "version": message.version,
            },
            condition="attribute_not_exists(#pk)",
        )
    except Conflict:
        known = find(message.model, subject)
        if known is not None:
            return known
    return Incident(
        subject,
        message.kind,
        message.id,
        time,
        message.happened,
        message.why,
        message.to_do,
        message.version,
    )


def find(model: str, subject: str) -> Incident | None:
    item = table.get(model_key(model, f"INCIDENT#{subject}"))
    return incident_of(item) if item else None


def standing(model: str, begin: str = "") -> list[Incident]:
    """Return what is wrong with a model; `begin` is how its subjects begin."""
    return [incident_of(item) for item in table.query(f"MODEL#{model}", f"INCIDENT#{begin}")]


def close(model: str, incident: Incident) -> None:
    """Forget an incident that is over, unless another has begun in its place."""
    try:
        table.delete(
            model_key(model, f"INCIDENT#{incident.subject}"),
            condition="#fact = :fact",
            fact=incident.fact,
        )
    except Conflict:
        return


def incident_of(item: Item) -> Incident:
    """Read an incident as the ledger keeps it."""
    return Incident(
        subject=item["sk"].partition("#")[2],
        kind=item["kind"],
        fact=item["fact"],
        since=moment(item["since"]),
        happened=item["happened"],
        why=item["why"],
        to_do=tuple(item.get("to_do") or ()),
        version=item.get("version"),
    )
