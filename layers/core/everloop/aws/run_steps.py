"""Steps of a pipeline's execution as they ran: their jobs, their machines, what they printed."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws import billed, logs, pipelines
from everloop.aws.billed import Machines
from everloop.aws.clients import code_of
from everloop.moments import moment
from everloop.names import run_of_turn


@dataclass(frozen=True)
class StepRun:
    """A step that was begun; `kind` (TrainingJob) and `job` are empty where it runs none."""

    step: str
    status: str
    began: datetime
    ended: datetime | None
    failure: str
    kind: str = ""
    job: str = ""
    machines: Sequence[Machines] = ()


def execution_of(model: str, run: str) -> str:
    """Return the newest execution of a run; empty where none is left of it."""
    try:
        executions = pipelines.newest(model)
    except ClientError as error:
        if pipelines.is_missing(error):
            return ""
        raise
    return next((each.arn for each in executions if run_of_turn(each.display_name) == run), "")


def of_execution(arn: str) -> list[StepRun]:
    """Return the steps of an execution that were begun, in order."""
    found = pipelines.listed_steps(arn, SortOrder="Ascending")
    return [_read(step) for step in found if step.get("StartTime")]


def _read(step: Mapping[str, Any]) -> StepRun:
    _, kind, job = next(iter(pipelines.jobs_of(step)), ("", "", ""))
    return StepRun(
        step=str(step["StepName"]),
        status=str(step["StepStatus"]),
        began=moment(step["StartTime"]),
        ended=moment(step["EndTime"]) if step.get("EndTime") else None,
        failure=str(step.get("FailureReason") or ""),
        kind=kind,
        job=job,
        machines=_machines(kind, job),
    )


def _machines(kind: str, job: str) -> Sequence[Machines]:
    """Return on what a job ran; nothing where SageMaker keeps it no more."""
    try:
        return billed.machines(kind, job)
    except ClientError as error:
        if code_of(error) not in ("ValidationException", "ResourceNotFound"):
            raise
        return []


def printed(kind: str, job: str, newest: int) -> list[str]:
    """Return the newest lines that a job has printed; none where nothing is left of its log."""
    if kind not in logs.GROUPS:
        return []
    return [line.text for line in deque(logs.printed(logs.GROUPS[kind], f"{job}/"), newest)]
