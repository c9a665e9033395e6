"""A release: planned once, ended by what the endpoint says, followed by what should come next."""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

import finish_release
import plan_release
import reconcile
from everloop.aws import clients, endpoints, ledger, table
from everloop.errors import NotReady
from everloop.flows import resuming
from everloop.moments import moment, text
from everloop.records import release as release_records
from everloop.records.lease import RELEASE
from everloop.records.release import Release
from everloop.records.token import Token

NOW = moment("2026-11-20T10:20:00Z")
MACHINES = "arn:aws:states:us-east-1:123456789012:stateMachine:everloop"


def run(name):
    return {"execution": f"arn:aws:states:us-east-1:123456789012:execution:everloop-deploy:{name}"}


def plan(account, arn, version=1, epoch=1, name="flight-delays-r1-v1"):
    request = account.request(
        "machine-plan-release",
        package_arn=arn,
        version=version,
        epoch=epoch,
        **run(name),
    )
    return plan_release.handler(request, account.context)


def finish(account, arn, version=1, epoch=1, **values):
    request = account.request(
        "machine-finish-release", package_arn=arn, version=version, epoch=epoch, **values
    )
    return finish_release.handler(request, account.context)


def test_a_wanted_release_takes_the_lease_and_names_what_it_makes(account):
    account.push()
    found = plan(account, account.register(approval="Approved"))
    assert found["go"] is True
    assert found["staging_endpoint"] == "flight-delays-staging"
    assert found["staging_config"].startswith("flight-delays-v1-staging-")
    assert ledger.lease("flight-delays", RELEASE).held(NOW)


def test_planning_again_after_a_lost_reply_is_the_same_release(account):
    account.push()
    arn = account.register(approval="Approved")
    assert plan(account, arn) == plan(account, arn)


def test_while_one_release_runs_another_is_refused(account):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    assert plan(account, arn, epoch=2, name="other")["go"] is False


def test_a_release_that_is_not_wanted_any_more_gives_way_to_the_one_that_is(account):
    account.push()
    account.register(approval="Approved")
    old = account.register(2, approval="Rejected")
    found = plan(account, old, version=2, name="flight-delays-r1-v2")
    assert found["go"] is False
    assert not ledger.lease("flight-delays", RELEASE).held(NOW)
    assert account.executions("deploy") == ["flight-delays-r2-v1"]


@pytest.mark.parametrize(
    ("values", "outcome", "told"),
    [
        pytest.param(
            {"tests": {"passed": False, "reason": "slow"}, "rollout": None},
            "tests-failed",
            "was not released, and is not tried again",
        ),
        pytest.param(
            {"rollout": {"started": False, "reason": "withdrawn"}}, "withdrawn", "was not released"
        ),
        pytest.param(
            {"error": {"Error": "E", "Cause": "c"}, "rollout": None}, "error", "was not released"
        ),
        pytest.param(
            {"rollout": {"started": True, "reason": "an alarm"}},
            "rolled-back",
            "was rolled back, and is not tried again",
        ),
        pytest.param(
            {"rollout": {"started": True, "config": "c"}}, "interrupted", "was not released"
        ),
    ],
)
def test_what_does_not_serve_was_not_released_and_a_person_is_told(account, values, outcome, told):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    answer = finish(account, arn, version=2, **values)
    assert (answer["ok"], answer["outcome"]) == (False, outcome)
    assert "flight-delays-v1-0123abcd is InService" in answer["reason"]
    assert account.mails() == [f"flight-delays v2: {told}"]
    assert ledger.lease("flight-delays", RELEASE).holder == ""


def test_what_came_into_service_was_released_whatever_was_done_to_the_endpoint_since(account):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    answer = finish(account, arn, version=2)  # its rollout saw the new config in service
    assert (answer["ok"], answer["outcome"]) == (True, "released")
    assert "past the registry since: flight-delays-v1-0123abcd is InService" in answer["reason"]
    assert account.executions("deploy") == ["flight-delays-r2-v2"]  # and it is brought back


def test_what_serves_was_released(account):
    account.push()
    arn = account.register(approval="Approved")
    config = account.serve(1)
    answer = finish(account, arn, rollout={"started": True, "config": config})
    assert (answer["ok"], answer["outcome"]) == (True, "released")
    assert [r.outcome for r in ledger.releases("flight-delays")] == ["released"]
    assert account.mails() == ["flight-delays v1: came into service"]


def test_three_releases_that_fail_alike_are_told_once_and_once_that_they_were_the_last(account):
    account.push()
    arn = account.register(approval="Approved")
    error = {"Error": "NotReady", "Cause": "AWS is not ready"}
    for epoch in (1, 2, 3):
        name = f"flight-delays-r{epoch}-v1"
        finish(account, arn, error=error, rollout=None, epoch=epoch, **run(name))
    assert account.mails() == [
        "flight-delays v1: was not released",
        "flight-delays v1: was not released, and is not tried again",
    ]


def test_a_step_that_is_tried_again_tells_once(account):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    refused = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}

    def busy(**_):
        raise ClientError(refused, "DeleteEndpoint")

    account.meanwhile(clients.sagemaker(), "DeleteEndpoint", busy)
    for _ in range(8):
        with pytest.raises(NotReady):
            error = {"Error": "E", "Cause": "c"}
            finish(account, arn, error=error, rollout=None, **run("flight-delays-r1-v1"))
    assert account.mails() == ["flight-delays v1: was not released"]


def test_a_version_that_comes_back_by_hand_is_told_as_what_it_is(account):
    account.push()
    arn = account.register(approval="Approved")
    account.register(2, approval="Rejected")
    before = Release(1, 2, "released", "", NOW, NOW, None, "x")
    ledger.put_release("flight-delays", before, "")
    config = account.serve(1)
    name = "flight-delays-r2-v1"
    rollout = {"started": True, "config": config}
    finish(account, arn, rollout=rollout, epoch=2, **run(name))
    assert account.mails() == ["flight-delays v1: is back in service, in place of version 2"]


def test_of_its_tests_a_release_keeps_where_their_report_lies_and_no_more(account):
    account.push()
    arn = account.register(approval="Approved")
    tests = {"passed": False, "reason": "slow", "report_uri": "s3://b/tests.json", "": "more"}
    finish(account, arn, tests=tests, rollout=None)
    key = release_records.key("flight-delays", 1)
    assert (table.get(key) or {})["report_uri"] == "s3://b/tests.json"
    assert [r.outcome for r in ledger.releases("flight-delays")] == ["tests-failed"]


def test_a_version_that_somebody_brought_from_staging_is_released_all_the_same(account):
    account.push()
    arn = account.register(approval="Approved")
    config = account.serve(1, staged=True)
    answer = finish(account, arn, error={"Error": "NotReady", "Cause": "c"}, rollout=None)
    assert (answer["ok"], answer["outcome"]) == (False, "error")
    assert config in answer["reason"]
    assert account.executions("deploy") == ["flight-delays-r2-v1"]


def test_a_version_that_failed_its_tests_is_not_tried_again_until_approved_again(account):
    account.push()
    arn = account.register(approval="Approved")
    finish(account, arn, tests={"passed": False, "reason": "slow"}, rollout=None)
    assert account.executions("deploy") == []


def test_an_approval_that_came_during_the_release_is_released_next(account):
    account.push()
    first = account.register(approval="Approved")
    account.register(2, approval="Approved")
    config = account.serve(1)
    finish(account, first, rollout={"started": True, "config": config})
    assert account.executions("deploy") == ["flight-delays-r2-v2"]


def test_reconcile_leaves_to_its_event_what_has_only_just_settled(account):
    account.push()
    plan(account, account.register(approval="Approved"))
    holder = ledger.lease("flight-delays", RELEASE).holder
    config = account.serve(1)
    subject = resuming.endpoint_subject("flight-delays")
    ledger.put_token(Token(subject, "t" * 64, "flight-delays", holder, config, True), NOW)
    ledger.note_wait("flight-delays", RELEASE, holder, subject)
    account.client("stepfunctions").start_execution(
        stateMachineArn=f"{MACHINES}-deploy", name="flight-delays-r1-v1"
    )
    serving = endpoints.serving("flight-delays")
    assert serving is not None and serving.changed_at is not None

    def tick(minutes):
        time = text(serving.changed_at + timedelta(minutes=minutes))
        reconcile.handler({"time": time}, account.context)

    tick(1)
    assert ledger.token(subject) is not None
    tick(3)
    assert ledger.token(subject) is None
