"""Metrics: what was measured, in buckets of a minute (or a second), and statistics over periods."""

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from localcloud.errors import AwsError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

Dimensions = tuple[tuple[str, str], ...]
_KEPT = timedelta(days=15).total_seconds()  # as long as AWS keeps one-minute datapoints
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    dimensions: Dimensions

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> "Metric":
        pairs = sorted((one["Name"], one["Value"]) for one in dimensions)
        return cls(namespace, name, tuple(pairs))

    def shown(self) -> dict[str, Any]:
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }


@dataclass
class Sample:
    """What a bucket or a period holds; `values` counts each value, where they are all known."""

    count: float = 0.0
    total: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    values: dict[float, float] | None = field(default_factory=dict)

    def add(self, value: float, count: float = 1.0) -> None:
        self.count += count
        self.total += value * count
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        if self.values is not None:
            self.values[value] = self.values.get(value, 0.0) + count

    def merge(self, other: "Sample") -> None:
        self.count += other.count
        self.total += other.total
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        if self.values is None or other.values is None:
            self.values = None
        else:
            for value, count in other.values.items():
                self.values[value] = self.values.get(value, 0.0) + count

    def statistic(self, name: str) -> float | None:
        """Return a statistic or percentile; None where it cannot be known."""
        if name == "SampleCount":
            return self.count
        if name == "Sum":
            return self.total
        if name == "Minimum":
            return self.low
        if name == "Maximum":
            return self.high
        if name == "Average":
            return self.total / self.count if self.count else None
        return self._percentile(float(name[1:]))

    def _percentile(self, percent: float) -> float | None:
        if self.values is None:  # statistic sets: known only where all values are the same
            return self.low if self.low == self.high else None
        rank = percent / 100 * (self.count - 1)
        before = 0.0
        earlier = None
        for value in sorted(self.values):
            after = before + self.values[value]
            if rank <= after - 1:
                if earlier is None or rank >= before:
                    return value
                return earlier + (value - earlier) * (rank - (before - 1))
            before, earlier = after, value
        return earlier


def check_statistic(name: str) -> str:
    """Return the statistic's name. Raises AwsError for one that this cloud does not compute."""
    if name not in STATISTICS and not _PERCENTILE.fullmatch(name):
        raise AwsError(
            "InvalidParameterValueException",
            f"The value {name} for parameter Statistic is invalid here: use one of "
            f"{', '.join(STATISTICS)} or a percentile such as p99",
        )
    return name


class Metrics:
    """All metrics of the account. Times are epoch seconds."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._lock = threading.RLock()
        self._rows = cloud.store.table("cloudwatch.buckets")
        # metric -> (start of the bucket, its length, unit) -> sample
        self._buckets: dict[Metric, dict[tuple[int, int, str], Sample]] = {}
        for row in self._rows.values():
            metric = Metric(
                row["namespace"], row["name"], tuple((name, one) for name, one in row["dimensions"])
            )
            sample = Sample(row["count"], row["total"], row["low"], row["high"], None)
            if row["values"] is not None:
                sample.values = {value: count for value, count in row["values"]}
            where = (row["start"], row["length"], row["unit"])
            self._buckets.setdefault(metric, {})[where] = sample

    def add(
        self, metric: Metric, time: float, unit: str, sample: Sample, *, seconds: bool = False
    ) -> None:
        """Add what was measured at a time; it is stored once this returns."""
        length = 1 if seconds else 60
        where = (int(time // length) * length, length, unit)
        with self._lock:
            buckets = self._buckets.setdefault(metric, {})
            bucket = buckets.get(where)
            if bucket is None:
                bucket = buckets[where] = Sample()
                self._forget_old(metric, buckets)
            bucket.merge(sample)
            self._rows[_key(metric, where)] = {
                "namespace": metric.namespace,
                "name": metric.name,
                "dimensions": [list(pair) for pair in metric.dimensions],
                "start": where[0],
                "length": length,
                "unit": unit,
                "count": bucket.count,
                "total": bucket.total,
                "low": bucket.low,
                "high": bucket.high,
                "values": None if bucket.values is None else list(bucket.values.items()),
            }

    def _forget_old(self, metric: Metric, buckets: dict[tuple[int, int, str], Sample]) -> None:
        limit = self._cloud.clock.now().timestamp() - _KEPT
        while buckets:
            oldest = next(iter(buckets))
            if oldest[0] >= limit:
                return
            del buckets[oldest]
            self._rows.pop(_key(metric, oldest), None)

    def periods(
        self, metric: Metric, start: float, end: float, period: int, unit: str | None = None
    ) -> dict[int, Sample]:
        """Return what each period holds that begins within [start, end), by its beginning."""
        found: dict[int, Sample] = {}
        with self._lock:
            for (begin, _, kind), sample in self._buckets.get(metric, {}).items():
                at = begin // period * period
                if start <= at < end and (unit is None or unit == kind):
                    found.setdefault(at, Sample()).merge(sample)
        return dict(sorted(found.items()))

    def units(self, metric: Metric) -> set[str]:
        with self._lock:
            return {unit for _, _, unit in self._buckets.get(metric, {})}

    def known(self) -> list[Metric]:
        with self._lock:
            return sorted(self._buckets, key=lambda one: (one.namespace, one.name, one.dimensions))

    def newest(self, metric: Metric) -> float:
        with self._lock:
            return max((start for start, _, _ in self._buckets.get(metric, {})), default=0)


def _key(metric: Metric, where: tuple[int, int, str]) -> str:
    dimensions = ",".join(f"{name}={value}" for name, value in metric.dimensions)
    return f"{metric.namespace}|{metric.name}|{dimensions}|{where[0]}|{where[1]}|{where[2]}"
