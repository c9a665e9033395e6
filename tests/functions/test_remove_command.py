"""everloop remove: it says what goes, what stays and what that costs, and asks before."""

import json
import sys

import pytest
from functions.test_commands import said, told
from functions.test_remove_models import served

import remove_models
from everloop.aws import ledger, machines, removals
from everloop_cli.main import main

MODEL = "flight-delays"


@pytest.fixture
def stack(account):
    account.describe_stack()
    served(account)
    return account


def go_on(account, execution):
    """Do what the machine does, for moto's does nothing; then let it end."""
    client = account.client("stepfunctions")
    given = json.loads(client.describe_execution(executionArn=execution)["input"])
    common = {
        **given,
        "execution": execution,
        "began": "2026-11-20T10:00:00Z",
        "time": "2026-11-20T10:00:01Z",
    }
    remove_models.handler({**common, "step": "begin"}, account.context)
    for _ in range(3):
        remove_models.handler({**common, "step": "go on"}, account.context)


def test_what_goes_and_what_stays_is_said_before_and_nobody_there_means_no(stack, capsys):
    for version in range(3):
        stack.client("s3").put_object(
            Bucket=stack.data, Key=f"data/{MODEL}/{version}.csv", Body=b"x" * 1_000_000
        )
    text = said(capsys, "remove", MODEL, code=2)
    assert f"the endpoint {MODEL}: InService, serves version 2" in text
    assert f"the endpoint {MODEL}-staging" in text
    assert "2 endpoint configs" in text and "2 models in SageMaker" in text and "3 alarms" in text
    assert "the schedule of its monitor" in text and "its pipeline" in text
    assert "2 versions in the registry, for nothing" in text
    assert "object versions in S3, 3.0 MB: less than a cent a month" in text
    assert "nobody is there to ask: say --yes" in text
    assert ledger.models() == [MODEL] and machines.running(machines.REMOVE) == []


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_whoever_says_no_is_heard(stack, capsys, monkeypatch, answer):
    import io

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    assert main(["remove", MODEL]) == 1
    assert machines.running(machines.REMOVE) == []


def test_a_removal_goes_on_in_the_stack_and_is_over_once(stack, capsys):
    found = told(capsys, "remove", MODEL, "--yes", "--no-wait", "--reason", "sold")
    assert found["models"][0]["model"] == MODEL and "removed" in found
    (execution,) = machines.running(machines.REMOVE)
    assert found["execution"] == execution
    go_on(stack, execution)
    removal = removals.find(MODEL)
    assert removal.reason == "sold" and removal.ended_at is not None
    assert removal.by.startswith("arn:aws:")
    machines.stop(execution, "moto's machine does nothing")
    again = said(capsys, "remove", MODEL, "--yes")
    assert f"{MODEL} was removed by arn:aws:" in again and ": sold" in again
    assert machines.running(machines.REMOVE) == []
    assert "nothing to do" in said(capsys, "remove", "--all", "--yes")


def test_a_removed_model_is_told_by_who_removed_it(stack, capsys):
    told(capsys, "remove", MODEL, "--yes", "--no-wait", "--reason", "sold")
    go_on(stack, machines.running(machines.REMOVE)[0])
    refusal = said(capsys, "status", MODEL, code=2)
    assert "was removed by arn:aws:" in refusal and "a push installs it anew" in refusal
    found = told(capsys, "why", MODEL)
    removed = [d["reason"] for d in found["chain"]["all"] if d["kind"] == "remove"]
    assert removed == ["its removal begins: sold", "sold"]
    assert f"{MODEL} was removed by arn:aws:" in said(capsys, "why", MODEL)
    assert found["chain"]["problems"] == []


def test_which_must_be_said_and_what_is_not_there_is_named(stack, capsys):
    assert "say which: everloop remove MODEL, or --all" in said(capsys, "remove", code=2)
    assert "say which" in said(capsys, "remove", MODEL, "--all", code=2)
    assert f"Installed: {MODEL}" in said(capsys, "remove", "flight", "--yes", code=2)
