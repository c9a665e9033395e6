"""PutMetricData: what is taken, and what is refused with AWS's words."""

import math
from datetime import datetime, timedelta
from typing import Any

from everloop_localcloud.cloudwatch.metrics import Metric, Sample
from everloop_localcloud.kernel.errors import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def check_request(request: dict[str, Any], *, from_aws: bool) -> None:
    """Refuse a request as a whole; only AWS itself may write to `AWS/`. Raises AwsError."""
    namespace = request["Namespace"]
    for member in ("EntityMetricData", "StrictEntityValidation"):
        if request.get(member):
            raise AwsError("NotImplemented", f"the local cloud does not honour {member}", 501)
    if (namespace.startswith("AWS/") and not from_aws) or not 1 <= len(namespace) <= 255:
        raise invalid(f"The value {namespace} for parameter Namespace is invalid.")
    data = request.get("MetricData") or []
    if not data:
        raise AwsError("MissingRequiredParameterException", "The parameter MetricData is required.")
    if len(data) > 1000:
        raise invalid(
            f"The collection MetricData must not have a size greater than 1000: it has {len(data)}."
        )


def read(
    namespace: str, datum: dict[str, Any], now: datetime, index: int
) -> tuple[Metric, float, str, Sample, bool]:
    """Return metric, time, unit, sample and whether it is of high resolution. Raises AwsError."""
    where = f"MetricData.member.{index}"
    dimensions = datum.get("Dimensions") or []
    if len(dimensions) > 30:
        raise invalid(f"{where}.Dimensions has {len(dimensions)} members; at most 30 are allowed.")
    given = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if len(given) != 1:
        raise AwsError(
            "InvalidParameterCombinationException",
            f"{where} must have exactly one of Value, Values and StatisticValues, "
            f"not {given or 'none'}.",
        )
    resolution = datum.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise invalid(f"{where}.StorageResolution is {resolution}; it must be 1 or 60.")
    time = datum.get("Timestamp") or now
    if not now - timedelta(days=14) <= time <= now + timedelta(hours=2):
        raise invalid(
            f"The value {time.isoformat()} for parameter {where}.Timestamp is invalid: it must be "
            "within the last two weeks, and at most two hours ahead."
        )
    metric = Metric.of(namespace, datum["MetricName"], dimensions)
    sample = _sample(where, datum)
    return metric, time.timestamp(), datum.get("Unit") or "None", sample, resolution == 1


def _sample(where: str, datum: dict[str, Any]) -> Sample:
    sample = Sample()
    if "StatisticValues" in datum:
        known = datum["StatisticValues"]
        numbers = [known[name] for name in ("SampleCount", "Sum", "Minimum", "Maximum")]
        for number in numbers:
            _check_number(f"{where}.StatisticValues", number)
        count, total, low, high = numbers
        if count <= 0 or low > high:
            raise invalid(f"{where}.StatisticValues is contradictory: {known}.")
        return Sample(count, total, low, high, {low: count} if low == high else None)
    values: list[float] = [datum["Value"]] if "Value" in datum else datum["Values"]
    counts = datum.get("Counts") or [1.0] * len(values)
    if len(values) > 150 or len(values) != len(counts):
        raise invalid(
            f"{where}.Values has {len(values)} members and Counts {len(counts)}; they must be as "
            "many, and at most 150."
        )
    for value, count in zip(values, counts, strict=True):
        _check_number(f"{where}.Value", value)
        if not count > 0:
            raise invalid(f"{where}.Counts has {count}; it must be above 0.")
        sample.add(float(value), float(count))
    if not values:
        raise invalid(f"{where}.Values is empty.")
    return sample


def _check_number(where: str, value: float) -> None:
    if not math.isfinite(value) or abs(value) > 2.0**360:
        raise invalid(f"The value {value} for parameter {where} is invalid.")
