"""A changed package is judged or released, by what the registry says, not what the event says."""

import time

import pytest

import on_package_changed
import reconcile
from everloop.aws import approvals, ledger, registry
from everloop.flows import report
from everloop.moments import moment, text
from everloop.records.release import Release
from everloop.records.verdict import Verdict

NOW = moment("2026-11-20T10:20:00Z")
DEPLOY = "arn:aws:states:us-east-1:123456789012:execution:everloop-deploy"


def heed(account, name, arn, version=1):
    event = account.event(
        f"sagemaker-model-package-{name}", ModelPackageArn=arn, ModelPackageVersion=version
    )
    return on_package_changed.handler(event, account.context)


def test_a_new_version_is_judged_once(account):
    account.push()
    arn = account.register()
    assert heed(account, "created-pending", arn)["go"] is True
    assert heed(account, "created-pending", arn)["go"] is True  # same name and input, still running
    (name,) = account.executions("evaluate")
    assert name.startswith("flight-delays-v1-")


@pytest.mark.parametrize("shape", ["approved", "approved-legacy"])
def test_an_approval_releases_what_the_registry_says(account, shape):
    account.push()
    arn = account.register(approval="Approved")
    heed(account, shape, arn)
    heed(account, shape, arn)
    assert account.executions("deploy") == ["flight-delays-r1-v1"]
    approved = [d for d in account.decisions() if d["kind"] == "approve"]
    assert [(d["go"], d["subject"]) for d in approved] == [(True, arn)]


def test_an_approval_that_was_withdrawn_meanwhile_releases_nothing(account):
    account.push()
    arn = account.register(approval="Rejected")
    heed(account, "approved", arn)
    assert account.executions("deploy") == []


def test_a_stamp_on_an_approved_package_releases_nothing(account):
    account.push()
    arn = account.register(approval="Approved")
    assert heed(account, "metadata-stamp-while-approved", arn)["go"] is False
    assert account.executions("deploy") == []


def test_rejecting_what_serves_brings_back_the_version_before(account):
    account.push()
    account.register(approval="Approved")
    second = account.register(2, approval="Rejected")
    account.serve(2)
    heed(account, "rejected", second, 2)
    assert account.executions("deploy") == ["flight-delays-r1-v1"]


def test_rejecting_what_does_not_serve_changes_nothing(account):
    account.push()
    account.register(approval="Approved")
    second = account.register(2, approval="Rejected")
    account.serve(1)
    heed(account, "rejected", second, 2)
    assert account.executions("deploy") == []


def test_a_package_of_somebody_else_is_left_alone(account):
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/flight-delays/1"
    assert "no model of ours" in heed(account, "approved", arn)["reason"]


# Whose words, and when: by what was written down when they were seen


def say(account, arn, status, words=None, **more):
    """Set an approval as a person does, who may say why."""
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus=status,
        **({"ApprovalDescription": words} if words else {}),
        **more,
    )


def changed_at(account, arn):
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return found["LastModifiedTime"].strftime("%Y-%m-%dT%H:%M:%SZ")


def approval(arn):
    found = registry.find(arn)
    return found.package.approval if found else "Approved"


def tell(account, arn, version=1, fields=("ModelApprovalStatus",), at=None, status=None, **more):
    event = account.event(
        "sagemaker-model-package-approved",
        ModelPackageArn=arn,
        ModelPackageVersion=version,
        UpdatedModelPackageFields=list(fields),
        LastModifiedTime=at or changed_at(account, arn),
        ModelApprovalStatus=status or approval(arn),
        **more,
    )
    return on_package_changed.handler(event, account.context)


def words(account):
    return [
        (d["go"], d["reason"], d["actor"]) for d in account.decisions() if d["kind"] == "approve"
    ]


def test_a_persons_approval_without_words_has_not_the_judges_reason(account):
    account.push()
    arn = account.register()
    approvals.put_verdict("flight-delays", Verdict(1, "Rejected", "auc 0.51 misses 0.6"))
    say(account, arn, "Rejected", "auc 0.51 misses 0.6")
    tell(account, arn)
    say(account, arn, "Approved")  # the description survives
    tell(account, arn)
    assert [found[:2] for found in words(account)] == [
        (False, "auc 0.51 misses 0.6"),
        (True, "no words given"),
    ]
    assert next(found[2] for found in words(account)) == "policy"


def test_nor_has_it_the_words_of_another_person(account):
    account.push()
    arn = account.register()
    for status, said in (("Rejected", "looks odd"), ("Approved", None), ("Rejected", "odd, sure")):
        say(account, arn, status, said)
        tell(account, arn)
    assert [reason for _, reason, _ in words(account)] == [
        "looks odd",
        "no words given",
        "odd, sure",
    ]


def test_a_ledger_of_before_knows_whose_words_they_were_by_its_chain(account):
    account.push()
    arn = account.register()
    report.decided(
        "judge",
        id="old",
        model="flight-delays",
        time=NOW,
        go=False,
        reason="auc 0.51 misses 0.6",
        facts={"verdict": "rejected"},
        subject=arn,
    )
    say(account, arn, "Approved", "auc 0.51 misses 0.6")  # what is left of the judge's rejection
    tell(account, arn)
    assert [found[:2] for found in words(account)] == [(True, "no words given")]


def failed(account, version=1):
    word = approvals.all_of("flight-delays")[version]
    release = Release(1, version, "tests-failed", "slow", word.at, word.at, execution="arn:r1")
    ledger.put_release("flight-delays", release, "")


@pytest.mark.parametrize("fields", [("CustomerMetadataProperties",), ("ModelLifeCycle",), ()])
def test_another_stamp_after_a_failed_release_starts_nothing_and_renames_nobody(account, fields):
    account.push()
    arn = account.register()
    say(account, arn, "Approved", "mine")
    with_lease = account.executions("deploy")
    tell(account, arn)
    account.client("stepfunctions").stop_execution(executionArn=f"{DEPLOY}:flight-delays-r1-v1")
    failed(account)
    before = words(account)
    say(account, arn, "Approved", CustomerMetadataProperties={"card": "1"})  # a stamp, to moto
    tell(account, arn, fields=fields)
    reconcile.handler({"time": "2030-01-01T00:00:00Z"}, account.context)
    assert with_lease == [] and account.executions("deploy") == ["flight-delays-r1-v1"]
    assert words(account) == before


def test_approving_again_after_a_failed_release_tries_again(account):
    account.push()
    arn = account.register()
    say(account, arn, "Approved", "mine")
    tell(account, arn)
    account.client("stepfunctions").stop_execution(executionArn=f"{DEPLOY}:flight-delays-r1-v1")
    failed(account)
    time.sleep(1)  # events tell seconds
    say(account, arn, "Approved", "mine")
    tell(account, arn)
    assert account.executions("deploy") == ["flight-delays-r1-v1", "flight-delays-r2-v1"]


def test_an_approval_that_no_event_told_is_seen_by_reconcile(account):
    account.push()
    arn = account.register()
    say(account, arn, "Approved", "by hand")
    reconcile.handler({"time": "2030-01-01T00:00:00Z"}, account.context)
    assert [found[:2] for found in words(account)] == [(True, "by hand")]
    assert account.executions("deploy") == ["flight-delays-r1-v1"]


def test_who_stamped_it_before_the_approval_was_seen_is_not_who_approved(account):
    account.push()
    arn = account.register()
    say(account, arn, "Approved", "mine")
    event_at = "2020-01-01T00:00:00Z"  # the approval's; the stamp came later
    tell(account, arn, at=event_at)
    assert [found[2] for found in words(account)] == ["unknown"]
    assert text(approvals.all_of("flight-delays")[1].at) == "2020-01-01T00:00:00.000Z"


def test_the_judges_event_that_is_read_after_a_persons_word_is_not_that_word(account):
    account.push()
    arn = account.register()
    say(account, arn, "Rejected", "auc 0.51 misses 0.6")
    rejected_at = changed_at(account, arn)
    time.sleep(1)  # events tell seconds
    say(account, arn, "Approved", "mine")
    tell(account, arn, at=rejected_at, status="Rejected")
    account.client("stepfunctions").stop_execution(executionArn=f"{DEPLOY}:flight-delays-r1-v1")
    failed(account)
    tell(account, arn)
    assert words(account) == [(True, "mine", "fake-user-profile-name")]
    assert account.executions("deploy") == ["flight-delays-r1-v1"], "it was approved once"


# An older version, and the pin


def test_approving_an_older_version_is_answered_with_what_would_change_something(account):
    account.push()
    old = account.register()
    new = account.register(2)
    say(account, new, "Approved", "good")
    tell(account, new, 2)
    say(account, old, "Approved", "better")
    assert tell(account, old)["go"] is True  # v2's release, which is under way
    refused = [d for d in account.decisions() if d["kind"] == "release"]
    assert [d["go"] for d in refused] == [False]
    assert refused[0]["reason"] == (
        "version 1 is approved and not released: version 2 is approved, too, and higher. To bring "
        "version 1: everloop approve flight-delays --version 1 --pin, or everloop approve "
        "flight-delays --version 1 --instead, which rejects version 2"
    )
    tell(account, old)
    assert account.mails() == ["flight-delays v1: was approved, and that changes nothing"]


def stamp(account, arn, value):
    say(account, arn, "Approved", CustomerMetadataProperties={"everloop-pin": value})


def test_a_pinned_version_serves_whatever_is_approved_above_it_until_it_is_free(account):
    account.push()
    old = account.register(approval="Approved")
    account.register(2, approval="Approved")
    account.serve(2)
    pinned = ("CustomerMetadataProperties",)
    stamp(account, old, "2026-11-20T10:00:00Z ana")
    assert tell(account, old, fields=pinned)["go"] is True
    assert account.executions("deploy") == ["flight-delays-r1-v1"]
    assert "it is pinned" in tell(account, old)["reason"]
    say(account, old, "Approved")  # without the stamp: moto keeps none
    assert "version 2 is what should serve" in tell(account, old, fields=pinned)["reason"]
    pins = [(d["go"], d["facts"]["version"]) for d in account.decisions() if d["kind"] == "pin"]
    assert pins == [(True, 1), (False, 1)]


def test_a_pin_that_no_event_told_is_found_in_turn(account):
    account.push()
    old = account.register(approval="Approved")
    account.register(2, approval="Approved")
    account.serve(2)
    stamp(account, old, "2026-11-20T10:00:00Z ana")
    for minute in range(2):
        reconcile.handler({"time": f"2030-01-01T00:0{minute}:00Z"}, account.context)
    assert account.executions("deploy") == ["flight-delays-r1-v1"]


def test_a_version_that_was_deleted_is_no_error(account):
    account.push()
    account.register(approval="Approved")
    second = account.register(2, approval="Approved")
    account.serve(2)
    account.unregister(second)
    tell(account, second, 2, at="2020-01-01T00:00:00Z")
    assert account.executions("deploy") == ["flight-delays-r1-v1"]
