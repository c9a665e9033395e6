"""Steps of a pipeline's execution as they ran: their jobs, their machines, what they printed."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from everloop.aws import pipelines
from everloop.aws.clients import code_of, logs, sagemaker, translated
from everloop.moments import moment
from everloop.names import run_of_turn

TRAINING, PROCESSING, TRANSFORM, TUNING = "training", "processing", "transform", "tuning"
_KINDS: Final = {
    "TrainingJob": TRAINING,
    "ProcessingJob": PROCESSING,
    "TransformJob": TRANSFORM,
    "TuningJob": TUNING,
}
_GROUPS: Final = {
    TRAINING: "/aws/sagemaker/TrainingJobs",
    PROCESSING: "/aws/sagemaker/ProcessingJobs",
    TRANSFORM: "/aws/sagemaker/TransformJobs",
}


@dataclass(frozen=True)
class StepRun:
    """A step that was begun; `kind` and `job` are empty where it runs none."""

    step: str
    status: str
    began: datetime
    ended: datetime | None
    failure: str
    kind: str = ""
    job: str = ""
    instance: str = ""
    instances: int = 0


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
    metadata = step.get("Metadata") or {}
    kind, job = next(
        (
            (name, str(metadata[key]["Arn"]).rpartition("/")[2])
            for key, name in _KINDS.items()
            if (metadata.get(key) or {}).get("Arn")
        ),
        ("", ""),
    )
    instance, count = _machines(kind, job) if job else ("", 0)
    return StepRun(
        step=str(step["StepName"]),
        status=str(step["StepStatus"]),
        began=moment(step["StartTime"]),
        ended=moment(step["EndTime"]) if step.get("EndTime") else None,
        failure=str(step.get("FailureReason") or ""),
        kind=kind,
        job=job,
        instance=instance,
        instances=count,
    )


def _machines(kind: str, job: str) -> tuple[str, int]:
    """Return on what, and on how many, a job ran; nothing where it does not say."""
    found: Any = {}
    try:
        with translated(job):
            if kind == TRAINING:
                found = sagemaker().describe_training_job(TrainingJobName=job)["ResourceConfig"]
            elif kind == PROCESSING:
                described = sagemaker().describe_processing_job(ProcessingJobName=job)
                found = described["ProcessingResources"]["ClusterConfig"]
            elif kind == TRANSFORM:
                found = sagemaker().describe_transform_job(TransformJobName=job)[
                    "TransformResources"
                ]
    except ClientError as error:
        if code_of(error) not in ("ValidationException", "ResourceNotFound"):
            raise
    return str(found.get("InstanceType") or ""), int(found.get("InstanceCount") or 0)


def printed(kind: str, job: str, newest: int) -> list[str]:
    """Return the newest lines that a job has printed; none where nothing is left of its log."""
    group = _GROUPS.get(kind)
    if group is None:
        return []
    where: dict[str, Any] = {"logGroupName": group, "logStreamNamePrefix": f"{job}/"}
    lines: deque[str] = deque(maxlen=newest)
    try:
        with translated(f"log of {job}"):
            for page in logs().get_paginator("filter_log_events").paginate(**where):
                lines.extend(str(event["message"]) for event in page["events"])
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
    return list(lines)
