"""Put arrivals into their dataset window, and see to it that somebody trains on them.

Called with batches of the arrivals queue: EventBridge's `Object Created` below data/ in each body.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from everloop.aws import arrivals, ledger, machines, storage
from everloop.aws.settings import settings
from everloop.decisions.windows import Arrival
from everloop.errors import BadInput, EverloopError
from everloop.facts import ObjectCreated, model_name, object_created
from everloop.flows import report, training
from everloop.flows.report import logger
from everloop.names import digest
from everloop.policy import data as data_policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Received:
    """An arrival with the message it came in and the model it is for."""

    message: str
    model: str
    fact: ObjectCreated
    key: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Collect what can be collected; messages that cannot go back to the queue, each for itself."""
    failed: list[str] = []
    by_model: dict[str, list[Received]] = defaultdict(list)
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
            _collect(model, batch)
        except Exception as error:  # nor are the other models
            logger.warning("could not collect yet", model=model, why=_why(error))
            failed += [received.message for received in batch]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, EverloopError) else f"{type(error).__name__}: {error}"


def _received(record: dict[str, Any]) -> Received | None:
    """Read one message; None for what is no data, such as a folder's own empty object."""
    try:
        event = json.loads(record["body"])
    except (ValueError, RecursionError) as error:
        raise BadInput(f"body: not JSON: {error}") from error
    if not isinstance(event, dict):
        raise BadInput(f"body: {type(event).__name__} where an event belongs")
    fact = object_created(event, settings().home)
    if fact.bucket != settings().data_bucket:
        raise BadInput(f"detail.bucket.name: {fact.bucket!r} is not {settings().data_bucket!r}")
    key, size = fact.key, fact.size
    if "%" in key or "+" in key:  # only then do the raw and the URL-encoded form differ
        key, size = storage.actual_key(fact.bucket, key)
    parts = key.split("/", 2)
    if len(parts) < 3 or parts[0] != "data":
        raise BadInput(f"detail.object.key: {key!r} is not data/<model>/<anything>")
    if key.endswith("/") and size == 0:
        return None
    return Received(record["messageId"], model_name(parts[1], "detail.object.key"), fact, key)


def _collect(model: str, batch: list[Received]) -> None:
    now = max(received.fact.time for received in batch)
    installed = ledger.find_installed(model)
    marker = data_policy(installed.spec).marker if installed else None
    came = [
        Arrival(r.key, r.fact.version_id, r.fact.etag, r.fact.size, r.fact.sequencer, r.fact.time)
        for r in batch
    ]
    marked = [arrival for arrival in came if marker and arrival.key.rpartition("/")[2] == marker]
    found = [arrival for arrival in came if arrival not in marked]
    last = max(marked, key=lambda arrival: arrival.arrived_at, default=None)
    added = arrivals.add(model, found, last)
    report.count("ObjectsCollected", model=model, value=added)
    logger.info("collected", model=model, objects=len(found), new=added, marker=bool(marked))
    if installed is None:
        if added:
            report.decided(
                "collect",
                id=digest(sorted(arrival.id for arrival in found)),
                model=model,
                time=now,
                go=False,
                reason=f"no model {model!r} is installed; its {added} objects are kept until it is",
                facts={"objects": added},
            )
        return
    window = arrivals.open_window(model)
    if last is not None and window.marker == last.key and window.token:
        machines.wake(window.token, {"marker": last.key})
        arrivals.forget_token(model, window.token)
    asked = training.start_on_data(installed, window, now)
    logger.info("looked at training", model=model, go=asked.decision.go, why=asked.decision.reason)
