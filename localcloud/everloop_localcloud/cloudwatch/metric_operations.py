"""The operations on metrics."""

from datetime import UTC, datetime
from typing import Any

from everloop_localcloud.cloudwatch import data, queries
from everloop_localcloud.cloudwatch.alarms import Alarms
from everloop_localcloud.cloudwatch.metrics import Metric, Metrics, check_statistic
from everloop_localcloud.cloudwatch.pages import page
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

Row = dict[str, Any]


class MetricOperations:
    def __init__(self, metrics: Metrics, alarms: Alarms) -> None:
        self.metrics = metrics
        self.alarms = alarms

    @operation
    def put_metric_data(self, call: Call, request: Row) -> None:
        data.check_request(request, from_aws=call.principal.endswith(":root"))
        read = [
            data.read(request["Namespace"], datum, call.time, index)
            for index, datum in enumerate(request["MetricData"], 1)
        ]
        for metric, time, unit, sample, seconds in read:
            self.metrics.add(metric, time, unit, sample, seconds=seconds)
        for metric in {one[0] for one in read}:
            self.alarms.heard(metric)

    @operation
    def get_metric_statistics(self, call: Call, request: Row) -> Row:
        simple = list(request.get("Statistics") or [])
        extended = list(request.get("ExtendedStatistics") or [])
        if not simple and not extended:
            raise AwsError(
                "MissingRequiredParameterException",
                "At least one of the parameters Statistics and ExtendedStatistics must be "
                "specified.",
            )
        for name in [*simple, *extended]:
            check_statistic(name)
        period = request["Period"]
        queries.check_period(period)
        start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
        if start >= end:
            raise data.invalid("The parameter StartTime must be less than the parameter EndTime.")
        if (end - start) / period > 1440:
            raise AwsError(
                "InvalidParameterCombinationException",
                f"You have requested up to {int((end - start) / period)} datapoints, which exceeds "
                "the limit of 1,440. You may reduce the datapoints requested by increasing Period, "
                "or decreasing the time range.",
            )
        metric = Metric.of(
            request["Namespace"], request["MetricName"], request.get("Dimensions") or []
        )
        wanted = request.get("Unit")
        points = []
        for unit in [wanted] if wanted else sorted(self.metrics.units(metric)):
            first = start // period * period
            found = self.metrics.periods(metric, first, end, period, unit)
            for at, sample in found.items():
                point: Row = {"Timestamp": datetime.fromtimestamp(at, UTC), "Unit": unit}
                point |= {name: sample.statistic(name) for name in simple}
                known = {name: sample.statistic(name) for name in extended}
                if extended:
                    point["ExtendedStatistics"] = {
                        name: value for name, value in known.items() if value is not None
                    }
                points.append(point)
        return {"Label": request["MetricName"], "Datapoints": points}

    @operation
    def get_metric_data(self, call: Call, request: Row) -> Row:
        asked = request["MetricDataQueries"]
        queries.check(asked)
        start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
        if start >= end:
            raise data.invalid("The parameter StartTime must be less than the parameter EndTime.")
        found = queries.run(self.metrics, asked, start, end)
        newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        results = []
        for query in asked:
            if not query.get("ReturnData", True):
                continue
            if query["Id"] in found:
                series = [(_label(query), found[query["Id"]])]
            else:
                series = queries.search(self.metrics, query, start, end)
                prefix = f"{query['Label']} " if query.get("Label") else ""
                series = [(prefix + label, points) for label, points in series]
            for label, values in series:
                points = sorted(values.items(), reverse=newest_first)
                results.append(
                    {
                        "Id": query["Id"],
                        "Label": label,
                        "Timestamps": [datetime.fromtimestamp(at, UTC) for at, _ in points],
                        "Values": [value for _, value in points],
                        "StatusCode": "Complete",
                    }
                )
        return {"MetricDataResults": results, "Messages": []}

    @operation
    def list_metrics(self, call: Call, request: Row) -> Row:
        if request.get("IncludeLinkedAccounts") or request.get("OwningAccount"):
            raise AwsError("NotImplemented", "the local cloud has no linked accounts", 501)
        wanted = request.get("Dimensions") or []
        since = call.time.timestamp() - 3 * 3600
        found = []
        for metric in self.metrics.known():
            pairs = dict(metric.dimensions)
            if request.get("Namespace") not in (None, metric.namespace):
                continue
            if request.get("MetricName") not in (None, metric.name):
                continue
            if not all(
                one["Name"] in pairs and one.get("Value") in (None, pairs[one["Name"]])
                for one in wanted
            ):
                continue
            if request.get("RecentlyActive") and self.metrics.newest(metric) < since:
                continue
            found.append(metric.shown())
        return page(found, request, "Metrics", 500)


def _label(query: Row) -> str:
    if query.get("Label"):
        return str(query["Label"])
    return str(
        query["MetricStat"]["Metric"]["MetricName"] if "MetricStat" in query else query["Id"]
    )
