"""Verdicts: what our judge is about to say of a version in the registry."""

from dataclasses import dataclass

from everloop.records.keys import Item, Key, Range, among, of_model
from everloop.records.writes import Put


@dataclass(frozen=True)
class Verdict:
    """What our own judge recorded of a registered version: the status it set, in these words.

    `unfair` says which bars of fairness it broke, and `waive_by` who may waive them by its spec.
    Ledgers of before the two have neither.
    """

    version: int
    status: str
    description: str
    unfair: str = ""
    waive_by: tuple[str, ...] = ()

    def set_it(self, status: str, description: str) -> bool:
        """Whether this status and these words in the registry are the judge's own."""
        return (self.status, self.description) == (status, description)


def key(model: str, version: int) -> Key:
    return of_model(model, f"VERDICT#{version:08d}")


def all_of(model: str) -> Range:
    return among(model, "VERDICT#")


def put(model: str, verdict: Verdict) -> Put:
    return Put(
        key(model, verdict.version),
        {
            "version": verdict.version,
            "status": verdict.status,
            "description": verdict.description,
            **({"unfair": verdict.unfair} if verdict.unfair else {}),
            **({"waive_by": list(verdict.waive_by)} if verdict.waive_by else {}),
        },
    )


def of(item: Item) -> Verdict:
    return Verdict(
        int(item["version"]),
        item["status"],
        item["description"],
        item.get("unfair", ""),
        tuple(item.get("waive_by", ())),
    )
