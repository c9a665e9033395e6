"""How an alarm's states are told: in events, in its history and to its actions."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from everloop_localcloud.cloudwatch import queries

Row = dict[str, Any]


def written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def told(state: Row) -> Row:
    return {
        "value": state["value"],
        "reason": state["reason"],
        "reasonData": state["data"],
        "timestamp": written(state["updated"]),
    }


def noted(state: Row) -> Row:
    return {
        "stateValue": state["value"],
        "stateReason": state["reason"],
        "stateReasonData": json.loads(state["data"]),
    }


def reason_data(row: Row, points: tuple[tuple[int, float], ...], now: datetime) -> Row:
    def moment(at: float) -> str:
        return written(datetime.fromtimestamp(at, UTC))

    oldest_first = points[::-1]
    data: Row = {
        "version": "1.0",
        "queryDate": written(now),
        "period": row["period"],
        "recentDatapoints": [value for _, value in oldest_first],
        "threshold": row["condition"]["threshold"],
        "evaluatedDatapoints": [{"timestamp": moment(at), "value": value} for at, value in points],
    }
    if points:
        data["startDate"] = moment(oldest_first[0][0])
    if len(row["queries"]) == 1:
        data["statistic"] = row["queries"][0]["MetricStat"]["Stat"]
    return data


def configuration(row: Row) -> Row:
    shown: Row = {"description": row["description"]} if row["description"] else {}
    if row["kind"] == "composite":
        return {**shown, "alarmRule": row["rule"]}
    metrics = []
    for query in row["queries"]:
        one: Row = {"id": query["Id"] or str(uuid.uuid4())}
        if "MetricStat" in query:
            asked = query["MetricStat"]
            metric = queries.metric_of(query)
            one["metricStat"] = {
                "metric": {
                    "dimensions": dict(metric.dimensions),
                    "name": metric.name,
                    "namespace": metric.namespace,
                },
                "period": asked["Period"],
                "stat": asked["Stat"],
            }
        else:
            one |= {"expression": query["Expression"], "label": query.get("Label", query["Id"])}
        one["returnData"] = query["Id"] == row["returned"]
        metrics.append(one)
    return {**shown, "metrics": metrics}
