"""What CloudWatch says of an endpoint's invocations."""

from datetime import datetime
from typing import Any

from everloop.aws.clients import cloudwatch, translated
from everloop.pipelines.rollouts import errors_of, requests_of

_HOUR, _DAY = 3600, 86400


def failed_shares(endpoint: str, since: datetime, until: datetime) -> list[float]:
    """Return the share of requests that an endpoint failed, of each hour in which it had any."""
    asked: dict[str, Any] = errors_of(endpoint)
    with translated(f"metrics of endpoint {endpoint}"):
        answer = cloudwatch().get_metric_statistics(
            **asked, StartTime=since, EndTime=until, Period=_HOUR, Statistics=["Average"]
        )
    return [float(point["Average"]) for point in answer["Datapoints"]]


def requests(endpoint: str, since: datetime, until: datetime) -> int:
    """Return how many requests an endpoint has had."""
    asked: dict[str, Any] = requests_of(endpoint)
    with translated(f"metrics of endpoint {endpoint}"):
        answer = cloudwatch().get_metric_statistics(
            **asked, StartTime=since, EndTime=until, Period=_DAY, Statistics=["Sum"]
        )
    return int(sum(point["Sum"] for point in answer["Datapoints"]))
