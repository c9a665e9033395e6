"""Start whatever an event should have started and did not. Called on a schedule, for every model;
where there are very many, for some of them at each tick, in turn.

The same steps as the events' own, so that what is on its way is not started twice. And some pages
of the data bucket are looked at, for what no event reported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import alarms, anchors, ledger, people, scaling
from everloop.aws.alarms import Alarm
from everloop.aws.scaling import Scaled
from everloop.aws.settings import settings
from everloop.decisions.repairs import MOST_PER_TICK, turn
from everloop.errors import EverloopError, NotReady
from everloop.flows import repairing, report, sweeping
from everloop.flows.repairing import Repair
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.records.installation import Installation
from everloop.spec import forms

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return how many things were repaired, by model. One model's trouble stops no other."""
    request = requests.read(Request, event)
    repaired: dict[str, int] = {}
    troubled: list[str] = []
    overdue = 0
    known, scaled = _alarms(), _scaled()
    models = ledger.models()
    due = _turn(models)
    scores = len(due) < len(models)  # one of the others may score what comes
    for model in due:
        try:
            installed = ledger.find_installed(model)
            scores = scores or bool(installed and not forms.of(installed.spec).has_endpoint)
            repairs = _reconcile(installed, request.time, known, scaled)
            repaired[model] = sum(not repair.stuck for repair in repairs)
            overdue += any(
                repair.stuck and repair.subject == repairing.MONITOR for repair in repairs
            )
        except Exception as error:  # reported below; until it is repaired, the others must not wait
            logger.exception("could not reconcile", model=model)
            troubled.append(f"{model}: {type(error).__name__}: {error}")
    report.measure_stack("MonitorsOverdue", overdue)
    troubled += sweeping.sweep(request.time, models, scores=scores)
    if troubled:
        raise EverloopError("; ".join(troubled))
    return {"repaired": repaired}


def _turn(models: list[str]) -> list[str]:
    if len(models) <= MOST_PER_TICK:
        return models
    due = turn(models, ledger.last_of_tick())
    # Before anything is done: a tick that runs out of time is no reason to begin there again.
    ledger.note_last_of_tick(due[-1])
    return due


def _alarms() -> Mapping[str, Alarm] | None:
    """Return the stack's alarms, by one call for all models; None where AWS does not tell now."""
    try:
        return alarms.beginning(f"{settings().stack}-")
    except NotReady:
        logger.exception("could not list alarms")
        return None


def _scaled() -> Mapping[str, Scaled] | None:
    """Return what AWS scales for the stack, for all models; None where it does not tell now."""
    try:
        return scaling.scaled()
    except NotReady:
        logger.exception("could not list what is scaled")
        return None


def _reconcile(
    installed: Installation | None,
    now: datetime,
    known: Mapping[str, Alarm] | None,
    scaled: Mapping[str, Scaled] | None,
) -> list[Repair]:
    if installed is None:
        return []
    repairs = []
    try:
        for repair in repairing.repairs(installed, now, known, scaled):
            repairs.append(repair)
            _notify(installed, repair, now)
    finally:  # whatever could not be repaired: what the ledger says is anchored each day
        anchors.anchor_daily(installed.model, now)
    return repairs


def _notify(installed: Installation, repair: Repair, now: datetime) -> None:
    model = installed.model
    report.decided(
        "reconcile",
        id=f"{model}:{repair.stuck or f'{repair.subject}:{now.isoformat()}'}",
        model=model,
        time=now,
        go=not repair.stuck,
        reason=repair.reason,
        subject=repair.subject,
    )
    if repair.stuck:
        people.notify(_standstill(model, repair), installed.spec, now)
    elif repair.made_again:
        people.notify(_made_again(model, repair, now), installed.spec, now)


def _standstill(model: str, repair: Repair) -> Message:
    return Message(
        kind="stands-still",
        model=model,
        happened="it stands still, and a person must look",
        why=repair.reason,
        id=repair.stuck,
        to_do=("What is wrong, and what fixes it:", "  everloop doctor"),
    )


def _made_again(model: str, repair: Repair, now: datetime) -> Message:
    return Message(
        kind="made-again",
        model=model,
        happened=f"{repair.subject}: made again what somebody deleted",
        why=repair.reason,
        id=f"{repair.reason} {now:%Y-%m-%d}",
        to_do=("Find out who deletes it: CloudTrail has the call.",),
    )
