"""While a model is paused nothing new starts, nothing is lost, and the withdrawn still leaves."""

import pytest

import pause_models
import plan_release
import reconcile
import start_training
from everloop.aws import ledger
from everloop.errors import BadInput
from everloop.records.lease import RELEASE

MODEL = "flight-delays"
LATER = "2030-01-01T00:00:00Z"


def pause(account, **values):
    return pause_models.handler(account.request("request-pause-models", **values), account.context)


def tick(account, time=LATER):
    return reconcile.handler({"time": time}, account.context)["repaired"][MODEL]


def test_what_arrives_in_a_pause_is_trained_on_after_it(account):
    account.push()
    assert pause(account) == {"models": [MODEL]}
    account.drop(account.arrival("data/flight-delays/a.csv"))
    assert tick(account) == 0
    assert account.executions("train") == []

    assert pause(account, pause=False, reason="moved") == {"models": [MODEL]}
    assert tick(account) == 1
    assert account.executions("train") == ["flight-delays-w1-a1"]


def test_a_training_that_was_about_to_start_waits_for_its_turn(account):
    account.push()
    pause(account)
    answer = start_training.handler(
        account.request("machine-start-training", model=MODEL), account.context
    )
    assert answer["started"] is False
    assert "paused by arn:aws:iam::123456789012:user/ana" in answer["reason"]


def repaired(account):
    return [d["subject"] for d in account.decisions() if d["kind"] == "reconcile" and d["go"]]


def test_an_approved_version_waits_and_a_withdrawn_one_leaves(account):
    account.push()
    account.register(approval="Approved")
    second = account.register(2, approval="Approved")
    account.serve(2)
    third = account.register(3, approval="Approved")
    pause(account)
    tick(account)
    assert repaired(account) == ["alarms"]  # its endpoint had none yet
    assert account.executions("deploy") == []

    sagemaker = account.client("sagemaker")
    for arn in (second, third):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
    assert tick(account) == 1
    assert account.executions("deploy") == ["flight-delays-r1-v1"]


def test_a_push_does_not_end_a_pause(account):
    account.push()
    pause(account)
    account.drop(account.arrival("data/flight-delays/a.csv"))
    account.push()
    assert ledger.installed(MODEL).paused
    assert account.executions("train") == []


def test_pausing_twice_is_pausing_once_and_each_change_is_in_the_ledger(account):
    account.push()
    pause(account, model=None)
    assert pause(account, model=None) == {"models": []}
    pause(account, pause=False, reason="moved")
    told = [(d["kind"], d["reason"], d["actor"]) for d in account.decisions()]
    ana = "arn:aws:iam::123456789012:user/ana"
    assert told[-2:] == [
        ("pause", "the source of the data is being moved", ana),
        ("resume", "moved", ana),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"model": "ghost"}, "'ghost' is not installed"), ({"reason": " "}, "reason: empty")],
)
def test_bad_input_changes_nothing_and_says_why(account, values, message):
    account.push()
    with pytest.raises(BadInput, match=message):
        pause(account, **values)
    assert not ledger.installed(MODEL).paused


def test_a_release_that_waited_for_aws_and_is_paused_leaves_nothing_in_staging(account):
    account.push()
    arn = account.register(approval="Approved")
    account.serve(1, "flight-delays-staging", staged=True)
    pause(account)
    request = account.request("machine-plan-release", package_arn=arn, version=1)
    assert plan_release.handler(request, account.context)["go"] is False
    assert account.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert ledger.lease(MODEL, RELEASE).holder == ""
