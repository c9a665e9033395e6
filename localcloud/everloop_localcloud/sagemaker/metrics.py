"""Metrics of trial components: put while training runs, read as series."""

import math
from collections import defaultdict
from datetime import timedelta
from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.reads import METRICS
from everloop_localcloud.sagemaker.trial_components import TrialComponents, latest, statistics

Record = dict[str, Any]
_PERIODS = {"OneMinute": 60, "FiveMinute": 300, "OneHour": 3600}
_OLDEST, _NEWEST = timedelta(days=14), timedelta(hours=2)  # as CloudWatch bounds what it takes


class SageMakerMetrics(Api):
    service = "sagemaker-metrics"
    reads = METRICS

    @operation
    def batch_put_metrics(self, call: Call, request: Record) -> Record:
        components: TrialComponents = self.cloud.apis["sagemaker"].trial_components
        component = components.trial_component(request["TrialComponentName"])
        good, errors = [], []
        for index, point in enumerate(request["MetricData"]):
            age = call.time - point["Timestamp"]
            if math.isfinite(point["Value"]) and -_NEWEST <= age <= _OLDEST:
                good.append(point)
            else:
                errors.append({"Code": "VALIDATION_ERROR", "MetricIndex": index})
        if good:
            components.keep_metrics(component["TrialComponentName"], good)
        return {"Errors": errors} if errors else {}

    @operation
    def batch_get_metrics(self, call: Call, request: Record) -> Record:
        return {"MetricQueryResults": [self._answered(query) for query in request["MetricQueries"]]}

    def _answered(self, query: Record) -> Record:
        empty: Record = {"XAxisValues": [], "MetricValues": []}
        by_step = query["Period"] == "IterationNumber"
        if by_step != (query["XAxisType"] == "IterationNumber"):
            message = f"Period {query['Period']} does not go with XAxisType {query['XAxisType']}"
            return {"Status": "ValidationError", "Message": message, **empty}
        try:
            points = self._points(query)
        except AwsError as error:
            return {"Status": "ValidationError", "Message": error.message, **empty}
        series: dict[int, list[Record]] = defaultdict(list)
        for point in points:
            if by_step:
                x = point.get("Step", 0)
            else:
                length = _PERIODS[query["Period"]]
                x = int(point["Timestamp"].timestamp()) // length * length
            if query.get("Start", x) <= x <= query.get("End", x):
                series[x].append(point)
        axis = sorted(series)
        return {
            "Status": "Complete",
            "XAxisValues": axis,
            "MetricValues": [_statistic(query["MetricStat"], series[x]) for x in axis],
        }

    def _points(self, query: Record) -> list[Record]:
        components: TrialComponents = self.cloud.apis["sagemaker"].trial_components
        arn = query["ResourceArn"]
        if ":experiment-trial-component/" not in arn:
            found = self.cloud.call("sagemaker", "ListTrialComponents", {"SourceArn": arn})
            summaries = found["TrialComponentSummaries"]
            if not summaries:
                raise AwsError("ResourceNotFound", f"{arn} has no trial component")
            arn = summaries[0]["TrialComponentArn"]
        component = components.trial_component(arn)
        points: list[Record] = components.metric_points(
            component["TrialComponentName"], query["MetricName"]
        )
        return points


def _statistic(name: str, points: list[Record]) -> float:
    if name == "Last":
        return float(latest(points)["Value"])
    return float(statistics([point["Value"] for point in points])[name])
