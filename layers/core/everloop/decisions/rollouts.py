"""Rollouts: the endpoint config, the steps of the traffic, and the alarms that roll it back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VARIANT = "AllTraffic"  # the name must stay the same from release to release

ALL_AT_ONCE, CANARY, LINEAR = "all-at-once", "canary", "linear"


@dataclass(frozen=True)
class Fleet:
    """The instances that a version runs on."""

    instance_type: str
    instances: int


@dataclass(frozen=True)
class Steps:
    """How traffic moves to the new fleet."""

    strategy: str
    size_percent: int
    wait_seconds: int
    bake_seconds: int

    @property
    def longest_seconds(self) -> int:
        """How long traffic moves, and the old fleet stays behind the new one."""
        steps = {ALL_AT_ONCE: 0, CANARY: 1}.get(self.strategy, -(-100 // self.size_percent))
        return steps * self.wait_seconds + self.bake_seconds


@dataclass(frozen=True)
class AlarmBars:
    """What the new fleet may do at most before it is rolled back; None watches nothing."""

    errors: float | None
    latency_p95_ms: float | None


def endpoint_config(
    sagemaker_model: str,
    fleet: Fleet,
    *,
    capture_uri: str | None = None,
    capture_percent: int = 0,
    kms_key: str | None = None,
) -> dict[str, Any]:
    """Return CreateEndpointConfig's arguments but the name; capture only where a URI is given."""
    config: dict[str, Any] = {
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": sagemaker_model,
                "InstanceType": fleet.instance_type,
                "InitialInstanceCount": fleet.instances,
                "InitialVariantWeight": 1.0,
            }
        ]
    }
    if kms_key:
        config["KmsKeyId"] = kms_key
    if capture_uri and capture_percent:
        config["DataCaptureConfig"] = {
            "EnableCapture": True,
            "InitialSamplingPercentage": capture_percent,
            "DestinationS3Uri": capture_uri,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": ["text/csv"],
                "JsonContentTypes": ["application/json"],
            },
            **({"KmsKeyId": kms_key} if kms_key else {}),
        }
    return config


def deployment_config(steps: Steps, alarms: list[str]) -> dict[str, Any]:
    """Return UpdateEndpoint's DeploymentConfig: blue/green, in steps, rolled back by alarms."""
    routing: dict[str, Any] = {
        "Type": {ALL_AT_ONCE: "ALL_AT_ONCE", CANARY: "CANARY", LINEAR: "LINEAR"}[steps.strategy],
        "WaitIntervalInSeconds": steps.wait_seconds,
    }
    # AWS takes canaries of at most half the fleet, and linear steps of a tenth to a half.
    least = 10 if steps.strategy == LINEAR else 1
    percent = min(50, max(least, steps.size_percent))
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    if steps.strategy == CANARY:
        routing["CanarySize"] = size
    elif steps.strategy == LINEAR:
        routing["LinearStepSize"] = size
    waits = -(-100 // percent) if steps.strategy == LINEAR else 1
    # AWS takes 600 to 28800, and more than the sum of all waits.
    longest = waits * steps.wait_seconds + steps.bake_seconds + 3600
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": steps.bake_seconds,
            "MaximumExecutionTimeoutInSeconds": min(28800, max(600, longest)),
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


def rollback_alarms(
    prefix: str, endpoint: str, config: str, bars: AlarmBars
) -> list[dict[str, Any]]:
    """Return PutMetricAlarm's arguments for the new fleet alone.

    Without the dimension EndpointConfigName a bad old fleet would stop its own repair.
    """
    alarms = []
    watched: list[tuple[str, str, Mapping[str, Any], float]] = []
    if bars.errors is not None:
        watched.append(("errors", "Invocation5XXErrors", {"Statistic": "Average"}, bars.errors))
    if bars.latency_p95_ms is not None:
        # ModelLatency is in microseconds.
        p95 = {"ExtendedStatistic": "p95"}
        watched.append(("latency", "ModelLatency", p95, bars.latency_p95_ms * 1000))
    for word, metric, statistic, threshold in watched:
        alarms.append(
            {
                "AlarmName": f"{prefix}-{config}-{word}",
                "AlarmDescription": f"Rolls {endpoint} back from {config}.",
                "Namespace": "AWS/SageMaker",
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": VARIANT},
                    {"Name": "EndpointConfigName", "Value": config},
                ],
                **statistic,
                "Period": 60,
                "EvaluationPeriods": 1,
                "Threshold": threshold,
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
            }
        )
    return alarms
