"""What a model waits for since AWS lacks it, in the ledger."""

from datetime import datetime

from everloop.aws import table
from everloop.records import shortage as records
from everloop.records.shortage import Shortage


def find(model: str, activity: str) -> Shortage | None:
    """Return what an activity waits for. Older records have one judgement for all versions."""
    item = table.get(records.key(model, activity))
    if item and (shortage := records.of(model, item)):
        return shortage
    kind, _, version = activity.partition("#")
    before = find(model, kind) if version else None
    return before if before and before.subject.endswith(f"/{version}") else None


def of(model: str) -> list[Shortage]:
    """Return all that a model waits for."""
    shortages = (records.of(model, item) for item in table.query(records.all_of(model)))
    return [shortage for shortage in shortages if shortage is not None]


def put(shortage: Shortage) -> None:
    table.write(records.put(shortage))


def end(model: str, activity: str, now: datetime) -> None:
    """Write down that an activity got what it waited for: it waits for nothing now."""
    table.write(records.end(model, activity, now))
