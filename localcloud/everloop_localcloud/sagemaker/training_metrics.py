"""What a training job prints of its metrics: as series while it runs, and what they ended with."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.sagemaker.algorithms import built_in

Record = dict[str, Any]


def values(metric: Record, text: str) -> list[float]:
    """Return the numbers that a metric's regular expression catches, in order."""
    found = []
    for match in re.findall(metric["Regex"], text):
        try:
            found.append(float(match if isinstance(match, str) else match[0]))
        except ValueError:
            continue
    return found


def final(job: Record, text: str, now: datetime) -> list[Record]:
    """Return FinalMetricDataList: the last value of each metric that was printed."""
    told = []
    for metric in definitions(job):
        found = values(metric, text)
        if found:
            told.append({"MetricName": metric["Name"], "Value": found[-1], "Timestamp": now})
    return told


def definitions(job: Record) -> list[Record]:
    """Return what a job, or the definition of a tuning's jobs, is measured by."""
    algorithm = job["AlgorithmSpecification"]
    given = job.get("HyperParameters") or job.get("StaticHyperParameters") or {}
    if built_in.trains(algorithm.get("TrainingImage") or "", given):
        return built_in.metrics()
    return list(algorithm.get("MetricDefinitions", []))


class Series:
    """Every value of every metric, by training job; kept, since searches compare with them."""

    def __init__(self, cloud: Account) -> None:
        self._rows = cloud.store.table("sagemaker.training-series")
        self._listeners: dict[str, Callable[[], None]] = {}

    def of(self, name: str, metric: str) -> list[float]:
        """Return what a training job has printed of a metric so far."""
        return list(self._rows.get(name, {}).get(metric, []))

    def listen(self, name: str, heard: Callable[[], None]) -> None:
        """Call `heard` whenever a training job prints a metric."""
        self._listeners[name] = heard

    def hear(self, job: Record, line: str) -> None:
        name = job["TrainingJobName"]
        fresh = {metric["Name"]: values(metric, line) for metric in definitions(job)}
        if not any(fresh.values()):
            return
        known = self._rows.get(name, {})
        self._rows[name] = {
            **known,
            **{metric: [*known.get(metric, []), *some] for metric, some in fresh.items() if some},
        }
        if name in self._listeners:
            self._listeners[name]()

    def forget(self, name: str) -> None:
        """Drop the series of a training job that is deleted, or listened to no longer."""
        self._rows.pop(name, None)
        self._listeners.pop(name, None)
