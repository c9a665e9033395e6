"""Scaling: what Application Auto Scaling is asked, so that instances follow an endpoint's load."""

from dataclasses import dataclass
from typing import Any, Final

from everloop.pipelines.rollouts import VARIANT

NAMESPACE: Final = "sagemaker"
DIMENSION: Final = "sagemaker:variant:DesiredInstanceCount"
METRIC: Final = "SageMakerVariantInvocationsPerInstance"


@dataclass(frozen=True)
class Scale:
    """How many instances production may have, and how many requests a minute one of them gets.

    The rests are seconds after a change in which the next one waits.
    """

    least: int
    most: int
    requests_per_minute: float
    out_rest: int
    in_rest: int

    def keeps(self, count: int | None) -> bool:
        """Whether a release goes on with as many instances as load has brought.

        Fewer than the least are none that load has brought. More than the most stay until AWS
        takes them away: to begin again with few would fail those who ask.
        """
        return count is not None and count >= self.least


def resource(endpoint: str) -> str:
    """Name what is scaled: the one variant of an endpoint."""
    return f"endpoint/{endpoint}/variant/{VARIANT}"


def scaled_endpoint(resource_id: str) -> str:
    """Return the endpoint that a resource id names; empty where it is none of ours."""
    kind, _, rest = resource_id.partition("/")
    endpoint, _, variant = rest.partition("/")
    return endpoint if (kind, variant) == ("endpoint", f"variant/{VARIANT}") else ""


def place(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": NAMESPACE,
        "ResourceId": resource(endpoint),
        "ScalableDimension": DIMENSION,
    }


def target(endpoint: str, scale: Scale) -> dict[str, Any]:
    """Return RegisterScalableTarget's arguments."""
    return {**place(endpoint), "MinCapacity": scale.least, "MaxCapacity": scale.most}


def policy(endpoint: str, name: str, scale: Scale) -> dict[str, Any]:
    """Return PutScalingPolicy's arguments: a target that AWS tracks by two alarms of its own."""
    return {
        **place(endpoint),
        "PolicyName": name,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": scale.requests_per_minute,
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
            "ScaleOutCooldown": scale.out_rest,
            "ScaleInCooldown": scale.in_rest,
        },
    }
