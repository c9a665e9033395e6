"""Alarm definitions: from PutMetricAlarm and PutCompositeAlarm to what is stored, and back."""

from typing import Any

from everloop_localcloud.cloudwatch import actions, queries
from everloop_localcloud.cloudwatch.data import invalid
from everloop_localcloud.cloudwatch.evaluation import OPERATORS
from everloop_localcloud.cloudwatch.metrics import STATISTICS, check_statistic
from everloop_localcloud.cloudwatch.rules import parse
from everloop_localcloud.kernel.errors import AwsError

Row = dict[str, Any]

_ACTIONS = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}
_UNSUPPORTED = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "ActionConfiguration",
    "ActionsSuppressor",
    "ActionsSuppressorWaitPeriod",
    "ActionsSuppressorExtensionPeriod",
)


def _both(request: Row) -> Row:
    for member in _UNSUPPORTED:
        if member in request:
            raise AwsError("NotImplemented", f"the local cloud does not honour {member}", 501)
    chosen = {state: list(request.get(member) or []) for state, member in _ACTIONS.items()}
    for arns in chosen.values():
        if len(arns) > 5:
            raise invalid("An alarm has at most 5 actions per state.")
        for arn in arns:
            actions.check(arn)
    return {
        "name": request["AlarmName"],
        "description": request.get("AlarmDescription") or "",
        "actions_enabled": request.get("ActionsEnabled", True),
        "actions": chosen,
        "tags": {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []},
    }


def of_metric(request: Row) -> Row:
    """Return what is stored of a metric alarm. Raises AwsError."""
    row = _both(request)
    comparison = request["ComparisonOperator"]
    if comparison not in OPERATORS:
        raise invalid(f"ComparisonOperator {comparison} is not evaluated here.")
    if "Threshold" not in request:
        raise AwsError("MissingRequiredParameterException", "The parameter Threshold is required.")
    missing = request.get("TreatMissingData") or "missing"
    if missing not in ("breaching", "notBreaching", "ignore", "missing"):
        raise AwsError(
            "ValidationException",
            f"The value {missing} is not supported for TreatMissingData parameter. Supported "
            "values are [breaching, notBreaching, ignore, missing].",
        )
    evaluated = request["EvaluationPeriods"]
    needed = request.get("DatapointsToAlarm") or evaluated
    if not 1 <= needed <= evaluated:
        raise invalid(
            f"DatapointsToAlarm is {needed}; it must be between 1 and EvaluationPeriods "
            f"({evaluated})."
        )
    asked = list(request.get("Metrics") or []) or [_single(request)]
    queries.check(asked)
    if any(queries.searches_metrics(query) for query in asked):
        raise invalid("SEARCH is not supported on Metric Alarms.")
    returned = [query["Id"] for query in asked if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise invalid(
            f"Exactly one of the alarm's Metrics must have ReturnData true, not {returned}."
        )
    final = next(query for query in asked if query["Id"] == returned[0])
    period = queries.period_of(final, asked)
    if evaluated * period > (7 * 86_400 if period >= 3600 else 86_400):
        raise AwsError(
            "ValidationException",
            "Metrics cannot be checked across more than a day "
            f"(EvaluationPeriods * Period must be <= 86400): {evaluated} * {period}.",
        )
    return {
        **row,
        "kind": "metric",
        "queries": asked,
        "returned": returned[0],
        "period": period,
        "simple": "Metrics" not in request,
        "low_samples": request.get("EvaluateLowSampleCountPercentile") or "",
        "given_needed": request.get("DatapointsToAlarm"),
        "given_missing": request.get("TreatMissingData"),
        "condition": {
            "comparison": comparison,
            "threshold": float(request["Threshold"]),
            "evaluated": evaluated,
            "needed": needed,
            "missing": missing,
        },
    }


def _single(request: Row) -> Row:
    for member in ("MetricName", "Namespace", "Period"):
        if not request.get(member):
            raise AwsError(
                "MissingRequiredParameterException", f"The parameter {member} is required."
            )
    statistic = request.get("Statistic") or request.get("ExtendedStatistic")
    if not statistic or (request.get("Statistic") and request.get("ExtendedStatistic")):
        raise AwsError(
            "InvalidParameterCombinationException",
            "Exactly one of Statistic and ExtendedStatistic must be given.",
        )
    asked: Row = {
        "Metric": {
            "Namespace": request["Namespace"],
            "MetricName": request["MetricName"],
            "Dimensions": list(request.get("Dimensions") or []),
        },
        "Period": request["Period"],
        "Stat": check_statistic(statistic),
    }
    if request.get("Unit"):
        asked["Unit"] = request["Unit"]
    return {"Id": "m1", "MetricStat": asked, "ReturnData": True}


def of_composite(request: Row) -> Row:
    """Return what is stored of a composite alarm. Raises AwsError."""
    parse(request["AlarmRule"])
    return {**_both(request), "kind": "composite", "rule": request["AlarmRule"]}


def shown(row: Row) -> Row:
    """Return an alarm as DescribeAlarms gives it."""
    state = row["state"]
    alarm: Row = {
        "AlarmName": row["name"],
        "AlarmArn": row["arn"],
        "AlarmConfigurationUpdatedTimestamp": row["configured"],
        "ActionsEnabled": row["actions_enabled"],
        **{member: row["actions"][value] for value, member in _ACTIONS.items()},
        "StateValue": state["value"],
        "StateReason": state["reason"],
        "StateReasonData": state["data"],
        "StateUpdatedTimestamp": state["updated"],
        "StateTransitionedTimestamp": state["changed"],
    }
    if row["description"]:
        alarm["AlarmDescription"] = row["description"]
    if row["kind"] == "composite":
        return {**alarm, "AlarmRule": row["rule"]}
    condition = row["condition"]
    alarm |= {
        "EvaluationPeriods": condition["evaluated"],
        "Threshold": condition["threshold"],
        "ComparisonOperator": condition["comparison"],
    }
    for member, value in (
        ("DatapointsToAlarm", row["given_needed"]),
        ("TreatMissingData", row["given_missing"]),
        ("EvaluateLowSampleCountPercentile", row["low_samples"]),
    ):
        if value:
            alarm[member] = value
    if not row["simple"]:
        return {**alarm, "Metrics": row["queries"]}
    asked = row["queries"][0]["MetricStat"]
    kind = "Statistic" if asked["Stat"] in STATISTICS else "ExtendedStatistic"
    alarm |= {**asked["Metric"], "Period": asked["Period"], kind: asked["Stat"]}
    if "Unit" in asked:
        alarm["Unit"] = asked["Unit"]
    return alarm
