"""`everloop approve`, `reject` and `unpin` say what will happen before it does."""

import json

import pytest

from everloop.aws import approvals, ledger
from everloop.moments import moment
from everloop.records.release import Release
from everloop_cli import review
from everloop_cli.main import main

MODEL = "flight-delays"
NOW = moment("2026-11-20T10:20:00Z")


def run(*words):
    return main(words)


@pytest.fixture
def two(account):
    """Two approved versions, of which the second serves; returns their ARNs."""
    account.push()
    account.describe_stack()
    arns = account.register(approval="Approved"), account.register(2, approval="Approved")
    account.serve(2)
    return arns


def stamp(account, arn):
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return (found.get("CustomerMetadataProperties") or {}).get("everloop-pin", "")


def said(account, arn):
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return found["ApprovalDescription"]


def test_an_older_version_is_offered_the_pin_and_the_other_way(account, two, capsys):
    assert run("approve", MODEL, "--version", "1", "--reason", "better") == 0
    told = " ".join(capsys.readouterr().out.split())  # wherever a narrow terminal breaks its lines
    assert told.startswith(f"approve version 1 of {MODEL}: nothing changes in production")
    assert f"everloop approve {MODEL} --version 1 --pin" in told
    assert "--instead, which rejects version 2" in told


def test_a_pin_is_a_stamp_on_the_version_and_on_no_other(account, two, capsys):
    old, new = two
    run("approve", MODEL, "--version", "1", "--pin", "--reason", "audit, (v2) is odd")
    assert "version 1 will be tested and released in place of version 2" in capsys.readouterr().out
    assert stamp(account, old).endswith("Z audit v2 is odd")
    described = account.client("sagemaker").describe_model_package(ModelPackageName=old)
    assert "baseline-uri" in described["CustomerMetadataProperties"]
    assert account.approval(old) == "Approved"
    plan = review.plan_word(MODEL, 2, "Approved", pin=True)
    assert [(change.arn, bool(change.pin)) for change in plan.changes] == [
        (new, True),
        (old, False),  # taken away
    ]
    assert plan.will.startswith("nothing changes in production: version 2 serves, and stays until")
    plan = review.plan_unpin(MODEL)
    assert plan.will == "nothing changes in production: version 2 serves"


def test_without_a_pin_there_is_nothing_to_take_away(account, two, capsys):
    assert run("unpin", MODEL) == 2
    assert f"everloop unpin: no version of '{MODEL}' is pinned" in capsys.readouterr().err


def test_instead_rejects_what_stands_above_and_says_so(account, two, capsys):
    old, new = two
    run("approve", MODEL, "--version", "1", "--instead", "--reason", "v2 drifts", "--json")
    will = json.loads(capsys.readouterr().out)["will"]
    assert will.startswith("rejects version 2, too; version 1 will be tested and released")
    assert (account.approval(old), account.approval(new)) == ("Approved", "Rejected")
    assert said(account, new) == "version 1 instead: v2 drifts"


def test_rejecting_what_serves_says_what_comes_in_its_place(account, two, capsys):
    run("reject", MODEL, "--version", "2")
    out = capsys.readouterr().out
    assert "version 1 will be tested and released in place of version 2" in out
    assert said(account, two[1]).startswith("no words given (everloop, 20")


def test_rejecting_the_last_says_that_it_serves_on(account, two, capsys):
    run("reject", MODEL, "--version", "1")
    run("reject", MODEL, "--version", "2")
    assert "nothing can be released; version 2 serves on" in capsys.readouterr().out


def test_a_version_that_failed_is_tried_again_when_it_is_approved_again(account, two, capsys):
    account.register(3, approval="Approved")
    word = approvals.Approval(3, "Approved", NOW, "ana", "", "")
    approvals.put(MODEL, word)
    ledger.put_release(MODEL, Release(1, 3, "tests-failed", "slow", NOW, NOW), "")
    run("approve", MODEL, "--version", "3")
    assert "version 3 will be tested and released in place of version 2" in capsys.readouterr().out


def test_pin_and_instead_are_one_or_the_other(account, two, capsys):
    assert run("approve", MODEL, "--version", "1", "--pin", "--instead") == 2
    assert "--pin and --instead" in capsys.readouterr().err
