"""Reporting: each decision goes to the ledger, the log and the metrics, once."""

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from everloop.aws import journal
from everloop.aws.settings import settings
from everloop.chain import Entry
from everloop.moments import text

logger = Logger()
_LONGEST = 10_000


def decided(
    kind: str,
    *,
    id: str,
    model: str,
    time: datetime,
    go: bool,
    reason: str,
    facts: dict[str, Any] | None = None,
    subject: str = "",
    actor: str = "everloop",
) -> bool:
    """Record a decision; False if the same one (by its id) was recorded before."""
    if len(reason) > _LONGEST:  # an item of the ledger has room for 400 KB, an event for less
        reason = f"{reason[:_LONGEST]} … and {len(reason) - _LONGEST} characters more"
    entry = Entry(
        id=f"{kind}:{id}",
        model=model,
        time=text(time),
        kind=kind,
        go=go,
        reason=reason,
        facts=facts or {},
        subject=subject,
        actor=actor,
    )
    new = journal.append(entry)
    logger.info("decided", kind=kind, model=model, go=go, why=reason, subject=subject, new=new)
    if new:
        count(_METRICS[kind] + ("" if go else "Refused"), model=model)
    return new


def was_decided(kind: str, *, id: str, model: str) -> bool:
    """Whether a decision of this id was recorded."""
    return journal.holds(model, f"{kind}:{id}")


def decision(kind: str, *, id: str, model: str) -> dict[str, Any] | None:
    """Return the decision of this id; None where none was recorded."""
    return journal.find(model, f"{kind}:{id}")


_METRICS = {
    "install": "ModelInstalled",
    "collect": "DataCollected",
    "freeze": "DatasetFrozen",
    "train": "TrainingStarted",
    "seal": "VersionSealed",
    "train-end": "TrainingSucceeded",
    "judge": "CandidateApproved",
    "approve": "ApprovalChanged",
    "release": "ReleaseStarted",
    "test": "EndpointTestPassed",
    "serve": "Released",
    "rollback": "RolledBack",
    "monitor": "Monitored",
    "score": "Scored",
    "violation": "ViolationFound",
    "retrain": "RetrainingStarted",
    "reconcile": "Repaired",
    "pause": "Paused",
    "remove": "ModelRemoved",
    "resume": "Resumed",
    "withdraw": "DataWithdrawn",
    "set-aside": "DataSetAside",
    "restore": "DataRestored",
    "forget": "PersonForgotten",
    "pin": "VersionPinned",
    "wait": "CapacityFound",
    "instance": "InstanceChanged",
    "request": "TrainingRequested",
    "reproduce": "VersionReproduced",
}


def count(name: str, *, model: str, value: float = 1) -> None:
    """Add to a metric with the dimension model."""
    measure(name, value, model=model, unit=MetricUnit.Count)


def measure_stack(name: str, value: float) -> None:
    """Publish one value of the whole stack, with the dimension stack."""
    with single_metric(name=name, unit=MetricUnit.Count, value=value) as metric:
        metric.add_dimension(name="stack", value=settings().stack)


def measure(
    name: str, value: float, *, model: str, unit: MetricUnit = MetricUnit.NoUnit, **more: str
) -> None:
    """Publish one value with the dimensions model and those of `more`, as a metric of its own."""
    with single_metric(name=name, unit=unit, value=value) as metric:
        metric.add_dimension(name="model", value=model)
        for dimension, text_ in more.items():
            metric.add_dimension(name=dimension, value=text_)
