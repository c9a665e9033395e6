"""What serves follows its load: from its release on, never during one, and until its removal."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from functions.conftest import SPEC

import finish_release
import on_violation
import plan_release
import reconcile
import remove_models
import start_rollout
from everloop.aws import clients, ledger, scaling
from everloop.aws.clients import sagemaker
from everloop.errors import NotReady
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

MODEL = "flight-delays"
ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/flight-delays"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:everloop-deploy"
PLACE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/flight-delays/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
SCALED = f"{SPEC}count = 1\n[deploy.scale]\nmin = 1\nmax = 6\nrequests_per_minute = 300\n"


def push(account, spec=SCALED):
    account.push(data=account.bundle(spec))


def plan(account, version, epoch):
    arn = account.register(version, approval="Approved")
    named = {"package_arn": arn, "version": version, "epoch": epoch}
    named["execution"] = f"{EXECUTION}:flight-delays-r{epoch}-v{version}"
    plan_release.handler(account.request("machine-plan-release", **named), account.context)
    return named


def start(account, named, stage="production"):
    request = account.request("machine-start-rollout", stage=stage, **named)
    return start_rollout.handler(request, account.context)


def bring(account, version, epoch=1):
    """Plan a version's release, and start it in production; return its package."""
    named = plan(account, version, epoch)
    return named["package_arn"], start(account, named)


def finish(account, arn, version, epoch=1, **values):
    request = account.request(
        "machine-finish-release",
        package_arn=arn,
        version=version,
        epoch=epoch,
        execution=f"{EXECUTION}:flight-delays-r{epoch}-v{version}",
        **values,
    )
    return finish_release.handler(request, account.context)


def released(account, version=1, epoch=1):
    arn, rollout = bring(account, version, epoch)
    return finish(account, arn, version, epoch, rollout=rollout)


def tick(account, day=1):
    ticked = reconcile.handler({"time": f"2030-01-0{day}T00:00:00Z"}, account.context)
    return ticked["repaired"][MODEL]


def bounds(account):
    return {name: (each.least, each.most) for name, each in scaling.scaled().items()}


def brought_to(account, count):
    """Let load have brought so many instances."""
    sagemaker().update_endpoint_weights_and_capacities(
        EndpointName=MODEL,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": count}],
    )


def test_what_came_into_service_is_scaled(account):
    push(account)
    assert released(account)["outcome"] == "released"
    (found,) = scaling.scaled().values()
    assert (found.least, found.most) == (1, 6)
    assert found.policy == {
        "TargetValue": 300.0,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
        },
        "ScaleOutCooldown": 300,
        "ScaleInCooldown": 300,
    }


def test_what_says_nothing_of_scaling_asks_nothing_of_it(account):
    push(account, SPEC)
    client = clients.application_autoscaling()
    asked = [
        account.answer(client, name, 200) for name in client.meta.service_model.operation_names
    ]
    released(account)
    assert not any(asked)


@pytest.mark.parametrize(
    ("there", "keeps", "traffic"),
    [
        (1, True, {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}),
        (
            5,
            True,
            {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 300,
                "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
            },
        ),
    ],
)
def test_a_release_goes_on_with_the_instances_that_load_has_brought(account, there, keeps, traffic):
    push(account)
    released(account)
    if there != 1:
        brought_to(account, there)
    asked = account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=ENDPOINT)
    bring(account, 2, 2)
    (update,) = asked
    assert update.get("RetainAllVariantProperties", False) is keeps
    assert {"VariantPropertyType": "DesiredInstanceCount"} not in update.get(
        "ExcludeRetainedVariantProperties", []
    )
    policy = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == traffic


def test_fewer_than_the_least_are_not_kept(account):
    push(account)
    released(account)
    push(account, SCALED.replace("min = 1", "min = 3").replace("count = 1", "count = 3"))
    asked = account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=ENDPOINT)
    bring(account, 2, 2)
    assert "RetainAllVariantProperties" not in asked[0]


def test_nothing_scales_during_a_release_and_its_end_takes_it_up_again(account):
    push(account)
    released(account)
    account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=ENDPOINT)
    arn, _ = bring(account, 2, 2)
    assert bounds(account) == {}
    account.answer_as_before()
    went_back = {"started": True, "config": "c", "status": "InService", "reason": "an alarm"}
    assert finish(account, arn, 2, 2, rollout=went_back)["outcome"] == "rolled-back"
    assert bounds(account) == {MODEL: (1, 6)}


def test_an_endpoint_that_grows_is_let_go_of_before_the_release_waits_for_it(account):
    push(account)
    released(account)
    named = plan(account, 2, 2)
    account.answer(
        sagemaker(),
        "DescribeEndpoint",
        200,
        EndpointName=MODEL,
        EndpointArn=ENDPOINT,
        EndpointStatus="Updating",
        EndpointConfigName="flight-delays-v1-0123abcd",
        CreationTime=1.0,
        LastModifiedTime=1.0,
    )
    with pytest.raises(NotReady, match="is Updating"):
        start(account, named)
    assert bounds(account) == {}  # nothing grows it again meanwhile


def test_staging_is_not_scaled_and_stops_nothing(account):
    push(account)
    released(account)
    start(account, plan(account, 2, 2), "staging")
    assert bounds(account) == {MODEL: (1, 6)}


def test_reconcile_scales_again_what_is_not_scaled(account):
    push(account)
    released(account)
    assert tick(account) == 0
    clients.application_autoscaling().deregister_scalable_target(**PLACE)
    assert tick(account) == 1
    assert bounds(account) == {MODEL: (1, 6)}
    assert any("was not scaled" in each["reason"] for each in account.decisions())


def installed_again(spec):
    """Have the ledger know another spec, as after a push."""
    installed = ledger.installed(MODEL)
    ledger.install(replace(installed, spec=policy.document(load_spec(spec, name=MODEL))))


def test_reconcile_scales_as_a_push_says_it(account):
    push(account)
    released(account)
    installed_again(SCALED.replace("max = 6", "max = 9"))
    assert tick(account) == 1
    assert bounds(account) == {MODEL: (1, 9)}
    assert tick(account) == 0
    installed_again(SPEC)
    assert tick(account, 2) == 1
    assert bounds(account) == {}
    assert tick(account, 3) == 0
    told = [each["reason"] for each in account.decisions() if each["subject"] == "scaling"]
    assert told[0].endswith("by other bounds or another target: it has 1 to 9 instances")
    assert told[1].endswith("was scaled, and its model.toml has no [deploy.scale]")


def test_what_others_scale_is_theirs(account):
    push(account, SPEC)
    released(account)
    client = clients.application_autoscaling()
    client.register_scalable_target(**PLACE, MinCapacity=2, MaxCapacity=3)
    assert tick(account) == 0
    assert len(client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"])


def test_what_aws_does_not_scale_is_told_once_a_day(account):
    push(account)
    released(account)
    clients.application_autoscaling().deregister_scalable_target(**PLACE)
    refusal = {"Error": {"Code": "ValidationException", "Message": "burstable"}}

    def refuse(**_):
        raise ClientError(refusal, "RegisterScalableTarget")

    account.meanwhile(clients.application_autoscaling(), "RegisterScalableTarget", refuse)
    for _ in range(2):
        tick(account)
    told = [d for d in account.decisions() if "AWS does not scale flight-delays" in d["reason"]]
    assert len(told) == 1


def test_a_removed_model_is_scaled_no_more(account):
    push(account)
    released(account)
    for step in ("begin", "go on", "go on"):
        request = account.request("request-remove-models", step=step)
        remove_models.handler(request, account.context)
    found = clients.application_autoscaling().describe_scalable_targets(
        ServiceNamespace="sagemaker"
    )
    assert found["ScalableTargets"] == []


@pytest.mark.parametrize("which", ["AlarmHigh", "AlarmLow"])
def test_alarms_by_which_aws_scales_are_no_violation(account, which):
    """They ring for load, or for want of it: nothing to train for, and nothing to tell of."""
    push(account)
    released(account)
    before = len(account.decisions())
    event = account.event("cloudwatch-alarm-endpoint-5xx")
    metric = event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]
    metric["dimensions"] = {"EndpointName": MODEL, "VariantName": "AllTraffic"}
    rings = on_violation.handler(event, account.context)
    assert rings["reason"] != "no trouble of a model of ours"  # another alarm on the same endpoint
    event["detail"]["alarmName"] = f"TargetTracking-endpoint/{MODEL}/variant/AllTraffic-{which}-1"
    told = len(account.decisions())
    answer = on_violation.handler(event, account.context)
    assert answer == {"go": False, "reason": "no trouble of a model of ours"}
    assert len(account.decisions()) == told > before
