"""Incidents: what people were notified is wrong with a model, and is not over yet."""

from dataclasses import dataclass
from datetime import datetime

from everloop.moments import moment, text
from everloop.records.keys import SK, Item, Key, Range, among, of_model
from everloop.records.writes import NEW, Delete, Put


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


def key(model: str, subject: str) -> Key:
    return of_model(model, f"INCIDENT#{subject}")


def all_of(model: str, begin: str = "") -> Range:
    """Return where a model's incidents lie; `begin` is how their subjects begin."""
    return among(model, f"INCIDENT#{begin}")


def put(model: str, incident: Incident) -> Put:
    """Return what writes an incident down, unless it stands there since before."""
    return Put(
        key(model, incident.subject),
        {
            "kind": incident.kind,
            "fact": incident.fact,
            "since": text(incident.since),
            "happened": incident.happened,
            "why": incident.why,
            "to_do": list(incident.to_do),
            "version": incident.version,
        },
        NEW,
    )


def of(item: Item) -> Incident:
    return Incident(
        subject=item[SK].partition("#")[2],
        kind=item["kind"],
        fact=item["fact"],
        since=moment(item["since"]),
        happened=item["happened"],
        why=item["why"],
        to_do=tuple(item.get("to_do") or ()),
        version=item.get("version"),
    )


def close(model: str, incident: Incident) -> Delete:
    """Return what forgets an incident, unless another has begun in its place."""
    return Delete(key(model, incident.subject), "#fact = :fact", {"fact": incident.fact})
