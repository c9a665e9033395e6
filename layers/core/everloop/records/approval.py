"""Approvals: the last word on each version that anybody spoke on, as it was seen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from everloop.moments import moment, text
from everloop.records.keys import Item, Key, Range, among, of_model
from everloop.records.writes import Put

NO_WORDS: Final = "no words given"


@dataclass(frozen=True)
class Approval:
    """A word on a version: which, since when, whose, and in which words (empty: none given).

    `description` is the registry's text as it stood then, whoever wrote it. `source` is the source
    identity of whose word it is, where AWS gave one, and `by_event` says that its event told whose.
    `two_persons` is whether it needs a second person, as the spec had it then.
    """

    version: int
    status: str
    at: datetime
    by: str
    words: str
    description: str
    source: str = ""
    by_event: bool = False
    two_persons: bool = False

    @property
    def reason(self) -> str:
        return self.words or NO_WORDS


def key(model: str, version: int) -> Key:
    return of_model(model, f"APPROVAL#{version:08d}")


def all_of(model: str) -> Range:
    return among(model, "APPROVAL#")


def put(model: str, approval: Approval) -> Put:
    return Put(
        key(model, approval.version),
        {
            "version": approval.version,
            "status": approval.status,
            "at": text(approval.at),
            "by": approval.by,
            "words": approval.words,
            "description": approval.description,
            **({"source": approval.source} if approval.source else {}),
            **({"by_event": True} if approval.by_event else {}),
            **({"two_persons": True} if approval.two_persons else {}),
        },
    )


def of(item: Item) -> Approval:
    return Approval(
        version=int(item["version"]),
        status=item["status"],
        at=moment(item["at"]),
        by=item["by"],
        words=item["words"],
        description=item["description"],
        source=item.get("source", ""),
        by_event=bool(item.get("by_event")),
        two_persons=bool(item.get("two_persons")),
    )
