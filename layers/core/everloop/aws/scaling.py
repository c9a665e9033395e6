"""Application Auto Scaling: which endpoints of ours AWS scales, between which bounds, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from everloop import names
from everloop.aws.clients import application_autoscaling, code_of, translated
from everloop.aws.settings import settings
from everloop.errors import BadInput
from everloop.pipelines.scaling import NAMESPACE, Scale, place, policy, scaled_endpoint, target


@dataclass(frozen=True)
class Scaled:
    """How an endpoint is scaled now."""

    least: int
    most: int
    policy: Mapping[str, Any]

    def is_as(self, endpoint: str, scale: Scale) -> bool:
        """Whether it is scaled as a spec says."""
        wanted = policy(endpoint, "", scale)["TargetTrackingScalingPolicyConfiguration"]
        same = all(self.policy.get(key) == value for key, value in wanted.items())
        return same and (self.least, self.most) == (scale.least, scale.most)


def scale(endpoint: str, wanted: Scale) -> None:
    """Register an endpoint with its bounds and its target; twice is once.

    Raises BadInput for what AWS does not scale.
    """
    name = names.scaling_policy(settings().stack)
    try:
        with translated(f"the scaling of {endpoint}"):
            application_autoscaling().register_scalable_target(**target(endpoint, wanted))
            application_autoscaling().put_scaling_policy(**policy(endpoint, name, wanted))
    except ClientError as error:
        if code_of(error) == "ValidationException":
            raise BadInput(f"[deploy.scale]: AWS does not scale {endpoint}: {error}") from error
        raise


def release(endpoint: str) -> bool:
    """Let nothing scale an endpoint any more; its policy and AWS's alarms go with that."""
    try:
        with translated(f"the scaling of {endpoint}"):
            application_autoscaling().deregister_scalable_target(**place(endpoint))
    except ClientError as error:
        if (
            code_of(error) == "ObjectNotFoundException"
            or "no scalable target" in str(error).lower()
        ):
            return False
        raise
    return True


def scaled() -> dict[str, Scaled]:
    """Return what this stack has AWS scale, by endpoint; two lists for all models together."""
    ours, found = names.scaling_policy(settings().stack), {}
    with translated("scaling policies"):
        policies = {
            each["ResourceId"]: each.get("TargetTrackingScalingPolicyConfiguration") or {}
            for each in _listed("describe_scaling_policies", "ScalingPolicies")
            if each["PolicyName"] == ours
        }
    if not policies:
        return {}
    with translated("scalable targets"):
        for each in _listed("describe_scalable_targets", "ScalableTargets"):
            config = policies.get(each["ResourceId"])
            endpoint = scaled_endpoint(each["ResourceId"])
            if endpoint and config is not None:
                found[endpoint] = Scaled(each["MinCapacity"], each["MaxCapacity"], config)
    return found


def _listed(operation: str, member: str) -> Iterator[dict[str, Any]]:
    for page in (
        application_autoscaling().get_paginator(operation).paginate(ServiceNamespace=NAMESPACE)
    ):
        yield from page[member]
