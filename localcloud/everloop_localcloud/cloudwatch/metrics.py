"""Metrics: what was measured, in buckets of a minute (or a second), and statistics over periods."""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

Dimensions = tuple[tuple[str, str], ...]
Where = tuple[int, int, str]  # start of a bucket, its length, unit
_KEPT = timedelta(days=15).total_seconds()  # as long as AWS keeps one-minute datapoints
_LATE = timedelta(hours=3).total_seconds()  # what alarms and the next look ask for, mostly
_SWEEP = 500  # buckets that begin between two looks for what is not of late any more
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


@dataclass(slots=True)
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
    """All metrics of the account. Times are epoch seconds.

    What was measured of late is in memory, all of it on the disk: looks at older times are few.
    """

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self._lock = threading.RLock()
        self._shelf = cloud.store.shelf("cloudwatch.buckets")
        # metric -> bucket -> sample, of late
        self._late: dict[Metric, dict[Where, Sample]] = {}
        self._units: dict[Metric, set[str]] = {}
        self._newest: dict[Metric, float] = {}
        self._fresh = 0  # buckets that began since the last sweep
        for _, row in self._shelf.rows():
            metric = Metric(
                row["namespace"], row["name"], tuple((name, one) for name, one in row["dimensions"])
            )
            where, sample = _read(row)
            self._note(metric, where)
            if where[0] >= self._horizon():
                self._late.setdefault(metric, {})[where] = sample

    def add(
        self, metric: Metric, time: float, unit: str, sample: Sample, *, seconds: bool = False
    ) -> None:
        """Add what was measured at a time; it is stored once this returns."""
        length = 1 if seconds else 60
        where = (int(time // length) * length, length, unit)
        key = _key(metric, where)
        with self._lock:
            buckets = self._late.setdefault(metric, {})
            bucket = buckets.get(where)
            if bucket is None:
                known = [] if where[0] >= self._horizon() else self._shelf.rows(key, key + "\0")
                bucket = _read(known[0][1])[1] if known else Sample()
                if where[0] >= self._horizon():
                    buckets[where] = bucket
                self._note(metric, where)
                self._forget_old(metric)
            bucket.merge(sample)
            row = {
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
            self._shelf.put(key, row)

    def _horizon(self) -> float:
        return self._cloud.clock.now().timestamp() - _LATE

    def _note(self, metric: Metric, where: Where) -> None:
        self._units.setdefault(metric, set()).add(where[2])
        self._newest[metric] = max(where[0], self._newest.get(metric, 0))

    def _forget_old(self, metric: Metric) -> None:
        """Delete what is too old of a metric; let go of what is not of late, of any."""
        limit = int(self._cloud.clock.now().timestamp() - _KEPT)
        begins = _begins(metric)
        self._shelf.delete(begins, f"{begins}{limit}")
        self._fresh += 1
        if self._fresh < _SWEEP:
            return
        self._fresh = 0
        horizon = self._horizon()
        for each, buckets in list(self._late.items()):
            for where in [where for where in buckets if where[0] < horizon]:
                del buckets[where]
            if not buckets:
                del self._late[each]

    def _between(self, metric: Metric, start: float, end: float) -> Iterator[tuple[Where, Sample]]:
        """Give the buckets that may begin within [start, end)."""
        late = self._late.get(metric, {})
        yield from late.items()
        if start < self._horizon():
            begins = _begins(metric)
            low, high = (f"{begins}{max(0, int(time)):010d}" for time in (start, end + 1))
            for _, row in self._shelf.rows(low, high):
                where, sample = _read(row)
                if where not in late:
                    yield where, sample

    def periods(
        self, metric: Metric, start: float, end: float, period: int, unit: str | None = None
    ) -> dict[int, Sample]:
        """Return what each period holds that begins within [start, end), by its beginning."""
        found: dict[int, Sample] = {}
        with self._lock:
            # A period that begins before `start` is none of these, though it may reach into them.
            for (begin, _, kind), sample in self._between(metric, start, end + period):
                at = begin // period * period
                if start <= at < end and (unit is None or unit == kind):
                    found.setdefault(at, Sample()).merge(sample)
        return dict(sorted(found.items()))

    def units(self, metric: Metric) -> set[str]:
        with self._lock:
            return set(self._units.get(metric, ()))

    def known(self) -> list[Metric]:
        with self._lock:
            return sorted(self._newest, key=lambda one: (one.namespace, one.name, one.dimensions))

    def newest(self, metric: Metric) -> float:
        with self._lock:
            return self._newest.get(metric, 0)


def _read(row: dict[str, Any]) -> tuple[Where, Sample]:
    sample = Sample(row["count"], row["total"], row["low"], row["high"], None)
    if row["values"] is not None:
        sample.values = {value: count for value, count in row["values"]}
    return (row["start"], row["length"], row["unit"]), sample


def _begins(metric: Metric) -> str:
    """Return what the keys of a metric's buckets begin with, before the time."""
    dimensions = ",".join(f"{name}={value}" for name, value in metric.dimensions)
    return f"{metric.namespace}|{metric.name}|{dimensions}|"


def _key(metric: Metric, where: Where) -> str:
    return f"{_begins(metric)}{where[0]}|{where[1]}|{where[2]}"
