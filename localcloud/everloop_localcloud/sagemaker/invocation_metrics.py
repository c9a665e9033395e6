"""Metrics of invocations, gathered per minute of the cloud's time and put in the background."""

import threading
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from everloop_localcloud.kernel.account import Account

_MOST_VALUES = 150  # CloudWatch's limit of values in one datum
_MOST_DATA = 1000  # and of data in one request

# (variant, endpoint config, metric, unit, minute since the epoch) -> value -> how often
_Counts = dict[tuple[str, str, str, str, int], dict[float, int]]


class InvocationMetrics:
    """What AWS/SageMaker says of one endpoint's invocations."""

    def __init__(self, cloud: Account, endpoint: str) -> None:
        self._cloud = cloud
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._counts: _Counts = defaultdict(lambda: defaultdict(int))

    def count(
        self,
        variant: str,
        config: str,
        status: int,
        model_seconds: float,
        overhead_seconds: float,
        instances: int,
    ) -> None:
        """Count one invocation; status 0 is a model that did not answer in time."""
        minute = int(self._cloud.clock.now().timestamp() // 60)
        with self._lock:
            for metric, unit, value in (
                ("Invocations", "None", 1.0),
                ("InvocationsPerInstance", "None", 1 / instances),
                ("Invocation4XXErrors", "None", float(400 <= status < 500)),
                ("Invocation5XXErrors", "None", float(status >= 500 or not status)),
                ("InvocationModelErrors", "None", float(not 200 <= status < 300)),
                ("ModelLatency", "Microseconds", float(round(model_seconds * 1e6))),
                ("OverheadLatency", "Microseconds", float(round(overhead_seconds * 1e6))),
            ):
                self._counts[variant, config, metric, unit, minute][value] += 1

    def flush(self) -> None:
        """Put what was counted, once per fleet of a deployment and once for the endpoint."""
        with self._lock:
            told, self._counts = self._counts, defaultdict(lambda: defaultdict(int))
        if not told or "cloudwatch" not in self._cloud.apis:
            return
        data: list[dict[str, Any]] = []
        for (variant, config, metric, unit, minute), counts in told.items():
            whole = [("EndpointName", self._endpoint), ("VariantName", variant)]
            for dimensions in (whole, [*whole, ("EndpointConfigName", config)]):
                datum = {
                    "MetricName": metric,
                    "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
                    "Timestamp": datetime.fromtimestamp(minute * 60, UTC),
                    "Unit": unit,
                }
                pairs = list(counts.items())
                for begin in range(0, len(pairs), _MOST_VALUES):
                    values, times = zip(*pairs[begin : begin + _MOST_VALUES], strict=True)
                    data.append(
                        {**datum, "Values": list(values), "Counts": list(map(float, times))}
                    )
        for begin in range(0, len(data), _MOST_DATA):
            request = {"Namespace": "AWS/SageMaker", "MetricData": data[begin : begin + _MOST_DATA]}
            self._cloud.call("cloudwatch", "PutMetricData", request)
