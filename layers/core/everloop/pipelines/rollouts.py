"""Rollouts: the endpoint config, the steps of the traffic, and the alarms that roll it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from everloop import names

VARIANT = "AllTraffic"  # the name must stay the same from release to release

ALL_AT_ONCE, CANARY, LINEAR = "all-at-once", "canary", "linear"
_LEAST_STEPPED = 2  # instances that differ from all of them
_LONGEST_WAIT = 3600  # seconds of one wait, for AWS
_LONG_ENOUGH = 300  # seconds of a release in which two bad minutes of three are seen
_NAMESPACE, _ERRORS = "AWS/SageMaker", "Invocation5XXErrors"


@dataclass(frozen=True)
class Fleet:
    """The instances that a version runs on, and the types that stand in where AWS has none.

    A serverless one has a ServerlessConfig instead of instances.
    """

    instance_type: str
    instances: int
    fallbacks: tuple[str, ...] = ()
    serverless: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Steps:
    """How traffic moves to the new fleet: `size` of its instances at a time, and then the rest."""

    strategy: str
    size: int
    instances: int
    wait_seconds: int
    bake_seconds: int

    @property
    def count(self) -> int:
        """How many steps have others behind them, or are the last of equal ones."""
        return {ALL_AT_ONCE: 0, CANARY: 1}.get(self.strategy, -(-self.instances // self.size))

    @property
    def longest_seconds(self) -> int:
        """How long traffic moves, and the old fleet stays behind the new one."""
        return self.count * self.wait_seconds + self.bake_seconds


def whole_steps(
    strategy: str, percent: int, instances: int, wait_seconds: int, bake_seconds: int
) -> Steps:
    """Return the steps in whole instances: AWS activates no part of one.

    It takes a canary of at most half the fleet, and linear steps of a tenth to a half. So a single
    instance has no steps: all traffic moves at once, and is watched for as long.
    """
    if strategy == ALL_AT_ONCE:
        return Steps(ALL_AT_ONCE, instances, instances, 0, bake_seconds)
    if instances < _LEAST_STEPPED:
        watched = min(_LONGEST_WAIT, wait_seconds + bake_seconds)
        return Steps(ALL_AT_ONCE, instances, instances, 0, watched)
    size = max(1, instances * percent // 100)
    if strategy == LINEAR:
        size = max(size, -(-instances // 10))
    return Steps(strategy, min(size, instances // 2), instances, wait_seconds, bake_seconds)


def note(strategy: str, percent: int, steps: Steps) -> str:
    """Say where the steps are others than requested, as instances are whole; else nothing."""
    if strategy == steps.strategy == ALL_AT_ONCE:
        return ""
    if steps.strategy == ALL_AT_ONCE:
        return (
            f"deploy.production.count is {steps.instances}: SageMaker shifts whole instances, so a "
            f"release moves all traffic at once, watched by its alarms for "
            f"{steps.bake_seconds / 60:g} minutes; with count = {_LEAST_STEPPED} or more it goes "
            f"in steps ({strategy})"
        )
    if steps.size * 100 == percent * steps.instances:
        return ""
    return (
        f"deploy.step_percent is {percent}: SageMaker shifts whole instances, so a step is "
        f"{steps.size} of {steps.instances}, {steps.size / steps.instances:.0%}"
    )


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
    runs_on = _runs_on(fleet)
    config: dict[str, Any] = {
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": sagemaker_model,
                **runs_on,
                "InitialVariantWeight": 1.0,
            }
        ]
    }
    if kms_key and fleet.serverless is None:  # the key is of the volumes of instances
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


def _runs_on(fleet: Fleet) -> dict[str, Any]:
    if fleet.serverless is not None:
        return {"ServerlessConfig": dict(fleet.serverless)}
    runs_on: dict[str, Any] = {"InstanceType": fleet.instance_type}
    if fleet.fallbacks:
        pools = enumerate((fleet.instance_type, *fleet.fallbacks), start=1)
        runs_on = {"InstancePools": [{"InstanceType": t, "Priority": n} for n, t in pools]}
    return {**runs_on, "InitialInstanceCount": fleet.instances}


def deployment_config(steps: Steps, alarms: list[str]) -> dict[str, Any]:
    """Return UpdateEndpoint's DeploymentConfig: blue/green, in steps, rolled back by alarms."""
    routing: dict[str, Any] = {
        "Type": {ALL_AT_ONCE: "ALL_AT_ONCE", CANARY: "CANARY", LINEAR: "LINEAR"}[steps.strategy],
        "WaitIntervalInSeconds": steps.wait_seconds,
    }
    size = {"Type": "INSTANCE_COUNT", "Value": steps.size}
    if steps.strategy == CANARY:
        routing["CanarySize"] = size
    elif steps.strategy == LINEAR:
        routing["LinearStepSize"] = size
    # AWS takes 600 to 28800, and more than the sum of all waits.
    longest = steps.longest_seconds + 3600
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


def errors_of(endpoint: str) -> dict[str, Any]:
    """Return what names the failed requests of an endpoint, whatever version answered them."""
    return {
        "Namespace": _NAMESPACE,
        "MetricName": _ERRORS,
        "Dimensions": _dimensions({"EndpointName": endpoint, "VariantName": VARIANT}),
    }


def requests_of(endpoint: str) -> dict[str, Any]:
    """Return what names the requests of an endpoint, whatever version answered them."""
    return {**errors_of(endpoint), "MetricName": "Invocations"}


def usual_share(by_hour: Sequence[float]) -> float:
    """Return the share of requests that an endpoint fails anyway: that of its middle hour.

    Containers make a 500 of what clients send that is none of a model's, so that AWS counts it as
    the model's error. An hour of real trouble does not move the middle one.
    """
    return median(by_hour) if by_hour else 0.0


def rollback_alarms(
    prefix: str, endpoint: str, config: str, bars: AlarmBars, steps: Steps, usual: float = 0.0
) -> list[dict[str, Any]]:
    """Return PutMetricAlarm's arguments for the new fleet alone.

    Without the dimension EndpointConfigName a bad old fleet would stop its own repair. Errors count
    beyond the `usual` share, which is no new version's fault; where no share could be beyond both,
    the alarm rings in the middle of what is left. Of few requests a single bad one is a large
    share: so two minutes of three must be bad, where there is time to see that.
    """
    minutes = (3, 2) if steps.longest_seconds >= _LONG_ENOUGH else (1, 1)
    return [
        {
            "AlarmName": names.release_alarm(prefix, config, word),
            "AlarmDescription": f"Rolls {endpoint} back from {config}.",
            **_watches(
                metric,
                endpoint,
                {"EndpointConfigName": config},
                statistic,
                round(_beyond(usual, threshold) if word == names.ERRORS else threshold, 4),
            ),
            "Period": 60,
            "EvaluationPeriods": minutes[0],
            "DatapointsToAlarm": minutes[1],
            "TreatMissingData": "notBreaching",
        }
        for word, metric, statistic, threshold in _watched(bars)
    ]


def _beyond(usual: float, threshold: float) -> float:
    return min(usual + threshold, max(threshold, (usual + 1) / 2))


def serving_alarms(stack: str, model: str, bars: AlarmBars, function: str) -> list[dict[str, Any]]:
    """Return PutMetricAlarm's arguments for an endpoint, whatever version it serves.

    Each has one metric: a served model has two of them at most, and pays for no more. Where nothing
    is requested an alarm stays as it was: silence is no proof that what rang is repaired.
    """
    symptoms = {names.ERRORS: "errors", names.LATENCY: "too slowly"}
    return [
        {
            "AlarmName": names.serving_alarm(stack, model, word),
            "AlarmDescription": f"The endpoint {model} answers {symptoms[word]}.",
            **_watches(metric, model, {}, statistic, threshold),
            "Period": 300,
            "TreatMissingData": "ignore",
            "AlarmActions": [function],
            "OKActions": [function],
        }
        for word, metric, statistic, threshold in _watched(bars)
    ]


def _watched(bars: AlarmBars) -> list[tuple[str, str, Mapping[str, Any], float]]:
    """Return what has a bar: the alarm's word, the metric, its statistic and its threshold."""
    watched: list[tuple[str, str, Mapping[str, Any], float]] = []
    if bars.errors is not None:
        average = {"Statistic": "Average"}  # each request counts as 0 or 1: it is their share
        watched.append((names.ERRORS, _ERRORS, average, bars.errors))
    if bars.latency_p95_ms is not None:
        # ModelLatency is in microseconds.
        p95 = {"ExtendedStatistic": "p95"}
        watched.append((names.LATENCY, "ModelLatency", p95, bars.latency_p95_ms * 1000))
    return watched


def _watches(
    metric: str,
    endpoint: str,
    more: Mapping[str, str],
    statistic: Mapping[str, Any],
    threshold: float,
) -> dict[str, Any]:
    dimensions = {"EndpointName": endpoint, "VariantName": VARIANT, **more}
    return {
        "Namespace": _NAMESPACE,
        "MetricName": metric,
        "Dimensions": _dimensions(dimensions),
        **statistic,
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
    }


def _dimensions(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]
