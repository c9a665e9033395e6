"""What broke a bar of fairness is released only where somebody waives that, by name and reason."""

import pytest

import judge_candidate
import plan_release
import reconcile
import start_rollout
from everloop.aws import approvals
from everloop.chain import verify
from everloop_cli import review
from everloop_cli.main import main
from everloop_cli.trouble import Trouble

from .conftest import SPEC
from .test_on_package_changed import say, tell

MODEL = "flight-delays"
RELEASING = f"arn:aws:states:us-east-1:123456789012:execution:everloop-deploy:{MODEL}-r1-v1"
FAIR = '[fairness]\ngroups = ["sex"]\nbars = { disparate_impact = 0.8 }\n'


def pushed(account, more=""):
    account.push(data=account.bundle(f"{SPEC}\n{FAIR}{more}"))


def registered(account, version=1, approval="PendingManualApproval", ratio=0.4):
    """Register a version by which women get so much of what men get."""
    arn = account.register(version, approval)
    measure = {"value": ratio, "low": ratio - 0.1, "high": ratio + 0.1}
    group = {"value": "f", "rows": 300, "measures": {"disparate_impact": measure}}
    column = {
        "column": "sex",
        "reference": {"value": "m", "rows": 600},
        "groups": [group],
        "too_small": [],
    }
    account.put_json(
        f"s3://{account.artefacts}/runs/{MODEL}/r{version}/evaluation/evaluation.json",
        {"metrics": {"auc": {"value": 0.71}}, "fairness": {"columns": [column]}, "rows": 900},
    )
    return arn


def judge(account, arn):
    request = account.request("machine-judge-candidate", package_arn=arn, comparison_uri=None)
    return judge_candidate.handler(request, account.context)


def refused(account, more=""):
    pushed(account, more)
    arn = registered(account)
    assert judge(account, arn)["verdict"] == "rejected"
    return arn


def rollout(account, arn):
    facts = {"version": 1, "epoch": 1, "package_arn": arn, "execution": RELEASING}
    request = account.request("machine-start-rollout", stage="production", **facts)
    request["token"] = account.token("deploy", f"{MODEL}-r1-v1")
    return start_rollout.handler(request, account.context)


def words(account):
    return [d for d in account.decisions() if d["kind"] == "approve"]


def test_a_waiver_releases_it_and_the_ledger_has_who_why_and_what(account, capsys):
    arn = refused(account)
    say(account, arn, "Approved", "waive: the bar is under review, see FAIR-12")
    tell(account, arn)
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"]
    (word,) = words(account)
    assert word["actor"] == "fake-user-profile-name"
    assert word["reason"] == "waive: the bar is under review, see FAIR-12"
    assert word["facts"]["waives"].startswith("disparate_impact of sex=f against m 0.40")
    assert verify(account.decisions()) == []
    account.describe_stack()
    assert main(["why", MODEL, "--version", "1"]) == 0
    assert "waives" in capsys.readouterr().out


def test_an_approval_that_waives_nothing_releases_nothing_and_people_hear_how(account):
    arn = refused(account)
    say(account, arn, "Approved", "it is better")
    answer = tell(account, arn)
    assert answer["go"] is False
    assert account.executions("deploy") == []
    reason = next(d["reason"] for d in account.decisions() if d["kind"] == "release")
    assert reason.endswith(f"everloop approve {MODEL} --version 1 --waive 'why'")
    assert account.mails()[-1] == f"{MODEL} v1: was approved, and that changes nothing"
    assert "does not waive" in words(account)[0]["facts"]["barred"]
    reconcile.handler({"time": "2030-01-01T00:00:00Z"}, account.context)
    assert account.executions("deploy") == []
    say(account, arn, "Approved", "waive: now I say why")  # and no event tells of it
    reconcile.handler({"time": "2030-01-01T00:01:00Z"}, account.context)
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"]


@pytest.mark.parametrize(
    ("names", "released"), [("fake-user-profile-name", True), ("FairnessBoard", False)]
)
def test_only_those_who_are_named_may_waive(account, names, released):
    arn = refused(account, f'waive_by = ["{names}"]\n')
    say(account, arn, "Approved", "waive: I say so")
    tell(account, arn)
    assert bool(account.executions("deploy")) is released
    if not released:
        assert words(account)[0]["facts"]["barred"].endswith("waive_by names FairnessBoard")


def test_a_waiver_ends_with_the_next_word(account):
    arn = refused(account)
    say(account, arn, "Approved", "waive: once")
    tell(account, arn)
    account.client("stepfunctions").stop_execution(executionArn=RELEASING)
    say(account, arn, "Rejected", "no longer")
    tell(account, arn)
    say(account, arn, "Approved", "again")
    assert tell(account, arn)["go"] is False


def withdrawn(account):
    """Waive, and have somebody reject that without a word: the registry keeps the waiver's text."""
    arn = refused(account)
    say(account, arn, "Approved", "waive: agreed")
    tell(account, arn)
    account.client("stepfunctions").stop_execution(executionArn=RELEASING)
    say(account, arn, "Rejected")
    tell(account, arn)
    return arn


def test_words_that_stand_there_already_waive_nothing_and_people_hear_it(account):
    arn = withdrawn(account)
    say(account, arn, "Approved", "waive: agreed")  # as if nobody had said anything
    assert tell(account, arn)["go"] is False
    assert "the registry had these words before" in words(account)[-1]["facts"]["barred"]


def test_the_command_waives_once_more_in_the_same_words(account, capsys):
    arn = withdrawn(account)
    account.describe_stack()
    assert main(["approve", MODEL, "--version", "1", "--waive", "agreed"]) == 0
    tell(account, arn)
    assert words(account)[-1]["reason"].startswith("waive: agreed (again, ")
    assert "waives" in words(account)[-1]["facts"]


def test_nobody_is_faster_than_the_judge(account):
    pushed(account)
    arn = registered(account, approval="Approved")
    tell(account, arn)
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"], "nothing is known against it yet"
    planned = account.request(
        "machine-plan-release", package_arn=arn, version=1, epoch=1, execution=RELEASING
    )
    assert plan_release.handler(planned, account.context)["go"] is True
    assert judge(account, arn)["verdict"] == "settled"
    assert account.approval(arn) == "Approved"
    assert account.mails() == [
        f"{MODEL} v1: was approved before it was judged, and that does not count"
    ]
    assert approvals.verdict(MODEL, 1).unfair.startswith("disparate_impact of sex=f")
    answer = rollout(account, arn)
    assert answer["started"] is False
    assert "does not waive them" in answer["reason"]


def test_a_fair_version_that_was_approved_meanwhile_is_settled_as_before(account):
    pushed(account)
    arn = registered(account, approval="Approved", ratio=0.95)
    assert judge(account, arn)["verdict"] == "settled"
    assert account.mails() == []
    assert approvals.verdict(MODEL, 1) is None


def test_the_command_asks_for_a_reason_and_says_what_is_waived(account, capsys):
    arn = refused(account, 'waive_by = ["FairnessBoard"]\n')
    account.describe_stack()
    with pytest.raises(Trouble, match="its approval would not count"):
        review.plan_word(MODEL, 1, "Approved", words="it is better")
    assert account.approval(arn) == "Rejected"
    assert main(["approve", MODEL, "--version", "1", "--waive", "agreed"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "waives disparate_impact of sex=f against m 0.40" in said
    assert "if you are FairnessBoard" in said
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert found["ApprovalDescription"] == "waive: agreed"


def test_a_waiver_without_a_reason_is_none(account, capsys):
    refused(account)
    account.describe_stack()
    assert main(["approve", MODEL, "--version", "1", "--waive", " "]) == 2
    assert "say why" in capsys.readouterr().err
