"""Scaling policies: a target for a metric, and the two alarms that AWS makes for it."""

import uuid
from typing import Any

from everloop_localcloud.applicationautoscaling.targets import (
    Targets,
    absent,
    chosen,
    page,
    variant_of,
)
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation

Row = dict[str, Any]

METRIC = "SageMakerVariantInvocationsPerInstance"
COOLDOWN = 300  # seconds, for a variant, where a policy names none
HIGH, LOW = "AlarmHigh", "AlarmLow"
# Minutes in a row, as the alarms of AWS's own policies have them; a tenth below the target is low.
MINUTES = {HIGH: 3, LOW: 15}
_LOW_SHARE = 0.9


class Policies:
    """Operations on scaling policies. `rows` are theirs, by resource id and name."""

    def __init__(self, cloud: Account, targets: Targets) -> None:
        self._cloud = cloud
        self._targets = targets
        self.rows = cloud.store.table("autoscaling.policies")

    @operation
    def put_scaling_policy(self, call: Call, request: Row) -> Row:
        target = self._targets.registered(request)
        kind = request.get("PolicyType", "StepScaling")
        if kind != "TargetTrackingScaling":
            raise validation(f"the local cloud has no policies of type {kind}")
        if "TargetTrackingScalingPolicyConfiguration" not in request:
            raise validation("Target tracking configuration is required for this policy type")
        config = request["TargetTrackingScalingPolicyConfiguration"]
        metric = (config.get("PredefinedMetricSpecification") or {}).get("PredefinedMetricType")
        if metric != METRIC:
            raise validation(f"the local cloud tracks {METRIC}, not {metric or 'another metric'}")
        if not config["TargetValue"] > 0:
            raise validation(f"TargetValue is {config['TargetValue']}; it must be above 0")
        key = _key(request["ResourceId"], request["PolicyName"])
        known = self.rows.get(key)
        unique = known["unique"] if known else str(uuid.uuid4())
        arn = self._arn(unique, request)
        row = {
            "PolicyARN": arn,
            "PolicyName": request["PolicyName"],
            "ServiceNamespace": target["ServiceNamespace"],
            "ResourceId": target["ResourceId"],
            "ScalableDimension": target["ScalableDimension"],
            "PolicyType": kind,
            "TargetTrackingScalingPolicyConfiguration": config,
            "CreationTime": known["CreationTime"] if known else call.time,
            "unique": unique,
        }
        row["Alarms"] = [self._alarm(row, which) for which in MINUTES]
        self.rows[key] = row
        return {"PolicyARN": arn, "Alarms": row["Alarms"]}

    @operation
    def describe_scaling_policies(self, call: Call, request: Row) -> Row:
        wanted = request.get("PolicyNames")
        found = [
            {name: value for name, value in row.items() if name != "unique"}
            for _, row in sorted(self.rows.items())
            if chosen(request, row) and (not wanted or row["PolicyName"] in wanted)
        ]
        return page(found, request, "ScalingPolicies")

    @operation
    def delete_scaling_policy(self, call: Call, request: Row) -> None:
        key = _key(request["ResourceId"], request["PolicyName"])
        if key not in self.rows or not chosen(request, self.rows[key]):
            raise absent("scaling policy found", request)
        self._drop(key)

    @operation
    def deregister_scalable_target(self, call: Call, request: Row) -> None:
        name = self._targets.registered(request)["ResourceId"]
        self.forget(name)

    def forget(self, resource_id: str) -> None:
        """Deregister a target: its policies and their alarms go with it."""
        self._targets.rows.pop(resource_id, None)
        for key, row in list(self.rows.items()):
            if row["ResourceId"] == resource_id:
                self._drop(key)

    def by_arn(self, arn: str) -> Row:
        for row in self.rows.values():
            if row["PolicyARN"] == arn:
                return dict(row)
        raise AwsError("ObjectNotFoundException", f"No scaling policy {arn}")

    def _drop(self, key: str) -> None:
        row = self.rows.pop(key)
        for alarm in row["Alarms"]:
            try:
                self._cloud.call("cloudwatch", "DeleteAlarms", {"AlarmNames": [alarm["AlarmName"]]})
            except AwsError as error:  # somebody deleted it before
                if error.code not in ("ResourceNotFound", "ResourceNotFoundException"):
                    raise

    def _alarm(self, row: Row, which: str) -> Row:
        """Put one of a policy's alarms, as AWS does; return how an answer names it."""
        endpoint, variant = variant_of(row["ResourceId"])
        name = f"TargetTracking-{row['ResourceId']}-{which}-{row['unique']}"
        goal = row["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        high = which == HIGH
        self._cloud.call(
            "cloudwatch",
            "PutMetricAlarm",
            {
                "AlarmName": name,
                "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy "
                f"{row['PolicyARN']}.",
                "Namespace": "AWS/SageMaker",
                "MetricName": "InvocationsPerInstance",
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": variant},
                ],
                "Statistic": "Sum",
                "Period": 60,
                "EvaluationPeriods": MINUTES[which],
                "Threshold": goal if high else goal * _LOW_SHARE,
                "ComparisonOperator": "GreaterThanThreshold" if high else "LessThanThreshold",
                "AlarmActions": [row["PolicyARN"]],
            },
        )
        return {"AlarmName": name, "AlarmARN": self._cloud.arn("cloudwatch", f"alarm:{name}")}

    def _arn(self, unique: str, request: Row) -> str:
        rest = f"scalingPolicy:{unique}:resource/sagemaker/{request['ResourceId']}"
        return self._cloud.arn("autoscaling", f"{rest}:policyName/{request['PolicyName']}")


def _key(resource_id: str, name: str) -> str:
    return f"{resource_id} {name}"
