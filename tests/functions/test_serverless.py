"""An endpoint without instances: made, updated, and none that runs on instances turned into one."""

import json

import pytest
from functions.conftest import SPEC
from functions.test_on_package_changed import say, tell
from functions.test_scaling import ENDPOINT, EXECUTION, MODEL, finish, plan, start

import plan_monitoring
import plan_release
import probe_endpoint
from everloop.aws import endpoints, ledger
from everloop.aws.clients import sagemaker
from everloop.errors import BadInput
from everloop.flows import changing_form
from everloop.reading import models

SERVERLESS = SPEC.split("[deploy.production]")[0] + '[deploy]\nserve = "serverless"\n'


def push(account, spec=SERVERLESS):
    return account.push(data=account.bundle(spec))


def config_of(name):
    found = sagemaker().describe_endpoint_config(EndpointConfigName=name)
    return found["ProductionVariants"][0]


def is_serverless(account, config, serverless=True, **more):
    """Let the endpoint say what it runs on, which moto does not."""
    variant = {"VariantName": "AllTraffic"}
    if serverless:
        variant["CurrentServerlessConfig"] = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    account.answer(
        sagemaker(),
        "DescribeEndpoint",
        200,
        **{
            "EndpointName": MODEL,
            "EndpointArn": ENDPOINT,
            "EndpointStatus": "InService",
            "EndpointConfigName": config,
            "CreationTime": 1.0,
            "LastModifiedTime": 1.0,
            "ProductionVariants": [variant],
            **more,
        },
    )


def test_both_stages_are_made_without_instances(account):
    push(account)
    named = plan(account, 1, 1)
    for stage in ("staging", "production"):
        made = start(account, named, stage)["config"]
        variant = config_of(made)
        assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
        assert "InstanceType" not in variant
    answer = finish(account, named["package_arn"], 1, rollout={"started": True, "config": made})
    assert answer["outcome"] == "released"


def test_a_second_version_moves_all_traffic_at_once_and_keeps_no_count(account):
    push(account)
    named = plan(account, 1, 1)
    first = start(account, named)["config"]
    finish(account, named["package_arn"], 1, rollout={"started": True, "config": first})
    asked = account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=ENDPOINT)
    following = plan(account, 2, 2)
    is_serverless(account, first)
    start(account, following)
    (update,) = asked
    assert "RetainAllVariantProperties" not in update
    routing = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["Type"] == "ALL_AT_ONCE"
    assert update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]


def released(account, version, epoch, before=""):
    """Bring a version into production, in place of a config; return its package and config."""
    named = plan(account, version, epoch)
    if before:  # moto updates no endpoint
        account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=ENDPOINT)
        is_serverless(account, before)
    made = start(account, named)["config"]
    account.answer_as_before()
    if before:
        is_serverless(account, made)
    rollout = {"started": True, "config": made}
    finish(account, named["package_arn"], version, epoch, rollout=rollout)
    account.answer_as_before()
    return named["package_arn"], made


def test_a_version_that_fails_in_staging_is_not_released_and_leaves_nothing_there(account):
    push(account)
    _, serves = released(account, 1, 1)
    named = plan(account, 2, 2)
    staged = start(account, named, "staging")["config"]
    why = "The primary container for production variant AllTraffic did not pass the ping check."
    endpoint = f"{MODEL}-staging"
    is_serverless(account, staged, EndpointStatus="Failed", FailureReason=why)
    request = account.request("machine-probe-endpoint", **named, endpoint=endpoint, config=staged)
    tests = probe_endpoint.handler(request, account.context)
    assert not tests["passed"]
    assert "did not pass the ping check" in tests["reason"]
    account.answer_as_before()
    answer = finish(account, named["package_arn"], 2, 2, tests=tests, rollout=None)
    assert answer["outcome"] == "tests-failed"
    listed = account.client("sagemaker").list_endpoints()["Endpoints"]
    assert [each["EndpointName"] for each in listed] == [MODEL]
    assert endpoints.serving(MODEL).config == serves


def test_a_version_that_is_withdrawn_gives_way_at_once_to_the_one_before(account):
    push(account)
    first, before = released(account, 1, 1)
    second, now = released(account, 2, 2, before)
    is_serverless(account, now)
    say(account, second, "Rejected", "too slow")
    assert tell(account, second, 2)["go"]
    name = f"{MODEL}-r3-v1"
    assert name in account.executions("deploy")
    back = {"package_arn": first, "version": 1, "epoch": 3, "execution": f"{EXECUTION}:{name}"}
    request = account.request("machine-plan-release", **back)
    assert plan_release.handler(request, account.context)["go"]
    asked = account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=ENDPOINT)
    start(account, back)
    (update,) = asked
    assert update["EndpointConfigName"] == before
    routing = update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing["Type"] == "ALL_AT_ONCE"


def test_a_push_that_would_turn_instances_into_none_is_refused_with_what_to_do(account):
    push(account, SPEC)
    account.serve(1)
    before = ledger.installed(MODEL)
    answer = push(account)
    assert answer["go"] is False
    assert ledger.installed(MODEL) == before
    (reason,) = {d["reason"] for d in account.decisions() if "runs on instances" in d["reason"]}
    assert "Push the folder by another name, such as flight-delays-2" in reason
    assert "everloop remove flight-delays" in reason
    assert account.mails() == ["flight-delays: was not installed"]


def test_a_release_that_meets_instances_all_the_same_is_refused_before_aws_is_asked(account):
    push(account)
    named = plan(account, 1, 1)
    account.serve(7)  # somebody made it by hand meanwhile
    asked = account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=ENDPOINT)
    with pytest.raises(BadInput, match="runs on instances"):
        start(account, named)
    assert asked == []


def test_what_fails_or_is_serverless_already_is_no_reason_to_refuse(account):
    spec = {"deploy": {}}
    push(account)
    spec = ledger.installed(MODEL).spec
    changing_form.check(MODEL, spec)  # nothing serves
    is_serverless(account, "flight-delays-v1-0123abcd")
    changing_form.check(MODEL, spec)
    account.answer_as_before()
    push(account, SPEC)
    account.serve(1)
    changing_form.check(MODEL, ledger.installed(MODEL).spec)


def test_a_look_says_why_nothing_is_judged(account):
    push(account)
    account.register(approval="Approved")
    account.serve(1)
    scheduled = {"model": MODEL, "scheduled_at": "2026-11-20T11:00:00Z"}
    found = plan_monitoring.handler(scheduled, account.context)
    assert found["go"] is False
    assert "AWS captures no traffic of a serverless endpoint" in json.dumps(found), found


def test_what_an_endpoint_runs_on_is_read_of_it(account):
    is_serverless(account, "flight-delays-v1-0123abcd")
    assert endpoints.serving(MODEL).serverless is True
    account.answer_as_before()
    is_serverless(account, "flight-delays-v1-0123abcd", serverless=False)
    assert endpoints.serving(MODEL).serverless is False


def test_status_and_page_are_told_that_it_is_not_monitored(account):
    push(account)
    found = models.glance(MODEL)
    assert found.unwatched.startswith("AWS captures no traffic of a serverless endpoint")
    push(account, SPEC)
    assert models.glance(MODEL).unwatched == ""
