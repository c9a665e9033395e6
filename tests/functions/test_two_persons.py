"""by = "two-persons": one yes releases nothing, and the second is another person's."""

import pytest
from moto.sagemaker.models import sagemaker_backends

import plan_release
import reconcile
import start_rollout
from everloop.aws import approvals, ledger, outside
from everloop.decisions.two_persons import STAGE, STAGE_STATUS
from everloop_cli import review
from everloop_cli.main import main

from .conftest import ACCOUNT, REGION, SPEC
from .test_on_package_changed import tell

MODEL = "flight-delays"
ANA, BOB, EVE = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("ana", "bob", "eve"))
TWO = SPEC.replace('by = "policy"\nfirst = "policy"', 'by = "two-persons"')
DEPLOY = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:everloop-deploy:{MODEL}-r1-v1"


@pytest.fixture
def arn(account):
    """A version that waits, whose code eve has pushed."""
    account.push(data=account.bundle(TWO), by=EVE)
    installed = ledger.installed(MODEL)
    bundle = {"bundle-digest": installed.bundle_digest, "bundle-uri": installed.bundle_uri}
    return account.register(**bundle)


def act_as(account, arn, who):
    """Let the registry, and AWS's word on who calls, know somebody."""
    account.history.touched()
    sagemaker_backends[ACCOUNT][REGION].model_packages[arn].created_by = {
        "IamIdentity": {"Arn": who, "PrincipalId": "AIDA"}
    }
    account.answer_as_before()
    account.answer(outside.sts(), "GetCallerIdentity", 200, Arn=who, Account=ACCOUNT, UserId="AIDA")


def stage(account, arn, who, *, told=True, status=STAGE_STATUS):
    act_as(account, arn, who)
    cycle = {"Stage": STAGE, "StageStatus": status, "StageDescription": "looks right"}
    account.client("sagemaker").update_model_package(ModelPackageArn=arn, ModelLifeCycle=cycle)
    return told and tell(account, arn, fields=("ModelLifeCycle",), ModelLifeCycle=cycle)


def approve(account, arn, who, status="Approved", words="I agree"):
    act_as(account, arn, who)
    described = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus=status,
        ApprovalDescription=words,
        CustomerMetadataProperties=described["CustomerMetadataProperties"],  # which moto forgets
    )
    return tell(account, arn)


def released(account):
    return account.executions("deploy") == [f"{MODEL}-r1-v1"]


def plan(account, arn):
    request = account.request(
        "machine-plan-release", package_arn=arn, version=1, epoch=1, execution=DEPLOY
    )
    return plan_release.handler(request, account.context)


@pytest.mark.parametrize("order", ["stage first", "approval first"])
def test_two_persons_release_a_version_in_either_order(account, arn, order, capsys):
    steps = [lambda: stage(account, arn, ANA), lambda: approve(account, arn, BOB)]
    for number, step in enumerate(steps if order == "stage first" else reversed(steps)):
        step()
        assert released(account) is bool(number)
    assert plan(account, arn)["go"] is True
    account.describe_stack()
    assert main(["why", MODEL, "--version", "1"]) == 0
    shown = capsys.readouterr().out
    assert f"first yes  {ANA}" in shown
    assert f"decided by {BOB}" in shown


def test_one_person_alone_releases_nothing_and_it_shows(account, arn, capsys):
    answer = stage(account, arn, ANA)
    assert answer["go"] is False or account.executions("evaluate")
    assert account.mails() == [f"{MODEL} v1: waits for a second person's approval"]
    account.describe_stack()
    assert main(["status", MODEL]) == 0
    waits = f"version 1 waits for a second person (first: {ANA})"
    assert waits in " ".join(capsys.readouterr().out.split())
    approve(account, arn, ANA)
    assert not released(account)
    assert account.mails() == [f"{MODEL} v1: was approved, and waits for a second person"]
    reconcile.handler({"time": "2030-01-01T00:00:00Z"}, account.context)
    assert not released(account)
    approve(account, arn, BOB, words="I looked at it, too")
    assert released(account)


def test_who_looks_at_an_approved_version_may_still_say_the_second_yes(account, arn):
    approve(account, arn, ANA)
    assert review.waits_for_second(MODEL, 1)
    act_as(account, arn, BOB)
    plan = review.plan_word(MODEL, 1, "Approved", words="I agree")
    assert plan.endorses
    assert plan.will == "the second of two yeses: it counts as approved from here on"
    stage(account, arn, BOB)
    assert not review.waits_for_second(MODEL, 1)


@pytest.mark.parametrize(("first", "second"), [(EVE, BOB), (ANA, EVE)])
def test_who_pushed_its_code_is_neither_of_the_two(account, arn, first, second):
    stage(account, arn, first)
    approve(account, arn, second)
    assert not released(account)
    reason = [d["reason"] for d in account.decisions() if d["kind"] == "release"][-1]
    assert f"{EVE} made it" in reason


def test_a_yes_that_no_event_told_of_is_nobodys(account, arn):
    stage(account, arn, ANA, told=False)
    approve(account, arn, BOB)
    assert not released(account)
    stage(account, arn, ANA)  # said again
    assert released(account)


def test_a_rejection_ends_both_yeses(account, arn):
    stage(account, arn, ANA)
    approve(account, arn, BOB, "Rejected")
    assert approvals.endorsement(MODEL, 1).void == f"it was set to Rejected by {BOB}"
    approve(account, arn, BOB, words="after all")
    assert not released(account)


def test_a_stage_that_is_taken_back_ends_the_release_before_production(account, arn):
    stage(account, arn, ANA)
    approve(account, arn, BOB)
    assert plan(account, arn)["go"] is True
    stage(account, arn, ANA, status="Rejected")
    request = account.request(
        "machine-start-rollout",
        stage="production",
        version=1,
        epoch=1,
        package_arn=arn,
        execution=DEPLOY,
        token=account.token("deploy", f"{MODEL}-r1-v1"),
    )
    answer = start_rollout.handler(request, account.context)
    assert answer["started"] is False
    assert "waits for a second person" in answer["reason"]


def test_what_was_approved_before_two_were_asked_for_serves_on(account):
    account.push()
    arn = account.register(approval="Approved")
    tell(account, arn)
    account.push(data=account.bundle(TWO), by=EVE)
    account.client("stepfunctions").stop_execution(executionArn=DEPLOY)
    tell(account, arn)  # it ended without a trace
    tell(account, arn)
    assert len(account.executions("deploy")) == 2


def test_the_command_says_the_right_yes_and_refuses_the_same_person(account, arn, capsys):
    account.describe_stack()
    words = ["approve", MODEL, "--version", "1", "--reason"]

    def say(who, reason):
        act_as(account, arn, who)
        code = main([*words, reason])
        return code, " ".join("".join(capsys.readouterr()).split())

    code, shown = say(EVE, "mine")
    assert code == 2 and f"{EVE} pushed the code of version 1" in shown
    code, shown = say(ANA, "looks right")
    assert code == 0, shown
    assert "the first of two yeses: it waits for a second person" in shown
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    cycle = {"Stage": STAGE, "StageStatus": STAGE_STATUS, "StageDescription": "looks right"}
    assert found["ModelLifeCycle"] == cycle
    tell(account, arn, fields=("ModelLifeCycle",), ModelLifeCycle=cycle)
    code, shown = say(ANA, "again")
    assert code == 2 and "another person says the second" in shown
    code, shown = say(BOB, "I agree")
    assert code == 0 and "version 1 will be tested and released" in shown
    assert account.approval(arn) == "Approved"
