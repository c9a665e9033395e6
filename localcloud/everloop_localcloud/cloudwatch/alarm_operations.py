"""The operations on alarms."""

import json
from datetime import datetime
from typing import Any

from everloop_localcloud.cloudwatch import definitions, queries
from everloop_localcloud.cloudwatch.alarms import Alarms
from everloop_localcloud.cloudwatch.metrics import Metric
from everloop_localcloud.cloudwatch.pages import page
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

Row = dict[str, Any]


class AlarmOperations:
    def __init__(self, alarms: Alarms) -> None:
        self.alarms = alarms

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
        part = page(chosen, request, "chosen", request.get("MaxRecords") or 50)
        rows = part.pop("chosen")
        return {
            "MetricAlarms": [definitions.shown(row) for row in rows if row["kind"] == "metric"],
            "CompositeAlarms": [
                definitions.shown(row) for row in rows if row["kind"] == "composite"
            ],
            **part,
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
        return page(items, request, "AlarmHistoryItems", request.get("MaxRecords") or 50)


def _within(time: datetime, request: Row) -> bool:
    start, end = request.get("StartDate"), request.get("EndDate")
    return (start is None or time >= start) and (end is None or time <= end)
