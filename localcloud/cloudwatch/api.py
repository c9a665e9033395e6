"""The operations of CloudWatch."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.api import Api, Call, operation
from localcloud.cloudwatch import data, definitions, queries
from localcloud.cloudwatch.alarms import Alarms
from localcloud.cloudwatch.metrics import Metric, Metrics, Sample, check_statistic
from localcloud.errors import AwsError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

Row = dict[str, Any]


class CloudWatch(Api):
    service = "cloudwatch"
    partial: ClassVar[dict[str, str]] = {
        "PutMetricAlarm": "no anomaly detection, SEARCH or Metrics Insights; actions are SNS and "
        "Lambda; EvaluateLowSampleCountPercentile is stored and not applied",
        "PutCompositeAlarm": "no actions suppressor",
        "GetMetricData": "math: arithmetic, comparisons, SUM AVG MIN MAX FILL IF ABS CEIL FLOOR",
        "ListMetrics": "RecentlyActive covers three hours; there are no linked accounts",
        "PutDashboard": "stored after a check that it is JSON",
    }

    def __init__(self, cloud: "Cloud") -> None:
        super().__init__(cloud)
        self.metrics = Metrics(cloud)
        self.alarms = Alarms(cloud, self.metrics)
        self._dashboards = cloud.store.table("cloudwatch.dashboards")

    def start(self) -> None:
        self.alarms.start()

    def stop(self) -> None:
        self.alarms.stop()

    # For other parts of the cloud

    def put(
        self,
        namespace: str,
        name: str,
        value: float,
        dimensions: Mapping[str, str] | None = None,
        unit: str = "None",
    ) -> None:
        """Put one value, measured now; alarms on the metric are evaluated soon after."""
        metric = Metric(namespace, name, tuple(sorted((dimensions or {}).items())))
        sample = Sample()
        sample.add(float(value))
        self.metrics.add(metric, self.cloud.clock.now().timestamp(), unit, sample)
        self.alarms.heard(metric)

    def alarm_state(self, name: str) -> str:
        """Return OK, ALARM or INSUFFICIENT_DATA. Raises AwsError ResourceNotFound."""
        return str(self.alarms.get(name)["state"]["value"])

    # Metrics

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
            points = sorted(found[query["Id"]].items(), reverse=newest_first)
            label = query.get("Label") or query["Id"]
            if "MetricStat" in query and not query.get("Label"):
                label = query["MetricStat"]["Metric"]["MetricName"]
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
        return _page(found, request, "Metrics", 500)

    # Alarms

    @operation
    def put_metric_alarm(self, call: Call, request: Row) -> None:
        self.alarms.put(definitions.of_metric(request), call.time)

    @operation
    def put_composite_alarm(self, call: Call, request: Row) -> None:
        self.alarms.put(definitions.of_composite(request), call.time)

    @operation
    def describe_alarms(self, call: Call, request: Row) -> Row:
        for member in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if request.get(member):
                raise AwsError("NotImplemented", f"the local cloud does not honour {member}", 501)
        kinds = request.get("AlarmTypes") or ["MetricAlarm"]
        names = request.get("AlarmNames")
        prefix = request.get("AlarmNamePrefix") or ""
        action = request.get("ActionPrefix") or ""
        state = request.get("StateValue")
        chosen = [
            row
            for _, row in sorted(self.alarms.rows.items())
            if (row["name"] in names if names else row["name"].startswith(prefix))
            and ("MetricAlarm" if row["kind"] == "metric" else "CompositeAlarm") in kinds
            and state in (None, row["state"]["value"])
            and (
                not action
                or any(arn.startswith(action) for arns in row["actions"].values() for arn in arns)
            )
        ]
        page = _page(chosen, request, "chosen", request.get("MaxRecords") or 50)
        rows = page.pop("chosen")
        return {
            "MetricAlarms": [definitions.shown(row) for row in rows if row["kind"] == "metric"],
            "CompositeAlarms": [
                definitions.shown(row) for row in rows if row["kind"] == "composite"
            ],
            **page,
        }

    @operation
    def describe_alarms_for_metric(self, call: Call, request: Row) -> Row:
        metric = Metric.of(
            request["Namespace"], request["MetricName"], request.get("Dimensions") or []
        )
        statistic = request.get("Statistic") or request.get("ExtendedStatistic")
        found = []
        for _, row in sorted(self.alarms.rows.items()):
            for query in row.get("queries", ()):
                asked = query.get("MetricStat")
                if (
                    asked
                    and queries.metric_of(query) == metric
                    and statistic in (None, asked["Stat"])
                    and request.get("Period") in (None, asked["Period"])
                    and request.get("Unit") in (None, asked.get("Unit"))
                ):
                    found.append(definitions.shown(row))
                    break
        return {"MetricAlarms": found}

    @operation
    def delete_alarms(self, call: Call, request: Row) -> None:
        for name in request["AlarmNames"]:
            self.alarms.get(name)
        for name in request["AlarmNames"]:
            self.alarms.remove(name)

    @operation
    def set_alarm_state(self, call: Call, request: Row) -> None:
        value = request["StateValue"]
        if value not in ("OK", "ALARM", "INSUFFICIENT_DATA"):
            raise AwsError("ValidationException", f"StateValue {value} is not a state.")
        text = request.get("StateReasonData") or "{}"
        try:
            reason_data = json.loads(text)
        except ValueError as error:
            raise AwsError("InvalidFormatFault", "StateReasonData is not JSON.") from error
        self.alarms.get(request["AlarmName"])
        self.alarms.change(
            request["AlarmName"], value, request["StateReason"], reason_data, call.time
        )

    @operation
    def enable_alarm_actions(self, call: Call, request: Row) -> None:
        self._switch(request["AlarmNames"], enabled=True)

    @operation
    def disable_alarm_actions(self, call: Call, request: Row) -> None:
        self._switch(request["AlarmNames"], enabled=False)

    def _switch(self, names: list[str], *, enabled: bool) -> None:
        with self.alarms.lock:
            for name in names:
                if name in self.alarms.rows:
                    self.alarms.save({**self.alarms.rows[name], "actions_enabled": enabled})

    @operation
    def describe_alarm_history(self, call: Call, request: Row) -> Row:
        if request.get("AlarmContributorId"):
            raise AwsError("NotImplemented", "the local cloud has no alarm contributors", 501)
        kinds = request.get("AlarmTypes") or ["MetricAlarm"]
        names = [request["AlarmName"]] if request.get("AlarmName") else list(self.alarms.rows)
        items = []
        for name in names:
            row = self.alarms.rows.get(name)
            kind = "MetricAlarm" if row and row["kind"] == "metric" else "CompositeAlarm"
            if row is None or (kind not in kinds and not request.get("AlarmName")):
                continue
            for item in self.alarms.history(name):
                if request.get("HistoryItemType") in (None, item["kind"]) and _within(
                    item["time"], request
                ):
                    items.append(
                        {
                            "AlarmName": name,
                            "AlarmType": kind,
                            "Timestamp": item["time"],
                            "HistoryItemType": item["kind"],
                            "HistorySummary": item["summary"],
                            "HistoryData": item["data"],
                        }
                    )
        newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        items.sort(key=lambda item: item["Timestamp"], reverse=newest_first)
        return _page(items, request, "AlarmHistoryItems", request.get("MaxRecords") or 50)

    # Dashboards

    @operation
    def put_dashboard(self, call: Call, request: Row) -> Row:
        try:
            body = json.loads(request["DashboardBody"])
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise AwsError(
                "DashboardInvalidInputError", "The field DashboardBody must be a valid JSON object"
            )
        name = request["DashboardName"]
        arn = f"arn:aws:cloudwatch::{self.cloud.account}:dashboard/{name}"
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
        known = self._dashboards.get(name)
        self._dashboards[name] = {
            "name": name,
            "arn": arn,
            "body": request["DashboardBody"],
            "modified": call.time,
            "tags": known["tags"] if known else tags,
        }
        return {"DashboardValidationMessages": []}

    def _dashboard(self, name: str) -> Row:
        row = self._dashboards.get(name)
        if row is None:
            raise AwsError("DashboardNotFoundError", f"Dashboard {name} does not exist", 404)
        return row

    @operation
    def get_dashboard(self, call: Call, request: Row) -> Row:
        row = self._dashboard(request["DashboardName"])
        return {
            "DashboardArn": row["arn"],
            "DashboardBody": row["body"],
            "DashboardName": row["name"],
        }

    @operation
    def list_dashboards(self, call: Call, request: Row) -> Row:
        prefix = request.get("DashboardNamePrefix") or ""
        entries = [
            {
                "DashboardName": row["name"],
                "DashboardArn": row["arn"],
                "LastModified": row["modified"],
                "Size": len(row["body"].encode()),
            }
            for _, row in sorted(self._dashboards.items())
            if row["name"].startswith(prefix)
        ]
        return _page(entries, request, "DashboardEntries", 1000)

    @operation
    def delete_dashboards(self, call: Call, request: Row) -> None:
        for name in request["DashboardNames"]:
            self._dashboard(name)
        for name in request["DashboardNames"]:
            del self._dashboards[name]

    # Tags

    def _tagged(self, arn: str) -> Row:
        for row in [*self.alarms.rows.values(), *self._dashboards.values()]:
            if row["arn"] == arn:
                return row
        raise AwsError("ResourceNotFoundException", f"Resource {arn} does not exist", 404)

    def _retag(self, row: Row, tags: dict[str, str]) -> None:
        changed = {**row, "tags": tags}
        if "kind" in row:
            self.alarms.save(changed)
        else:
            self._dashboards[row["name"]] = changed

    @operation
    def tag_resource(self, call: Call, request: Row) -> None:
        with self.alarms.lock:
            row = self._tagged(request["ResourceARN"])
            given = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            self._retag(row, {**row["tags"], **given})

    @operation
    def untag_resource(self, call: Call, request: Row) -> None:
        with self.alarms.lock:
            row = self._tagged(request["ResourceARN"])
            left = {key: one for key, one in row["tags"].items() if key not in request["TagKeys"]}
            self._retag(row, left)

    @operation
    def list_tags_for_resource(self, call: Call, request: Row) -> Row:
        tags = self._tagged(request["ResourceARN"])["tags"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _within(time: datetime, request: Row) -> bool:
    start, end = request.get("StartDate"), request.get("EndDate")
    return (start is None or time >= start) and (end is None or time <= end)


def _page(items: list[Any], request: Row, member: str, most: int) -> Row:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidNextToken", "The next token is invalid.")
    first = int(token)
    answer: Row = {member: items[first : first + most]}
    if first + most < len(items):
        answer["NextToken"] = str(first + most)
    return answer
