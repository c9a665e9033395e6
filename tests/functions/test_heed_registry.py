"""A changed package is judged or released, by what the registry says, not what the event says."""

import pytest

import heed_registry


def heed(account, name, arn, version=1):
    event = account.event(
        f"sagemaker-model-package-{name}", ModelPackageArn=arn, ModelPackageVersion=version
    )
    return heed_registry.handler(event, account.context)


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
