"""Alarms belong to the endpoint from its first minute to its end, and what rings is one message."""

import dataclasses
import json

import pytest
from botocore.exceptions import ClientError

import finish_release
import on_violation
import plan_release
import reconcile
import start_rollout
from everloop.aws import alarms, clients, configs, ledger, schedules
from everloop.aws.clients import cloudwatch
from everloop.aws.settings import settings
from everloop.decisions.releases import Serving
from everloop.errors import BadInput
from everloop.flows import clearing
from everloop.moments import moment
from everloop.pipelines.rollouts import errors_of
from everloop.records.config import ServingConfig
from everloop.records.lease import RELEASE

NOW = moment("2026-11-20T10:20:00Z")
ERRORS = "everloop-flight-delays-serving-errors"
LATENCY = "everloop-flight-delays-serving-latency"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:everloop-on-violation"
SPEC = """
problem = "binary_classification"
[data]
target = "late"
[deploy.alarms]
max_error_rate = 0.02
max_latency_ms = 250.0
[deploy.production]
instance = "ml.m5.large"
[deploy.staging]
instance = "ml.m5.large"
"""


def rollout(account, arn, version=1):
    plan_release.handler(
        account.request("machine-plan-release", package_arn=arn, version=version), account.context
    )
    request = account.request(
        "machine-start-rollout",
        stage="production",
        package_arn=arn,
        version=version,
        token=account.token("deploy", f"flight-delays-r1-v{version}"),
    )
    return start_rollout.handler(request, account.context)


def tick(account):
    return reconcile.handler({"time": "2026-11-20T10:20:00Z"}, account.context)


def rings(account, name=ERRORS, state="ALARM", at="2026-11-20T10:15:30.989+0000"):
    event = {
        "source": "aws.cloudwatch",
        "alarmArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}",
        "accountId": "123456789012",
        "time": at,
        "region": "us-east-1",
        "alarmData": {
            "alarmName": name,
            "state": {"value": state, "reason": "1 datapoint was above 0.02", "timestamp": at},
            "configuration": {"description": ""},
        },
    }
    return on_violation.handler(event, account.context)


def test_a_first_release_has_alarms_that_act(account):
    account.push(data=account.bundle(SPEC))
    arn = account.register(approval="Approved")
    assert rollout(account, arn)["started"]
    found = alarms.beginning("everloop-flight-delays-serving-")
    assert {name: alarm.threshold for name, alarm in found.items()} == {
        ERRORS: 0.02,
        LATENCY: 250_000.0,
    }
    for alarm in account.client("cloudwatch").describe_alarms()["MetricAlarms"]:
        assert alarm["AlarmActions"] == alarm["OKActions"] == [FUNCTION]
        assert {"EndpointName", "VariantName"} == {d["Name"] for d in alarm["Dimensions"]}


def test_what_rings_is_one_message_and_its_end_another(account):
    account.push()
    account.serve(3)
    for _ in range(2):
        rings(account)
    assert account.mails() == ["flight-delays v3: its endpoint answers errors"]
    for _ in range(2):
        rings(account, state="OK", at="2026-11-20T10:25:30.989+0000")
    assert account.mails() == ["flight-delays v3: OK again: its endpoint answers errors"]
    rings(account, at="2026-11-20T10:35:30.989+0000")
    assert account.mails() == ["flight-delays v3: its endpoint answers errors"]


def test_an_end_that_comes_before_its_begin_ends_nothing_later(account):
    account.push()
    rings(account, at="2026-11-20T10:35:30.989+0000")
    rings(account, state="OK", at="2026-11-20T10:25:30.989+0000")
    assert account.mails() == ["flight-delays: its endpoint answers errors"]


def test_an_endpoint_that_answers_errors_is_no_reason_to_train(account):
    account.push()
    account.drop(account.bring("data/flight-delays/a.csv"))
    rings(account)
    event = account.event("cloudwatch-alarm-endpoint-5xx", alarmName=ERRORS)
    assert on_violation.handler(event, account.context)["go"] is False
    assert [d["kind"] for d in account.decisions() if d["kind"] in ("violation", "retrain")] == []


@pytest.mark.parametrize(
    "name",
    ["everloop-flight-delays-v1-0123abcd-errors", "everloop-reconcile-errors", "x-serving-errors"],
)
def test_other_alarms_that_call_are_told_by_others(account, name):
    account.push()
    assert rings(account, name)["go"] is False
    assert account.mails() == []


def test_an_action_of_another_account_is_refused(account):
    event = {"source": "aws.cloudwatch", "accountId": "1", "region": "us-east-1", "alarmData": {}}
    with pytest.raises(BadInput, match="accountId"):
        on_violation.handler(event, account.context)


def test_reconcile_makes_alarms_again_with_the_bars_of_now(account):
    account.push(data=account.bundle(SPEC))
    account.register(approval="Approved")
    account.serve(1)
    tick(account)
    account.client("cloudwatch").delete_alarms(AlarmNames=[LATENCY])
    respec("max_error_rate", 0.5)
    tick(account)
    found = alarms.beginning("everloop-flight-delays-serving-")
    assert {name: alarm.threshold for name, alarm in found.items()} == {
        ERRORS: 0.5,
        LATENCY: 250_000.0,
    }


def test_reconcile_lets_alarms_call_the_function_of_now_and_whom_somebody_added(account):
    account.push(data=account.bundle(SPEC))
    account.register(approval="Approved")
    account.serve(1)
    tick(account)
    cloudwatch = account.client("cloudwatch")

    def act(name: str, *actions: str) -> None:
        [found] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        kept = ("AlarmName", "Namespace", "MetricName", "Dimensions", "Period", "Threshold")
        kept += ("ComparisonOperator", "EvaluationPeriods", "Statistic", "ExtendedStatistic")
        request = {key: found[key] for key in kept if key in found}
        cloudwatch.put_metric_alarm(**request, AlarmActions=list(actions))

    before = alarms.beginning("everloop-flight-delays-serving-")
    [ours] = before[ERRORS].actions
    topic = "arn:aws:sns:us-east-1:123456789012:theirs"
    act(ERRORS, ours.replace("on-violation", "heed-violation"))  # of version 0.1
    act(LATENCY, ours, topic)
    tick(account)
    after = alarms.beginning("everloop-flight-delays-serving-")
    assert after[ERRORS].actions == (ours,)
    assert after[LATENCY].actions == (ours, topic)


def test_alarms_end_with_their_endpoint_and_with_their_bar(account):
    account.push(data=account.bundle(SPEC))
    arn = account.register(approval="Approved")
    account.serve(1)
    tick(account)
    respec("max_latency_ms", None)
    tick(account)
    assert list(alarms.beginning("everloop-")) == [ERRORS]
    account.client("sagemaker").delete_endpoint(EndpointName="flight-delays")
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected"
    )
    tick(account)
    assert list(alarms.beginning("everloop-")) == []


def test_a_tick_deletes_the_alarms_of_releases_that_ended(account):
    account.push()
    account.register(approval="Approved")
    account.serve(1)
    for word in ("errors", "latency"):
        alarms.put(alarm(f"everloop-flight-delays-v1-0123abcd-{word}"))
    tick(account)
    assert list(alarms.beginning("everloop-")) == [ERRORS]


def respec(bar, value):
    """Set a bar as a push does."""
    installed = ledger.installed("flight-delays")
    spec = json.loads(json.dumps(installed.spec))
    spec["deploy"]["alarms"][bar] = value
    ledger.install(dataclasses.replace(installed, spec=spec))


def test_a_tick_tells_of_an_alarm_whose_action_was_lost(account):
    account.push()
    account.register(approval="Approved")
    account.serve(1)
    tick(account)
    for state in ("ALARM", "ALARM", "OK"):
        account.client("cloudwatch").set_alarm_state(
            AlarmName=ERRORS, StateValue=state, StateReason="because"
        )
        tick(account)
    assert account.mails() == [
        "flight-delays v1: its endpoint answers errors",
        "flight-delays v1: OK again: its endpoint answers errors",
    ]


def test_a_release_leaves_nothing_behind_that_serves_nothing(account):
    account.push(data=account.bundle(SPEC))
    sagemaker = account.client("sagemaker")
    for version in (1, 2, 3):
        account.register(version, approval="Approved")
        made(sagemaker, version)
    for name in ("flight-delays-v2-v3-0123abcd", "flight-v1-0123abcd", "flight-delays-v3-mine"):
        config(sagemaker, name, "flight-delays-v1-0123abcd")  # others'
    serves = "flight-delays-v3-0123abcd"
    sagemaker.create_endpoint(EndpointName="flight-delays", EndpointConfigName=serves)
    for word in ("errors", "latency"):
        alarms.put(alarm(f"everloop-flight-delays-v3-0123abcd-{word}"))
    alarms.put(alarm("everloop-on-violation-errors"))
    execution = "arn:aws:states:us-east-1:123456789012:execution:everloop-deploy:flight-delays-r3"
    ledger.put_release("flight-delays", release(2), "")
    ledger.take_lease("flight-delays", RELEASE, execution, 3, NOW, NOW)
    request = account.request(
        "machine-finish-release",
        package_arn=account.register(4),
        version=3,
        epoch=3,
        execution=execution,
        rollout={"started": True, "config": serves},
    )
    assert finish_release.handler(request, account.context)["ok"]
    configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert sorted(each["EndpointConfigName"] for each in configs) == [
        "flight-delays-v2-0123abcd",  # it served before
        "flight-delays-v2-v3-0123abcd",
        "flight-delays-v3-0123abcd",
        "flight-delays-v3-mine",
        "flight-v1-0123abcd",
    ]
    assert sorted(each["ModelName"] for each in sagemaker.list_models()["Models"]) == [
        "flight-delays-v2-0123abcd",
        "flight-delays-v3-0123abcd",
    ]
    assert list(alarms.beginning("everloop-")) == ["everloop-on-violation-errors"]


def release(version):
    from everloop.records.release import Release

    return Release(version, version, "released", "", NOW, NOW, None, f"x{version}")


def alarm(name):
    metric = {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60}
    compares = {"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    return {"AlarmName": name, "EvaluationPeriods": 1, **metric, **compares}


def made(sagemaker, version):
    model = f"flight-delays-v{version}-0123abcd"
    sagemaker.create_model(
        ModelName=model,
        PrimaryContainer={"Image": "image:1"},
        ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
    )
    config(sagemaker, model, model)
    config(sagemaker, f"flight-delays-v{version}-staging-0123abcd", model)


def config(sagemaker, name, model):
    variant = {"VariantName": "AllTraffic", "ModelName": model, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )


def no_more_alarms(account):
    def refuse(**_):
        told = {"Code": "LimitExceeded", "Message": "The quota of alarms is used up"}
        raise ClientError({"Error": told}, "PutMetricAlarm")

    account.meanwhile(cloudwatch(), "PutMetricAlarm", refuse)


def test_a_first_release_goes_on_without_alarms_that_there_is_no_room_for(account):
    account.push(data=account.bundle(SPEC))
    arn = account.register(approval="Approved")
    no_more_alarms(account)
    assert rollout(account, arn)["started"]


def test_alarms_that_there_is_no_room_for_are_told_once_and_keep_nothing_else_from_a_model(account):
    account.push(data=account.bundle(SPEC))
    account.register(approval="Approved")
    account.serve(1)
    account.client("scheduler").delete_schedule(
        GroupName="everloop", Name="everloop-flight-delays-monitor"
    )
    account.mails()
    no_more_alarms(account)
    for _ in range(2):
        tick(account)
    mails = account.mails()
    assert mails.count("flight-delays: it stands still, and a person must look") == 1
    assert schedules.state("flight-delays", schedules.MONITOR) is not None
    assert account.client("s3").list_objects_v2(Bucket=settings().anchor_bucket)["KeyCount"] == 1


def finished_without_clearing(account):
    """Release version 3 while AWS takes no deletions, as a throttled minute does."""
    account.push(data=account.bundle(SPEC))
    sagemaker = account.client("sagemaker")
    for version in (1, 2, 3):
        account.register(version, approval="Approved")
        made(sagemaker, version)
    serves = "flight-delays-v3-0123abcd"
    sagemaker.create_endpoint(EndpointName="flight-delays", EndpointConfigName=serves)
    ledger.put_release("flight-delays", release(2), "")
    execution = "arn:aws:states:us-east-1:123456789012:execution:everloop-deploy:flight-delays-r3"
    ledger.take_lease("flight-delays", RELEASE, execution, 3, NOW, NOW)
    account.answer(
        clients.sagemaker(),
        "DeleteEndpointConfig",
        400,
        Error={"Code": "ThrottlingException", "Message": "Rate exceeded"},
    )
    request = account.request(
        "machine-finish-release",
        package_arn="arn:aws:sagemaker:us-east-1:123456789012:model-package/flight-delays/3",
        version=3,
        epoch=3,
        execution=execution,
        rollout={"started": True, "config": serves},
    )
    assert finish_release.handler(request, account.context)["ok"]
    account.answer_as_before()
    return sagemaker


def test_a_tick_clears_up_what_a_release_could_not(account):
    sagemaker = finished_without_clearing(account)
    assert len(sagemaker.list_endpoint_configs()["EndpointConfigs"]) == 6
    assert ledger.lease("flight-delays", RELEASE).left_behind
    tick(account)
    configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert sorted(each["EndpointConfigName"] for each in configs) == [
        "flight-delays-v2-0123abcd",
        "flight-delays-v3-0123abcd",
    ]
    assert len(sagemaker.list_models()["Models"]) == 2
    lease = ledger.lease("flight-delays", RELEASE)
    assert not lease.left_behind and not lease.holder and lease.epoch == 3
    (told,) = (d for d in account.decisions() if d["subject"] == "left behind")
    assert "flight-delays-v1-0123abcd" in told["reason"]


def test_a_tick_clears_up_nothing_while_a_release_runs(account):
    sagemaker = finished_without_clearing(account)
    ledger.take_lease("flight-delays", RELEASE, "another", 4, NOW, moment("2026-11-21T10:20:00Z"))
    installed = ledger.installed("flight-delays")
    assert clearing.clear_left_behind(installed, NOW) == []
    assert len(sagemaker.list_endpoint_configs()["EndpointConfigs"]) == 6
    assert ledger.lease("flight-delays", RELEASE).left_behind


def test_of_the_version_before_the_newest_config_is_enough(account):
    account.push(data=account.bundle(SPEC))
    installed = ledger.installed("flight-delays")
    sagemaker = account.client("sagemaker")
    for version in (1, 2):
        account.register(version, approval="Approved")
    made_of = {}
    for name in ("flight-delays-v1-00000001", "flight-delays-v1-00000002"):  # of two specs
        sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={"Image": "image:1"},
            ExecutionRoleArn="arn:aws:iam::123456789012:role/r",
        )
        config(sagemaker, name, name)
        made_of[name] = ServingConfig(name, {}, name, {})
        configs.put("flight-delays", made_of[name])
    serving = Serving("flight-delays", "InService", "flight-delays-v2-0123abcd", 2)
    made(sagemaker, 2)
    configs.put("flight-delays", ServingConfig(serving.config, {}, serving.config, {}))
    cleared = clearing.clear(installed, serving, [release(2), release(1)])
    assert cleared.deleted == [
        "flight-delays-v2-staging-0123abcd",
        "flight-delays-v1-00000001",
        "flight-delays-v1-00000001",
    ]
    assert not cleared.more


def test_clients_junk_rolls_no_good_release_back(account):
    """What the endpoint failed before, whoever served, is beside the bar of the new version."""
    account.push(data=account.bundle(SPEC))
    rollout(account, account.register(approval="Approved"))
    # A tenth of the requests of each hour is none of the model's, and in one all of them failed.
    hours = [moment(f"2026-11-20T{hour:02}:30:00Z") for hour in range(3, 9)]
    watch = account.client("cloudwatch")
    for at in hours:
        values = [1.0] if at == hours[2] else [0.0, 1.0]
        counts = [20.0] if at == hours[2] else [18.0, 2.0]
        watch.put_metric_data(
            Namespace="AWS/SageMaker",
            MetricData=[
                {
                    "MetricName": "Invocation5XXErrors",
                    "Dimensions": errors_of("flight-delays")["Dimensions"],
                    "Timestamp": at,
                    "Values": values,
                    "Counts": counts,
                }
            ],
        )
    account.answer(clients.sagemaker(), "UpdateEndpoint", 200, EndpointArn="arn")
    rollout(account, account.register(2, approval="Approved"), version=2)
    made = alarms.beginning("everloop-flight-delays-v2-")
    (errors,) = [name for name in made if name.endswith("-errors")]
    assert made[errors].threshold == pytest.approx(0.02 + 0.1)
