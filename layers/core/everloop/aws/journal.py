"""The journal: decisions appended to the ledger's hash chain, and published on the bus."""

import json
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from everloop.aws import table
from everloop.aws.clients import events, translated
from everloop.aws.settings import settings
from everloop.aws.table import Cancelled
from everloop.chain import Entry, linked
from everloop.errors import NotReady
from everloop.records import decision as records
from everloop.records.decision import Head

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_TRIES = 5  # two functions may append for one model at once; each conflict means one got through


def append(entry: Entry) -> bool:
    """Append a decision to its model's chain; False if its id stands there already."""
    for _ in range(_TRIES):
        head = _head(entry.model)
        decision = linked(entry, head.seq + 1, head.hash)
        try:
            table.transact(
                [
                    records.mark(entry.model, entry.id, decision["seq"]),
                    records.put(entry.model, decision),
                    records.move_head(entry.model, decision, head.seq),
                ],
                f"decision {entry.id}",
            )
        except Cancelled as cancelled:
            if cancelled.refused(0):
                return False
            continue
        publish("Decision Recorded", decision)
        return True
    raise NotReady(f"decision {entry.id}: others keep appending to the chain of {entry.model}")


def _head(model: str) -> Head:
    """Return the chain's head; where it was deleted, the newest decision is what it was."""
    item = table.get(records.head_key(model)) or table.newest(records.all_of(model))
    return records.head_of(item) if item else Head()


def holds(model: str, id: str) -> bool:
    """Whether a decision of this id stands in a model's chain."""
    return table.get(records.mark_key(model, id)) is not None


def find(model: str, id: str) -> dict[str, Any] | None:
    """Return the decision of this id; None where a model's chain has none."""
    mark = table.get(records.mark_key(model, id))
    item = table.get(records.key(model, int(mark["seq"]))) if mark else None
    return records.of(item) if item else None


def head(model: str) -> Head | None:
    """Return the chain's head as it is written down; None before the first decision."""
    item = table.get(records.head_key(model))
    return records.head_of(item) if item else None


def heads(models: Collection[str]) -> dict[str, Head]:
    """Return the heads of many models' chains, a hundred a call; those that have one."""
    items = table.get_many([records.head_key(model) for model in models])
    return {records.model_of(item): records.head_of(item) for item in items}


def decisions(model: str, *, after: int = 0) -> Iterator[dict[str, Any]]:
    """Return a model's decisions behind a number in its chain, from the first."""
    return map(records.of, table.query(records.all_of(model, after)))


def newest(model: str) -> dict[str, Any] | None:
    """Return a model's last decision; None before the first."""
    item = table.newest(records.all_of(model))
    return records.of(item) if item else None


def publish(kind: str, detail: dict[str, Any]) -> None:
    """Put a domain event on our bus. Raises NotReady if the bus did not take it."""
    entry: PutEventsRequestEntryTypeDef = {
        "EventBusName": settings().event_bus,
        "Source": "everloop",
        "DetailType": kind,
        "Detail": json.dumps(detail),
    }
    with translated(f"event {kind!r}"):
        answer = events().put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise NotReady(f"event {kind!r}: {failed.get('ErrorCode')} {failed.get('ErrorMessage')}")
