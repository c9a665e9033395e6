"""Updates of endpoints: traffic in steps, alarms, what is rolled back, what a kill leaves."""

import os
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker import deployment_policy

BROKEN = "import no_such_module\n"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


def blue_green(routing: dict[str, Any], *, alarms: tuple[str, ...] = (), end: int = 0) -> Any:
    config: dict[str, Any] = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": routing,
            "TerminationWaitInSeconds": end,
            "MaximumExecutionTimeoutInSeconds": 28800,
        }
    }
    if alarms:
        config["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return config


def canary(percent: int, wait: int, *alarms: str) -> Any:
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": wait}
    return blue_green(routing, alarms=alarms)


def put_alarm(hosted: Any, name: str, *, missing: str = "notBreaching", **dimensions: str) -> None:
    """An alarm that one error of the server sets off."""
    hosted.cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData=missing,
    )


def state_of(hosted: Any, alarm: str) -> str:
    (found,) = hosted.cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(found["StateValue"])


def two_configs(hosted: Any, *, count: int = 1, **new: Any) -> None:
    """Have endpoint `adder` serve config `old`, and a config `new` that adds 100."""
    hosted.endpoint("adder", hosted.config("old", hosted.model("old", add=0), count=count))
    hosted.config("new", hosted.model("new", add=100, **new), count=count)


def refusal(hosted: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        hosted.sagemaker.update_endpoint(EndpointName="adder", **request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value.response["Error"]["Message"])


def baking(hosted: Any) -> Any:
    """Wait until part of the traffic bakes on the new fleet."""

    def status(told: Any) -> bool:
        pending = told.get("PendingDeploymentSummary")
        return bool(
            pending and pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Baking"
        )

    return until(lambda: hosted.sagemaker.describe_endpoint(EndpointName="adder"), status)


def processes(hosted: Any) -> int:
    return len(list((hosted.cloud.folder / "serving").iterdir()))


def test_without_a_deployment_config_all_traffic_moves_at_once(hosted: Any) -> None:
    two_configs(hosted)

    hosted.update("adder", "new")
    told = hosted.settled("adder")

    assert told["EndpointConfigName"] == "new"
    assert "PendingDeploymentSummary" not in told
    assert "LastDeploymentConfig" not in told
    assert hosted.ask("adder", 1) == "101"
    assert processes(hosted) == 1
    statuses = [e["EndpointStatus"] for e in hosted.told("SageMaker Endpoint State Change")]
    assert statuses == ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE"]


def test_no_request_fails_while_the_fleets_change(hosted: Any) -> None:
    two_configs(hosted)
    hosted.update("adder", "new")

    answers = []
    until(lambda: answers.append(hosted.ask("adder", 1)) or answers[-1], lambda seen: seen == "101")

    assert set(answers) == {"1", "101"}


def test_a_canary_takes_its_share_bakes_and_then_takes_all(hosting: Any) -> None:
    hosted = hosting(speed=10)
    two_configs(hosted, count=2)
    plan = canary(50, 15)

    hosted.update("adder", "new", DeploymentConfig=plan)
    told = baking(hosted)
    answers = [hosted.ask("adder", 1) for _ in range(40)]
    settled = hosted.settled("adder")

    assert told["EndpointConfigName"] == "old"
    assert told["PendingDeploymentSummary"]["EndpointConfigName"] == "new"
    [variant] = told["PendingDeploymentSummary"]["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 2)
    assert set(answers) == {"1", "101"}
    assert (settled["EndpointStatus"], settled["EndpointConfigName"]) == ("InService", "new")
    assert settled["LastDeploymentConfig"] == plan
    assert {hosted.ask("adder", 1) for _ in range(10)} == {"101"}

    details = hosted.told("SageMaker Endpoint Deployment State Change")
    steps = [
        detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"]
        for detail in details
    ]
    assert steps == ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic", "Baking"]
    first = details[2]
    assert (first["EndpointStatus"], first["EndpointConfigName"]) == ("UPDATING", "old")
    assert isinstance(first["PendingDeploymentSummary"]["StartTime"], int)
    [told] = first["PendingDeploymentSummary"]["ProductionVariants"]
    assert isinstance(told["VariantStatus"][0]["StartTime"], int)


def test_a_linear_deployment_goes_in_equal_steps(hosting: Any) -> None:
    hosted = hosting(speed=100)
    two_configs(hosted, count=5)
    size = {"Type": "CAPACITY_PERCENT", "Value": 40}
    routing = {"Type": "LINEAR", "LinearStepSize": size, "WaitIntervalInSeconds": 10}

    hosted.update("adder", "new", DeploymentConfig=blue_green(routing, end=5))
    hosted.settled("adder")

    said = [
        detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]
        for detail in hosted.told("SageMaker Endpoint Deployment State Change")
    ]
    activated = [s["StatusMessage"] for s in said if s["Status"] == "ActivatingTraffic"]
    assert [message.split(" goes")[0] for message in activated] == [
        "40% of the traffic",
        "80% of the traffic",
        "all traffic",
    ]


def test_an_alarm_during_the_canary_rolls_back(hosting: Any) -> None:
    hosted = hosting(speed=10)
    two_configs(
        hosted, count=2, script="def model_fn(d): return 1\ndef input_fn(b, t): raise KeyError(1)\n"
    )
    put_alarm(
        hosted,
        "errors",
        EndpointName="adder",
        VariantName="AllTraffic",
        EndpointConfigName="new",
    )
    hosted.update("adder", "new", DeploymentConfig=canary(50, 3600, "errors"))
    baking(hosted)

    def ask() -> Any:
        try:
            hosted.ask("adder", 1)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ModelError"
        return hosted.sagemaker.describe_endpoint(EndpointName="adder")

    told = until(ask, lambda seen: seen["EndpointStatus"] == "InService")

    assert told["EndpointConfigName"] == "old"
    assert "errors" in told["FailureReason"]
    assert "rolled back" in told["FailureReason"]
    assert {hosted.ask("adder", 1) for _ in range(10)} == {"1"}
    fleet = min(2, os.cpu_count() or 1)  # as many processes as cores, at most
    assert until(lambda: processes(hosted), lambda count: count == fleet)
    last = hosted.told("SageMaker Endpoint State Change")[-1]
    assert (last["EndpointStatus"], last["EndpointConfigName"]) == ("IN_SERVICE", "old")


def test_an_alarm_that_is_on_already_stops_the_deployment_before_any_traffic(hosted: Any) -> None:
    two_configs(hosted, count=2)
    # A state that is only set would last until the alarm is looked at again.
    put_alarm(hosted, "errors", missing="breaching", EndpointName="adder")
    until(lambda: state_of(hosted, "errors"), lambda state: state == "ALARM")

    hosted.update("adder", "new", DeploymentConfig=canary(50, 3600, "errors"))
    told = hosted.settled("adder")

    assert told["EndpointConfigName"] == "old"
    assert "errors was in state ALARM before the deployment" in told["FailureReason"]
    assert hosted.told("SageMaker Endpoint Deployment State Change") == []


def test_an_alarm_that_does_not_exist_stops_the_deployment(hosted: Any) -> None:
    two_configs(hosted, count=2)

    hosted.update("adder", "new", DeploymentConfig=canary(50, 3600, "none"))
    told = hosted.settled("adder")

    assert told["EndpointConfigName"] == "old"
    assert "There is no alarm none" in told["FailureReason"]


def test_a_new_model_that_does_not_start_is_rolled_back(hosted: Any) -> None:
    two_configs(hosted, script=BROKEN)

    hosted.update("adder", "new")
    told = hosted.settled("adder")

    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("InService", "old")
    assert "No module named 'no_such_module'" in told["FailureReason"]
    assert hosted.ask("adder", 1) == "1"
    assert processes(hosted) == 1

    hosted.config("better", "old")
    hosted.update("adder", "better")
    assert "FailureReason" not in hosted.settled("adder")


def test_a_deployment_that_takes_too_long_is_rolled_back(hosting: Any) -> None:
    hosted = hosting(speed=1000)
    two_configs(hosted, count=2)
    plan = canary(10, 400)
    plan["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600

    hosted.update("adder", "new", DeploymentConfig=plan)
    told = hosted.settled("adder")

    assert told["EndpointConfigName"] == "old"
    assert "longer than 600 seconds" in told["FailureReason"]


def test_the_last_deployment_config_is_used_again_on_request(hosting: Any) -> None:
    hosted = hosting(speed=1000)
    two_configs(hosted, count=2)
    hosted.config("newer", "new", count=2)
    plan = canary(10, 10)
    hosted.update("adder", "new", DeploymentConfig=plan)
    hosted.settled("adder")

    hosted.update("adder", "newer", RetainDeploymentConfig=True)

    assert hosted.settled("adder")["LastDeploymentConfig"] == plan


def test_counts_and_weights_are_retained_on_request(hosted: Any) -> None:
    two_configs(hosted)
    hosted.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="adder",
        DesiredWeightsAndCapacities=[
            {"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 3.0}
        ],
    )
    hosted.settled("adder")

    hosted.update(
        "adder",
        "new",
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
    )

    [variant] = hosted.settled("adder")["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 1.0)


def test_an_update_under_way_allows_no_other_and_no_deletion(hosting: Any) -> None:
    hosted = hosting(speed=100)
    two_configs(hosted, count=2)
    hosted.update("adder", "new", DeploymentConfig=canary(50, 30))

    busy = f'Cannot update in-progress endpoint "{ARN}:endpoint/adder".'
    assert refusal(hosted, EndpointConfigName="new") == busy
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        hosted.sagemaker.delete_endpoint(EndpointName="adder")
    assert hosted.settled("adder")["EndpointConfigName"] == "new"


def stepped(kind: str, type_: str, value: int) -> dict[str, Any]:
    member = "CanarySize" if kind == "CANARY" else "LinearStepSize"
    return {"Type": kind, "WaitIntervalInSeconds": 0, member: {"Type": type_, "Value": value}}


@pytest.mark.parametrize(
    ("routing", "counts", "shares"),
    [
        (stepped("CANARY", "CAPACITY_PERCENT", 20), [10], (0.2, 1.0)),
        (stepped("CANARY", "CAPACITY_PERCENT", 25), [10], (0.2, 1.0)),  # whole instances
        (stepped("CANARY", "CAPACITY_PERCENT", 20), [2], (0.5, 1.0)),  # one, at least
        (stepped("CANARY", "INSTANCE_COUNT", 1), [2], (0.5, 1.0)),
        (stepped("CANARY", "CAPACITY_PERCENT", 50), [3, 4], (3 / 7, 1.0)),  # each variant's own
        (stepped("LINEAR", "CAPACITY_PERCENT", 40), [5], (0.4, 0.8, 1.0)),
        (stepped("LINEAR", "INSTANCE_COUNT", 1), [2], (0.5, 1.0)),
        (stepped("LINEAR", "INSTANCE_COUNT", 1), [3], (1 / 3, 2 / 3, 1.0)),
        ({"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}, [1], (1.0,)),
    ],
)
def test_traffic_moves_in_whole_instances(
    routing: dict[str, Any], counts: list[int], shares: tuple[float, ...]
) -> None:
    assert deployment_policy.parse(blue_green(routing), counts).shares == pytest.approx(shares)


@pytest.mark.parametrize(
    ("routing", "count", "said"),
    [
        (stepped("CANARY", "CAPACITY_PERCENT", 20), 1, "is 1 of 1 instances"),
        (stepped("CANARY", "INSTANCE_COUNT", 1), 1, "is 1 of 1 instances"),
        (stepped("CANARY", "INSTANCE_COUNT", 2), 3, "less than or equal to 50%"),
        (stepped("LINEAR", "CAPACITY_PERCENT", 50), 1, "must be 10-50%"),
        (stepped("LINEAR", "INSTANCE_COUNT", 1), 11, "must be 10-50%"),
    ],
)
def test_steps_that_no_whole_instances_make_are_refused(
    routing: dict[str, Any], count: int, said: str
) -> None:
    with pytest.raises(AwsError, match=said):
        deployment_policy.parse(blue_green(routing), [count])


@pytest.mark.parametrize(
    ("routing", "said"),
    [
        pytest.param(
            {"Type": "CANARY", "WaitIntervalInSeconds": 1}, "needs CanarySize", id="no size"
        ),
        pytest.param(
            {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 1,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 60},
            },
            "CanarySize.Value is 60",
            id="large canary",
        ),
        pytest.param(
            {
                "Type": "LINEAR",
                "WaitIntervalInSeconds": 1,
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 5},
            },
            "LinearStepSize.Value is 5",
            id="small steps",
        ),
        pytest.param(
            {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 4000},
            "waitIntervalInSeconds' failed to satisfy constraint: Member must have value "
            "less than or equal to 3600",
            id="long wait",
        ),
    ],
)
def test_a_policy_that_aws_refuses_is_refused(
    hosted: Any, routing: dict[str, Any], said: str
) -> None:
    hosted.config("one", hosted.model("one"))

    with pytest.raises(ClientError) as refused:
        hosted.sagemaker.create_endpoint(
            EndpointName="it", EndpointConfigName="one", DeploymentConfig=blue_green(routing)
        )

    assert said in str(refused.value)
    assert hosted.sagemaker.list_endpoints()["Endpoints"] == []


def test_updates_that_make_no_sense_are_refused(hosted: Any) -> None:
    two_configs(hosted, count=2)

    assert "already" in refusal(hosted, EndpointConfigName="old")
    missing = f'Could not find endpoint configuration "{ARN}:endpoint-config/none".'
    assert refusal(hosted, EndpointConfigName="none") == missing
    rolling = {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 0,
        }
    }
    said = refusal(hosted, EndpointConfigName="new", DeploymentConfig=rolling)
    assert "RollingUpdatePolicy" in said
    short = canary(50, 600)
    short["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    said = refusal(hosted, EndpointConfigName="new", DeploymentConfig=short)
    assert "must be larger than the waits" in said
    with pytest.raises(ClientError, match="Could not find endpoint"):
        hosted.sagemaker.update_endpoint(EndpointName="none", EndpointConfigName="new")


def test_an_update_that_a_stop_of_the_cloud_broke_off_begins_again(
    hosting: Any, folder: Path
) -> None:
    hosted = hosting(folder=folder, speed=10)
    two_configs(hosted, count=2)
    hosted.update("adder", "new", DeploymentConfig=canary(50, 10))
    baking(hosted)
    hosted.cloud.stop()

    again = hosting(folder=folder, speed=10)
    answers = {again.ask("adder", 1)}  # the old fleet is back before the new one
    told = again.settled("adder")

    assert answers == {"1"}
    assert told["EndpointConfigName"] == "new"
    steps = [
        detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"]
        for detail in again.told("SageMaker Endpoint Deployment State Change")
    ]
    assert steps[:3] == ["Creating", "ActivatingTraffic", "Baking"]
    assert again.ask("adder", 1) == "101"
