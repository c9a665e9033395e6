"""Put arrivals into their window, and see to it that somebody trains on them, or scores them.

Called with batches of the arrivals queue: EventBridge's `Object Created` and `Object Deleted` below
data/ and score/, one in each body. For what was deleted below data/ S3 is read, and the ledger
remembers what it shows.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop.aws import ledger, storage
from everloop.aws.settings import settings
from everloop.decisions.objects import Deletion
from everloop.errors import BadInput, EverloopError
from everloop.facts import (
    OBJECT_DELETED,
    ObjectCreated,
    ObjectDeleted,
    model_name,
    object_created,
    object_deleted,
)
from everloop.flows import batches, collecting, withdrawing
from everloop.flows.report import logger
from everloop.records.arrival import Arrival
from everloop.records.installation import Installation
from everloop.records.object_state import PRESENT

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_TO_SCORE = "score/"
_CALLS = 150  # of S3's lists for what was deleted, some 0.2 s each: half of the timeout


@dataclass(frozen=True)
class ReceivedObject:
    """An arrival with the message it came in and the model it is for."""

    message: str
    model: str
    fact: ObjectCreated | ObjectDeleted
    key: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Collect what can be collected; messages that cannot go back to the queue, each for itself."""
    failed: list[str] = []
    by_model: dict[str, list[ReceivedObject]] = defaultdict(list)
    for record in event["Records"]:
        try:
            received = _received(record)
        except Exception as error:  # whatever it is, the other messages are none the worse
            logger.error("refused arrival", message_id=record["messageId"], why=_why(error))
            failed.append(record["messageId"])
            continue
        if received is not None:
            by_model[received.model].append(received)
    for model, batch in by_model.items():
        try:
            failed += _collect(model, batch, max(1, _CALLS // len(by_model)))
        except Exception as error:  # nor are the other models
            logger.warning("could not collect yet", model=model, why=_why(error))
            failed += [received.message for received in batch]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, EverloopError) else f"{type(error).__name__}: {error}"


def _received(record: dict[str, Any]) -> ReceivedObject | None:
    """Read one message; None for what is no data, such as a folder's own empty object.

    Nor does a lifecycle rule withdraw anything by taking versions that were overwritten long ago.
    That comes once for each of them, and S3 is not read; the sweep finds what is gone entirely.
    """
    try:
        event = json.loads(record["body"])
    except (ValueError, RecursionError) as error:
        raise BadInput(f"body: not JSON: {error}") from error
    if not isinstance(event, dict):
        raise BadInput(f"body: {type(event).__name__} where an event belongs")
    deleted = event.get("detail-type") == OBJECT_DELETED
    read = object_deleted if deleted else object_created
    fact = read(event, settings().home)
    if fact.bucket != settings().data_bucket:
        raise BadInput(f"detail.bucket.name: {fact.bucket!r} is not {settings().data_bucket!r}")
    if isinstance(fact, ObjectDeleted) and fact.expired and not fact.marker:
        return None
    key = fact.key
    if "%" in key or "+" in key:  # only then do the raw and the URL-encoded form differ
        key = storage.actual_key(fact.bucket, key)
    parts = key.split("/", 2)
    if len(parts) < 3 or parts[0] not in ("data", "score"):
        raise BadInput(f"detail.object.key: {key!r} is not data/ or score/<model>/<anything>")
    if deleted and key.startswith(_TO_SCORE):
        return None  # what is there is looked at when it is scored
    if key.endswith("/") and isinstance(fact, ObjectCreated) and fact.size == 0:
        return None
    return ReceivedObject(record["messageId"], model_name(parts[1], "detail.object.key"), fact, key)


def _collect(model: str, batch: list[ReceivedObject], calls: int) -> list[str]:
    """Collect a model's messages; return those that are for another call, as S3 is called much."""
    now = max(received.fact.time for received in batch)
    arrived = [
        Arrival(r.key, f.version_id, f.etag, f.size, f.sequencer, f.time)
        for r in batch
        if isinstance(f := r.fact, ObjectCreated)
    ]
    scored = [each for each in arrived if each.key.startswith(_TO_SCORE)]
    came = [each for each in arrived if not each.key.startswith(_TO_SCORE)]
    gone = [(r.key, r.fact) for r in batch if isinstance(r.fact, ObjectDeleted)]
    installed = ledger.find_installed(model)
    # First what came: what is deleted by now is remembered by what came of it.
    if scored:
        batches.collect(model, installed, scored, now)
    if came:
        collecting.collect(model, installed, came, now)
    left = _withdraw(model, installed, gone, now, calls) if gone else set[str]()
    late = [r.message for r in batch if isinstance(r.fact, ObjectDeleted) and r.key in left]
    if late:
        logger.warning("left deletions for a later call", model=model, events=len(late))
    return late


def _withdraw(
    model: str,
    installed: Installation | None,
    gone: list[tuple[str, ObjectDeleted]],
    now: datetime,
    calls: int,
) -> set[str]:
    keys = [
        (key, Deletion(fact.version_id, fact.marker, fact.expired, fact.requester, fact.time))
        for key, fact in gone
    ]
    settlement = withdrawing.settle(model, keys, now, "S3 reported a deletion", calls=calls)
    logger.info("settled deletions", model=model, events=len(gone), changed=len(settlement.changed))
    if settlement.unseen or any(state.state == PRESENT for state in settlement.changed):
        collecting.collect(model, installed, settlement.unseen, now)
    return settlement.left
