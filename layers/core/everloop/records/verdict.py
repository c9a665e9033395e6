"""Verdicts: what our judge is about to say of a version in the registry."""

from dataclasses import dataclass

from everloop.records.keys import Item, Key, of_model
from everloop.records.writes import Put


@dataclass(frozen=True)
class Verdict:
    """What our own judge recorded of a registered version: the status it set, in these words."""

    version: int
    status: str
    description: str


def key(model: str, version: int) -> Key:
    return of_model(model, f"VERDICT#{version:08d}")


def put(model: str, verdict: Verdict) -> Put:
    return Put(
        key(model, verdict.version),
        {
            "version": verdict.version,
            "status": verdict.status,
            "description": verdict.description,
        },
    )


def of(item: Item) -> Verdict:
    return Verdict(int(item["version"]), item["status"], item["description"])
