"""The journal: decisions appended to the ledger's hash chain, and told on the bus."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from everloop.aws import table
from everloop.aws.clients import events, translated
from everloop.aws.settings import settings
from everloop.aws.table import Cancelled, model_key
from everloop.chain import GENESIS, Entry, linked
from everloop.errors import NotReady
from everloop.names import digest

if TYPE_CHECKING:
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_TRIES = 5  # two functions may append for one model at once; each conflict means one got through


def append(entry: Entry) -> bool:
    """Append a decision to its model's chain; False if its id stands there already."""
    mark = _mark(entry.model, entry.id)
    for _ in range(_TRIES):
        head = _head(entry.model)
        decision = linked(entry, head["seq"] + 1, head["hash"])
        try:
            table.transact(
                [
                    table.action_put(
                        {**mark, "seq": decision["seq"]}, condition="attribute_not_exists(#pk)"
                    ),
                    table.action_put(
                        {**model_key(entry.model, f"DECISION#{decision['seq']:010d}"), **decision},
                        condition="attribute_not_exists(#pk)",
                    ),
                    table.action_update(
                        model_key(entry.model, "CHAIN"),
                        "SET #seq = :seq, #hash = :hash",
                        condition="attribute_not_exists(#seq) OR #seq = :before",
                        seq=decision["seq"],
                        hash=decision["hash"],
                        before=head["seq"],
                    ),
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


def _head(model: str) -> dict[str, Any]:
    """Return the chain's head; where it was deleted, the newest decision is what it was."""
    head = table.get(model_key(model, "CHAIN"))
    if head is None:
        newest = table.query(f"MODEL#{model}", "DECISION#", newest_first=True, limit=1)
        head = next(iter(newest), None)
    return head or {"seq": 0, "hash": GENESIS}


def holds(model: str, id: str) -> bool:
    """Whether a decision of this id stands in a model's chain."""
    return table.get(_mark(model, id)) is not None


def _mark(model: str, id: str) -> dict[str, str]:
    return model_key(model, f"DECIDED#{digest(id)}")


def decisions(model: str) -> Iterator[dict[str, Any]]:
    """Return a model's decisions, from the first."""
    for item in table.query(f"MODEL#{model}", "DECISION#"):
        yield {key: value for key, value in item.items() if key not in ("pk", "sk")}


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
