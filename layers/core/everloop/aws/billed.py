"""What AWS bills of jobs: hours of their instances, by the jobs' own word."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.aws.clients import sagemaker, translated

Used = Mapping[str, float]  # by item of billing/prices.json


@dataclass(frozen=True)
class Machines:
    """Instances of a job, and for how long AWS bills each: not at all before its end."""

    instance: str
    count: int
    hours: float


def instance_hours(jobs: Iterable[tuple[str, str]]) -> Used:
    """Return the instance hours of jobs, each given as its kind (`TrainingJob`) and its name.

    Start-up and idle warm pools are in no description of a job.
    """
    return together(each for kind, name in jobs for each in machines(kind, name))


def together(ran: Iterable[Machines]) -> Used:
    used: Counter[str] = Counter()
    for each in ran:
        if each.hours:
            used[f"{each.instance} hour"] += each.count * each.hours  # type: ignore[assignment]
    return dict(used)  # a Counter of floats


def machines(kind: str, name: str) -> Sequence[Machines]:
    """Return on what a job of a kind ran; nothing of what runs on no machines of its own."""
    if kind not in _READ:
        return []
    with translated(name):
        return _READ[kind](name)


def _training(name: str) -> list[Machines]:
    job: Any = sagemaker().describe_training_job(TrainingJobName=name)
    # A spot job is billed less than it lasts.
    seconds = job.get("BillableTimeInSeconds", job.get("TrainingTimeInSeconds")) or 0
    return _of(job.get("ResourceConfig") or {}, seconds)


def _processing(name: str) -> list[Machines]:
    job: Any = sagemaker().describe_processing_job(ProcessingJobName=name)
    cluster = (job.get("ProcessingResources") or {}).get("ClusterConfig") or {}
    return _of(cluster, _seconds(job.get("ProcessingStartTime"), job.get("ProcessingEndTime")))


def _transform(name: str) -> list[Machines]:
    job: Any = sagemaker().describe_transform_job(TransformJobName=name)
    seconds = _seconds(job.get("TransformStartTime"), job.get("TransformEndTime"))
    return _of(job.get("TransformResources") or {}, seconds)


def _tuning(name: str) -> list[Machines]:
    job: Any = sagemaker().describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    seconds = (job.get("ConsumedResources") or {}).get("RuntimeInSeconds") or 0
    defined = [job.get("TrainingJobDefinition"), *(job.get("TrainingJobDefinitions") or ())]
    first: Mapping[str, Any] = next(filter(None, defined), {})
    return _of(first.get("ResourceConfig") or {}, seconds)


_READ = {
    "TrainingJob": _training,
    "ProcessingJob": _processing,
    "TransformJob": _transform,
    "TuningJob": _tuning,
}


def _of(cluster: Mapping[str, Any], seconds: float) -> list[Machines]:
    groups = cluster.get("InstanceGroups") or [cluster]
    return [
        Machines(str(group["InstanceType"]), int(group.get("InstanceCount") or 1), seconds / 3600)
        for group in groups
        if group.get("InstanceType")
    ]


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return (end - start).total_seconds() if start and end else 0.0
