"""What alarms do when their state changes: publish to SNS, invoke Lambda, scale a variant."""

import json
from typing import Any

from everloop_localcloud.cloudwatch.queries import metric_of
from everloop_localcloud.cloudwatch.telling import told, written
from everloop_localcloud.delivery.calls import Letter, Sender, call_arn
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

Row = dict[str, Any]


def check(arn: str) -> None:
    """Refuse an action that this cloud does not perform. Raises AwsError."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        raise AwsError("ValidationException", f"Invalid arn syntax: {arn}")
    if parts[2] not in ("sns", "lambda", "autoscaling"):
        raise AwsError("NotImplemented", f"the local cloud has no alarm action {arn}", 501)


def act(cloud: Account, row: Row, before: Row, arn: str) -> None:
    """Perform one action of an alarm that changed its state. Raises AwsError."""
    check(arn)
    if arn.split(":")[2] == "autoscaling":
        cloud.apis["application-autoscaling"].alarmed(arn)
        return
    if arn.split(":")[2] == "sns":
        value = row["state"]["value"]
        subject = f'{value}: "{row["name"]}" in US East (N. Virginia)'[:100]
        letter = Letter(json.dumps(_message(cloud, row, before)), subject=subject)
        call_arn(cloud, arn, letter, Sender(None, "cloudwatch.amazonaws.com"))
        return
    payload = {
        "source": "aws.cloudwatch",
        "alarmArn": row["arn"],
        "accountId": cloud.account,
        "time": written(row["state"]["updated"]),
        "region": cloud.region,
        "alarmData": {
            "alarmName": row["name"],
            "state": told(row["state"]),
            "previousState": told(before),
            "configuration": {"description": row["description"]},
        },
    }
    sender = Sender(None, "lambda.alarms.cloudwatch.amazonaws.com", row["arn"])
    call_arn(cloud, arn, Letter(json.dumps(payload)), sender)


def _message(cloud: Account, row: Row, before: Row) -> Row:
    message = {
        "AlarmName": row["name"],
        "AlarmDescription": row["description"] or None,
        "AWSAccountId": cloud.account,
        "AlarmConfigurationUpdatedTimestamp": written(row["configured"]),
        "NewStateValue": row["state"]["value"],
        "NewStateReason": row["state"]["reason"],
        "StateChangeTime": written(row["state"]["updated"]),
        "Region": "US East (N. Virginia)" if cloud.region == "us-east-1" else cloud.region,
        "AlarmArn": row["arn"],
        "OldStateValue": before["value"],
        "OKActions": row["actions"]["OK"],
        "AlarmActions": row["actions"]["ALARM"],
        "InsufficientDataActions": row["actions"]["INSUFFICIENT_DATA"],
    }
    if row["kind"] == "composite":
        return {**message, "AlarmRule": row["rule"]}
    condition = row["condition"]
    trigger: Row = {
        "Period": row["period"],
        "EvaluationPeriods": condition["evaluated"],
        "DatapointsToAlarm": condition["needed"],
        "ComparisonOperator": condition["comparison"],
        "Threshold": condition["threshold"],
        "TreatMissingData": condition["missing"],
        "EvaluateLowSampleCountPercentile": "",
    }
    if len(row["queries"]) == 1:
        query = row["queries"][0]
        metric = metric_of(query)
        trigger |= {
            "MetricName": metric.name,
            "Namespace": metric.namespace,
            "StatisticType": "Statistic",
            "Statistic": query["MetricStat"]["Stat"].upper(),
            "Unit": query["MetricStat"].get("Unit"),
            "Dimensions": [{"value": value, "name": name} for name, value in metric.dimensions],
        }
    else:
        trigger["Metrics"] = row["queries"]
    return {**message, "Trigger": trigger}
