"""The ledger's record of models that were removed, or are on their way out."""

from datetime import datetime

from everloop.aws import table
from everloop.records import removal as records
from everloop.records.removal import Removal


def begin(removal: Removal) -> None:
    """Write a removal down and take the model out of the index: nothing is started any more."""
    table.transact(records.begin(removal), f"removal of {removal.model}")


def find(model: str) -> Removal | None:
    """Return a model's newest removal, under way or over."""
    item = table.get(records.key(model))
    return records.of(model, item) if item else None


def under_way() -> list[Removal]:
    """Return the removals that have not ended; those that were looked at least come first."""
    names = [records.model_of(item) for item in table.query(records.UNDER_WAY)]
    removals = [removal for name in names if (removal := find(name)) and not removal.ended_at]
    return sorted(removals, key=lambda removal: (removal.passes, removal.model))


def note_pass(removal: Removal) -> None:
    table.write(records.note_pass(removal))


def end(removal: Removal, now: datetime) -> None:
    table.transact(records.end(removal, now), f"end of the removal of {removal.model}")
