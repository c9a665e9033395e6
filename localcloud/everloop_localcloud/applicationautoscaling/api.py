"""The operations of Application Auto Scaling, and the minute's look that scales variants."""

import logging
import threading
import uuid
from datetime import timedelta
from typing import Any, ClassVar

from everloop_localcloud.applicationautoscaling import scaling
from everloop_localcloud.applicationautoscaling.policies import COOLDOWN, HIGH, MINUTES, Policies
from everloop_localcloud.applicationautoscaling.reads import READS
from everloop_localcloud.applicationautoscaling.targets import (
    Targets,
    chosen,
    page,
    service_role,
    variant_of,
)
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.kernel.errors import AwsError

Row = dict[str, Any]
log = logging.getLogger(__name__)

_MINUTE = 60
_KEPT = 50  # activities of a target


class ApplicationAutoScaling(Api):
    service = "application-autoscaling"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "RegisterScalableTarget": "variants of SageMaker endpoints, by their instances",
        "PutScalingPolicy": "target tracking of SageMakerVariantInvocationsPerInstance",
    }

    without_effect: ClassVar[dict[str, str]] = {
        "RoleARN": "endpoints are scaled with the service-linked role, as on AWS"
    }

    def __init__(self, cloud: Account) -> None:
        self.targets = Targets(cloud)
        self.policies = Policies(cloud, self.targets)
        self._activities = cloud.store.table("autoscaling.activities")
        self._turn = threading.Lock()
        self._signal: Signal = cloud.clock.signal()
        self._thread = threading.Thread(target=self._watch, name="autoscaling", daemon=True)
        super().__init__(cloud, (self.targets, self.policies))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._signal.set()
        if self._thread.is_alive():
            self._thread.join(10)

    @operation
    def describe_scaling_activities(self, call: Call, request: Row) -> Row:
        found = [
            {name: value for name, value in row.items() if name not in ("count", "before")}
            for known in self._activities.values()
            for row in known["items"]
            if chosen(request, row)
        ]
        found.sort(key=lambda row: row["StartTime"], reverse=True)
        return page(found, request, "ScalingActivities")

    # For other parts of the cloud

    def alarmed(self, policy_arn: str) -> None:
        """Act on a policy's alarm that rings. Raises AwsError where there is no such policy."""
        self._follow(self.policies.by_arn(policy_arn))

    def fixed_types(self, endpoint: str) -> frozenset[str]:
        """Return which variants of an endpoint may not change their instance type."""
        return frozenset(self.targets.of_endpoint(endpoint))

    def forget(self, endpoint: str, principal: str) -> None:
        """Deregister what an endpoint that is deleted has, with the rights of who deletes it."""
        for name in self.targets.of_endpoint(endpoint).values():
            row = self.targets.rows[name]
            keys = ("ServiceNamespace", "ResourceId", "ScalableDimension")
            request = {key: row[key] for key in keys}
            self.cloud.roles.check(principal, self.service, "DeregisterScalableTarget", request)
            self.policies.forget(name)
            self._activities.pop(name, None)

    # Each minute

    def _watch(self) -> None:
        self.cloud.started.wait()
        while not self._signal.wait(_MINUTE - self.cloud.clock.now().timestamp() % _MINUTE):
            for name in list(self.targets.rows):
                endpoint, variant = variant_of(name)
                # What nobody asks has a load of zero: so instances go that nobody needs.
                self.cloud.measure(
                    "AWS/SageMaker",
                    "InvocationsPerInstance",
                    {"EndpointName": endpoint, "VariantName": variant},
                    0.0,
                    "None",
                )
            for row in list(self.policies.rows.values()):
                try:
                    self._follow(row)
                except Exception:
                    if not self.cloud.stopping:
                        log.exception("could not follow %s", row["PolicyARN"])

    def _follow(self, policy: Row) -> None:
        """Scale for the alarms of a policy that ring, as AWS does for as long as they do."""
        with self._turn:
            for alarm, (which, minutes) in zip(policy["Alarms"], MINUTES.items(), strict=True):
                try:
                    rings = self.cloud.apis["cloudwatch"].alarm_state(alarm["AlarmName"])
                except AwsError:  # somebody deleted it
                    continue
                if rings == "ALARM":
                    self._scale(policy, alarm["AlarmName"], minutes, out=which == HIGH)

    def _scale(self, policy: Row, alarm: str, minutes: int, *, out: bool) -> None:
        name, config = policy["ResourceId"], policy["TargetTrackingScalingPolicyConfiguration"]
        target = self.targets.rows.get(name)
        if target is None:
            return
        there = self.targets.variant(name)["Count"]
        loads = self._loads(name, minutes)
        change = scaling.wanted(target, config, there, loads, out=out)
        if change.count is None:
            return
        done = [row for row in self._done(name) if row["StatusCode"] == "Successful"]
        now = self.cloud.clock.now()
        if scaling.rests(config, done, change.count, now, out=out, usual=COOLDOWN):
            return
        self._change(policy, alarm, there, change.count, change.why)

    def _loads(self, name: str, minutes: int) -> list[float]:
        """Return the load of each instance in each of the latest whole minutes."""
        endpoint, variant = variant_of(name)
        end = self.cloud.clock.now().replace(second=0, microsecond=0)
        answer = self.cloud.call(
            "cloudwatch",
            "GetMetricStatistics",
            {
                "Namespace": "AWS/SageMaker",
                "MetricName": "InvocationsPerInstance",
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": variant},
                ],
                "StartTime": end - timedelta(minutes=minutes),
                "EndTime": end,
                "Period": _MINUTE,
                "Statistics": ["Sum"],
            },
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return [float(point["Sum"]) for point in points]

    def _change(self, policy: Row, alarm: str, before: int, count: int, why: str) -> None:
        endpoint, variant = variant_of(policy["ResourceId"])
        now = self.cloud.clock.now()
        row = {
            "ActivityId": str(uuid.uuid4()),
            **{k: policy[k] for k in ("ServiceNamespace", "ResourceId", "ScalableDimension")},
            "Description": f"Setting desired instance count to {count}.",
            "Cause": f"monitor alarm {alarm} in state ALARM triggered policy "
            f"{policy['PolicyName']}: {why}",
            "StartTime": now,
            "EndTime": now,
            "count": count,
            "before": before,
        }
        wanted = {"VariantName": variant, "DesiredInstanceCount": count}
        try:
            self.cloud.call(
                "sagemaker",
                "UpdateEndpointWeightsAndCapacities",
                {"EndpointName": endpoint, "DesiredWeightsAndCapacities": [wanted]},
                principal=service_role(self.cloud),
            )
        except AwsError as error:  # it is being updated, or a quota is used up
            row |= {"StatusCode": "Failed", "StatusMessage": f"Failed to set: {error.message}"}
        else:
            row |= {"StatusCode": "Successful", "StatusMessage": f"Asked for {count} instances."}
        self._activities[policy["ResourceId"]] = {
            "items": [*self._done(policy["ResourceId"]), row][-_KEPT:]
        }

    def _done(self, name: str) -> list[Row]:
        known = self._activities.get(name)
        return list(known["items"]) if known else []
