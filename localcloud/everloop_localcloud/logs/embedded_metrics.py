"""CloudWatch's Embedded Metric Format: metrics that a log line carries."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

_MOST_VALUES = 100


def metrics_in(
    messages: Iterable[str], stamp: datetime
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield (namespace, metric data) of the lines that hold metrics, stamped with `stamp`.

    A line that is no metric, or a malformed one, is an ordinary line, as on AWS.
    """
    for message in messages:
        if '"_aws"' not in message:
            continue
        try:
            line = json.loads(message)
            directives = line["_aws"]["CloudWatchMetrics"]
            found = [
                (directive["Namespace"], _data(line, directive, stamp)) for directive in directives
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        yield from found


def _data(line: dict[str, Any], directive: dict[str, Any], stamp: datetime) -> list[dict[str, Any]]:
    data = []
    for names in directive.get("Dimensions") or [[]]:
        dimensions = [{"Name": name, "Value": str(line[name])} for name in names]
        for metric in directive["Metrics"]:
            value = line[metric["Name"]]
            values = value if isinstance(value, list) else [value]
            datum: dict[str, Any] = {
                "MetricName": metric["Name"],
                "Dimensions": dimensions,
                "Timestamp": stamp,
                "Values": [float(number) for number in values[:_MOST_VALUES]],
                "Unit": metric.get("Unit", "None"),
            }
            if "StorageResolution" in metric:
                datum["StorageResolution"] = metric["StorageResolution"]
            data.append(datum)
    return data
