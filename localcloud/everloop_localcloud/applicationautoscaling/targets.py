"""Scalable targets: which variants of endpoints are scaled, and between which bounds."""

import hashlib
import re
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation

Row = dict[str, Any]

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
_VARIANT = re.compile(r"endpoint/(?P<endpoint>[A-Za-z0-9-]+)/variant/(?P<variant>[A-Za-z0-9-]+)")
_PAGE = 50
_NEVER = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}


def absent(kind: str, request: Row) -> AwsError:
    return AwsError(
        "ObjectNotFoundException",
        f"No {kind} for service namespace: {request['ServiceNamespace']}, resource ID: "
        f"{request['ResourceId']}, scalable dimension: {request['ScalableDimension']}",
    )


def page(rows: list[Row], request: Row, member: str) -> Row:
    """Return one page of an answer; its token is where the next begins."""
    first = int(request.get("NextToken") or 0)
    last = first + int(request.get("MaxResults") or _PAGE)
    return {member: rows[first:last], **({"NextToken": str(last)} if last < len(rows) else {})}


def chosen(request: Row, row: Row) -> bool:
    """Whether a description asks for a row: by its resource and its dimension."""
    return row["ServiceNamespace"] == request["ServiceNamespace"] and all(
        request.get(key) in (None, row[key]) for key in ("ResourceId", "ScalableDimension")
    )


def variant_of(resource_id: str) -> tuple[str, str]:
    """Return endpoint and variant that a resource id names. Raises AwsError."""
    found = _VARIANT.fullmatch(resource_id)
    if found is None:
        raise validation(f"Unsupported service namespace, resource type: {resource_id}")
    return found["endpoint"], found["variant"]


class Targets:
    """Operations on scalable targets. `rows` are theirs, by resource id."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self.rows = cloud.store.table("autoscaling.targets")

    @operation
    def register_scalable_target(self, call: Call, request: Row) -> Row:
        if request["ServiceNamespace"] != "sagemaker" or request["ScalableDimension"] != INSTANCES:
            raise validation(
                f"the local cloud scales {INSTANCES} of namespace sagemaker, not "
                f"{request['ScalableDimension']} of {request['ServiceNamespace']}"
            )
        name = request["ResourceId"]
        variant = self.variant(name)
        known = self.rows.get(name) or {}
        row: Row = {
            "SuspendedState": _NEVER,
            **known,
            **{key: request[key] for key in ("MinCapacity", "MaxCapacity") if key in request},
        }
        for bound in ("MinCapacity", "MaxCapacity"):
            if bound not in row:
                raise validation(f"{bound} cannot be null for a new scalable target")
        if row["MinCapacity"] > row["MaxCapacity"]:
            raise validation("Maximum capacity cannot be less than minimum capacity")
        if row["MinCapacity"] < 1:
            raise validation(
                f"Minimum capacity cannot be less than 1 for {name}: a real-time variant keeps an "
                "instance"
            )
        self._check_type(variant)
        if "SuspendedState" in request:
            row["SuspendedState"] = {**row["SuspendedState"], **request["SuspendedState"]}
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        identity: Row = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": name,
            "ScalableDimension": INSTANCES,
            "RoleARN": service_role(self._cloud),
            "CreationTime": known.get("CreationTime", call.time),
            "ScalableTargetARN": self._cloud.arn(
                "application-autoscaling", f"scalable-target/{digest}"
            ),
        }
        self.rows[name] = {**row, **identity}
        return {"ScalableTargetARN": self.rows[name]["ScalableTargetARN"]}

    @operation
    def describe_scalable_targets(self, call: Call, request: Row) -> Row:
        wanted = request.get("ResourceIds")
        found = [
            row
            for name, row in sorted(self.rows.items())
            if chosen(request, row) and (not wanted or name in wanted)
        ]
        return page(found, request, "ScalableTargets")

    def registered(self, request: Row) -> Row:
        """Return the target that a request is about. Raises AwsError where there is none."""
        row: Row | None = self.rows.get(request["ResourceId"])
        if row is None or not chosen(request, row):
            raise absent("scalable target registered", request)
        return row

    def of_endpoint(self, endpoint: str) -> dict[str, str]:
        """Return the resource ids of an endpoint's scaled variants, by the variant's name."""
        there = {variant_of(name)[1]: name for name in self.rows if _is_of(name, endpoint)}
        return there

    def variant(self, resource_id: str) -> Row:
        """Return a variant as it is deployed. Raises AwsError where there is none."""
        endpoint, wanted = variant_of(resource_id)
        try:
            record = self._cloud.apis["sagemaker"].hosting.endpoint(endpoint)
        except AwsError as error:
            raise validation(f"{error.message}") from error
        for variant in record["deployed"]["Variants"]:
            if variant["VariantName"] == wanted:
                return dict(variant)
        raise validation(f'Could not find variant "{wanted}" of endpoint "{endpoint}".')

    def _check_type(self, variant: Row) -> None:
        if "Serverless" in variant:
            raise validation("a serverless variant has no instances that could be scaled")
        for instance in variant.get("Pools") or [variant["InstanceType"]]:
            if instance.startswith("ml.t"):
                raise validation(
                    f"Instance type {instance} is a burstable performance instance; automatic "
                    "scaling does not support it"
                )


def _is_of(resource_id: str, endpoint: str) -> bool:
    return resource_id.startswith(f"endpoint/{endpoint}/variant/")


def service_role(cloud: Account) -> str:
    """Return the service-linked role with which AWS scales endpoints."""
    path = "aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
    name = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    return f"arn:aws:iam::{cloud.account}:role/{path}/{name}"
