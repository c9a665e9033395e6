"""Collecting: arrivals into the open window, whoever found them, and the train machine awake."""

from collections.abc import Sequence
from datetime import datetime

from everloop.aws import arrivals, machines, people
from everloop.flows import report, training
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.moments import text
from everloop.names import digest
from everloop.records.arrival import Arrival
from everloop.records.installation import Installation
from everloop.spec.policy import data as data_policy


def collect(
    model: str, installed: Installation | None, came: Sequence[Arrival], now: datetime
) -> int:
    """Put what came into the open window, and start what it calls for; return how many were new."""
    marker = data_policy(installed.spec).marker if installed else None
    marked = [arrival for arrival in came if is_marker(arrival.key, marker)]
    data = [arrival for arrival in came if not is_marker(arrival.key, marker)]
    last = max(marked, key=lambda arrival: arrival.arrived_at, default=None)
    added = arrivals.add(model, data, last)
    report.count("ObjectsCollected", model=model, value=added)
    logger.info("collected", model=model, objects=len(data), new=added, marker=bool(marked))
    if installed is None:
        if added:
            report.decided(
                "collect",
                id=digest(sorted(arrival.id for arrival in data)),
                model=model,
                time=now,
                go=False,
                reason=f"no model {model!r} is installed; its {added} objects are kept until it is",
                facts={"objects": added},
            )
            people.notify(
                Message(
                    kind="data-waits",
                    model=model,
                    happened="data came for a model that is not installed",
                    why=f"objects came below data/{model}/, and no model of that name is "
                    "installed. They are kept, and trained on once it is.",
                    id="not-installed",
                    to_do=(
                        "Install it, or drop the data below the right name:",
                        f"  everloop push models/{model}",
                    ),
                ),
                None,
                now,
            )
        return added
    window = arrivals.open_window(model)
    if last is not None and window.marker == last.key and window.token:
        machines.resume(window.token, {"marker": last.key})
        arrivals.forget_token(model, window.token)
    started = training.start_on_data(installed, window, now)
    logger.info(
        "looked at training", model=model, go=started.decision.go, why=started.decision.reason
    )
    return added


def notify_lone_marker(
    installed: Installation, marker: str, marked_at: datetime, now: datetime
) -> None:
    """Say, once, that a marker came and there is nothing that it could speak of."""
    model, id = installed.model, f"marker:{marker}:{text(marked_at)}"
    reason = (
        f"the marker {marker!r} came, and no data with it that is not in a dataset already: "
        "there is nothing new to train on"
    )
    if report.was_decided("collect", id=f"{model}:{id}", model=model):
        return
    people.notify(
        Message(
            kind="data-waits",
            model=model,
            happened="a drop held only its marker",
            why=f"{reason}. Data that comes now is trained as if no marker had come.",
            id=id,
            to_do=(f"Drop the data below data/{model}/, and the marker after it.",),
        ),
        installed.spec,
        now,
    )
    report.decided("collect", id=f"{model}:{id}", model=model, time=now, go=False, reason=reason)


def is_marker(key: str, marker: str | None) -> bool:
    """Whether an object says that its drop is complete, and is no data."""
    return bool(marker) and key.rpartition("/")[2] == marker
