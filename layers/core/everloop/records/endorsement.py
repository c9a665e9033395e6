"""Endorsements: the yes that a version's lifecycle stage is, beside that of its approval."""

from dataclasses import dataclass
from datetime import datetime

from everloop.moments import moment, text
from everloop.records.keys import Item, Key, Range, among, of_model
from everloop.records.writes import Put


@dataclass(frozen=True)
class Endorsement:
    """A yes to a version: since when, whose, and in which words.

    `source` is the source identity of who said it, where AWS gave one. `makers` are those who
    pushed its code or asked for its training; an empty one is somebody who is not known. `void`
    says why it counts no more.
    """

    version: int
    at: datetime
    by: str
    source: str = ""
    words: str = ""
    makers: tuple[str, ...] = ()
    void: str = ""


def key(model: str, version: int) -> Key:
    return of_model(model, f"ENDORSEMENT#{version:08d}")


def all_of(model: str) -> Range:
    return among(model, "ENDORSEMENT#")


def put(model: str, endorsement: Endorsement) -> Put:
    return Put(
        key(model, endorsement.version),
        {
            "version": endorsement.version,
            "at": text(endorsement.at),
            "by": endorsement.by,
            "source": endorsement.source,
            "words": endorsement.words,
            "makers": list(endorsement.makers),
            "void": endorsement.void,
        },
    )


def of(item: Item) -> Endorsement:
    return Endorsement(
        version=int(item["version"]),
        at=moment(item["at"]),
        by=item["by"],
        source=item["source"],
        words=item["words"],
        makers=tuple(item["makers"]),
        void=item["void"],
    )
