"""Variants that are scaled: by real requests, between bounds, with AWS's refusals."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.applicationautoscaling import scaling

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/sum/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
CONFIG = {
    "TargetValue": 10.0,
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 60,
}
POLICY = {
    **TARGET,
    "PolicyName": "load",
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": CONFIG,
}


@pytest.fixture
def scaled(hosting: Any) -> Any:
    hosted = hosting("application-autoscaling", speed=240)
    hosted.scaling = hosted.client("application-autoscaling")
    hosted.model("one", add=1)
    hosted.endpoint("sum", hosted.config("first", "one"))
    return hosted


def count(scaled: Any) -> int:
    told = scaled.sagemaker.describe_endpoint(EndpointName="sum")
    return int(told["ProductionVariants"][0]["CurrentInstanceCount"])


def test_load_adds_instances_and_silence_takes_them_away(scaled: Any) -> None:
    scaled.scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=3)
    put = scaled.scaling.put_scaling_policy(**POLICY)
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    assert [name.split("-")[-6] for name in names] == ["AlarmHigh", "AlarmLow"]

    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            scaled.ask("sum")

    asking = threading.Thread(target=load)
    asking.start()
    try:
        until(lambda: count(scaled), lambda found: found == 3)
    finally:
        ended.set()
        asking.join()
    until(lambda: count(scaled), lambda found: found == 1)

    found = scaled.scaling.describe_scaling_activities(ServiceNamespace="sagemaker")
    done = [each for each in found["ScalingActivities"] if each["StatusCode"] == "Successful"]
    assert done[-1]["Cause"].startswith(f"monitor alarm {names[0]} in state ALARM")
    assert done[0]["Description"] == "Setting desired instance count to 1."


def test_bounds_types_and_names_are_checked(scaled: Any) -> None:
    register, put = scaled.scaling.register_scalable_target, scaled.scaling.put_scaling_policy
    for wrong, said in (
        ({"MinCapacity": 1}, "MaxCapacity cannot be null"),
        ({"MinCapacity": 3, "MaxCapacity": 2}, "Maximum capacity cannot be less"),
        ({"MinCapacity": 0, "MaxCapacity": 2}, "keeps an instance"),
    ):
        with pytest.raises(ClientError, match=said):
            register(**TARGET, **wrong)
    with pytest.raises(ClientError, match="Could not find"):
        register(**{**TARGET, "ResourceId": "endpoint/no/variant/AllTraffic"}, MinCapacity=1)
    with pytest.raises(ClientError, match="No scalable target registered"):
        put(**POLICY)
    scaled.sagemaker.create_endpoint_config(
        EndpointConfigName="small",
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": "one",
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
            }
        ],
    )
    scaled.endpoint("other", "small")
    with pytest.raises(ClientError, match="burstable"):
        register(
            **{**TARGET, "ResourceId": "endpoint/other/variant/AllTraffic"},
            MinCapacity=1,
            MaxCapacity=2,
        )


def test_a_scaled_variant_keeps_its_type_until_it_is_deregistered(scaled: Any) -> None:
    scaled.scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=3)
    alarm = scaled.scaling.put_scaling_policy(**POLICY)["Alarms"][0]["AlarmName"]
    scaled.model("two", add=2)
    scaled.sagemaker.create_endpoint_config(
        EndpointConfigName="larger",
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": "two",
                "InstanceType": "ml.m5.xlarge",
                "InitialInstanceCount": 1,
            }
        ],
    )
    with pytest.raises(ClientError, match="must be deregistered as scalable targets"):
        scaled.update("sum", "larger")
    scaled.update("sum", scaled.config("second", "two"))  # another model may come
    scaled.settled("sum")
    assert scaled.ask("sum", 1) == "3"

    scaled.scaling.deregister_scalable_target(**TARGET)
    assert scaled.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"] == []
    found = scaled.scaling.describe_scaling_policies(ServiceNamespace="sagemaker")
    assert found["ScalingPolicies"] == []
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        scaled.scaling.deregister_scalable_target(**TARGET)
    scaled.update("sum", "larger")
    scaled.settled("sum")


def test_a_deleted_endpoint_leaves_no_target_behind(scaled: Any) -> None:
    scaled.scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=3)
    scaled.scaling.put_scaling_policy(**POLICY)
    scaled.sagemaker.delete_endpoint(EndpointName="sum")
    assert (
        scaled.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        == []
    )
    assert scaled.cloudwatch.describe_alarms()["MetricAlarms"] == []


NOW = datetime(2026, 11, 30, tzinfo=UTC)
BOUNDS = {"MinCapacity": 2, "MaxCapacity": 5, "SuspendedState": {}}


@pytest.mark.parametrize(
    ("there", "loads", "out", "wanted"),
    [
        (2, [12, 14], True, 3),
        (2, [100], True, 5),  # the bound
        (5, [100], True, None),
        (5, [9, 0, 0], False, None),  # as busy as that, of late
        (5, [3, 0, 0], False, 2),
        (2, [0, 0], False, None),
        (2, [], True, None),
    ],
)
def test_instances_follow_the_load_between_the_bounds(
    there: int, loads: list[float], out: bool, wanted: int | None
) -> None:
    assert scaling.wanted(BOUNDS, CONFIG, there, loads, out=out).count == wanted


def test_what_is_suspended_does_not_scale() -> None:
    held = {**BOUNDS, "SuspendedState": {"DynamicScalingInSuspended": True}}
    assert scaling.wanted(held, CONFIG, 5, [0], out=False).count is None
    assert scaling.wanted(held, CONFIG, 2, [99], out=True).count == 5
    kept = {**CONFIG, "DisableScaleIn": True}
    assert scaling.wanted(BOUNDS, kept, 5, [0], out=False).count is None


@pytest.mark.parametrize(
    ("before", "last", "wanted", "out", "rests"),
    [
        (1, 3, 3, True, True),
        (1, 3, 4, True, False),  # more than was asked for comes at once
        (4, 2, 3, True, False),  # instances come back at once
        (4, 2, 1, False, True),
        (1, 3, 1, False, True),
    ],
)
def test_a_change_waits_for_the_one_before(
    before: int, last: int, wanted: int, out: bool, rests: bool
) -> None:
    done = [{"before": before, "count": last, "EndTime": NOW - timedelta(seconds=30)}]
    assert scaling.rests(CONFIG, done, wanted, NOW, out=out, usual=300) is rests
    later = NOW + timedelta(seconds=30)
    assert not scaling.rests(CONFIG, done, wanted, later, out=out, usual=300)
