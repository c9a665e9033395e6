"""What reconcile cannot repair is told to a person, once, and counted."""

import json

import pytest

import freeze_dataset
import plan_monitoring
import reconcile


def tick(account, time):
    return reconcile.handler({"time": time}, account.context)["repaired"]["flight-delays"]


def overdue(capsys):
    """Return the values of the metric MonitorsOverdue that were published since the last call."""
    lines = [line for line in capsys.readouterr().out.splitlines() if "MonitorsOverdue" in line]
    return [json.loads(line)["MonitorsOverdue"][0] for line in lines]


def ask(account, time):
    plan_monitoring.handler({"model": "flight-delays", "scheduled_at": time}, account.context)


@pytest.fixture
def watched(account):
    """A model whose monitor, hourly, was asked to look at eight, and then no more."""
    account.push()
    ask(account, "2030-01-01T08:00:00Z")
    return account


def test_a_monitor_that_stopped_is_told_once_and_counted_every_time(watched, capsys):
    scheduler = watched.client("scheduler")
    where = {"GroupName": "everloop", "Name": "everloop-flight-delays-monitor"}
    found = scheduler.get_schedule(**where)
    members = ("ScheduleExpression", "FlexibleTimeWindow", "Target")
    scheduler.update_schedule(**where, **{m: found[m] for m in members}, State="DISABLED")
    tick(watched, "2030-01-01T10:00:00Z")
    assert overdue(capsys) == [0]

    for time in ("2030-01-01T10:10:00Z", "2030-01-01T10:15:00Z"):
        assert tick(watched, time) == 0
        assert overdue(capsys) == [1]
    (told,) = [d for d in watched.decisions() if d["kind"] == "reconcile"]
    assert (told["go"], told["reason"]) == (
        False,
        "nothing asked it to look since 2030-01-01 08:00, for rate(1 hour); "
        "its schedule is DISABLED",
    )
    assert watched.mails() == ["flight-delays: it stands still, and a person must look"]

    ask(watched, "2030-01-01T10:16:00Z")
    tick(watched, "2030-01-01T10:20:00Z")
    assert overdue(capsys) == [0]


def test_a_monitor_that_was_never_asked_counts_from_the_first_look_at_it(account, capsys):
    account.push()
    for time, count in (
        ("2031-01-01T00:00:00Z", 0),
        ("2031-01-01T02:00:00Z", 0),
        ("2031-01-01T02:06:00Z", 1),
    ):
        tick(account, time)
        assert overdue(capsys) == [count]


def test_a_training_that_was_given_up_is_told_once(account):
    account.push()
    account.drop(account.bring("data/flight-delays/a.csv"))
    arn = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays-w1-a"
    for attempt in range(1, 6):
        account.client("stepfunctions").stop_execution(executionArn=f"{arn}{attempt}")
        repaired = tick(account, "2030-01-01T00:00:00Z")
        assert repaired == (1 if attempt < 5 else 0)
    tick(account, "2030-01-01T00:05:00Z")
    refused = [d for d in account.decisions() if d["kind"] == "reconcile" and not d["go"]]
    assert [d["reason"] for d in refused] == [
        "the training of window 1 was ABORTED at attempt 5, the last of 5"
    ]
    assert account.mails() == ["flight-delays: it stands still, and a person must look"]


def test_a_frozen_window_that_was_given_up_keeps_no_later_data_waiting(account):
    account.push()
    arn = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays"
    sfn = account.client("stepfunctions")
    account.drop(account.bring("data/flight-delays/a.csv"))
    freeze = account.request("machine-freeze-dataset", window=1, time="2030-01-01T00:00:00Z")
    assert freeze_dataset.handler(freeze, account.context)["closed"] is True
    for attempt in range(1, 6):
        sfn.stop_execution(executionArn=f"{arn}-w1-a{attempt}")
        tick(account, "2030-01-01T00:05:00Z")
    account.drop(account.bring("data/flight-delays/b.csv"))
    sfn.stop_execution(executionArn=f"{arn}-w2-a1")
    assert tick(account, "2030-01-01T00:10:00Z") == 1
    assert account.executions("train")[-1] == "flight-delays-w2-a2"


@pytest.mark.parametrize(
    ("keep", "started"),
    [
        pytest.param("keep = 1", True, id="its dataset has not the older data"),
        pytest.param("", False, id="its dataset has the older data, too"),
    ],
)
def test_a_frozen_window_that_was_given_up_keeps_no_older_data_waiting(account, keep, started):
    account.push(data=account.bundle(keep=keep))
    arn = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays"
    sfn = account.client("stepfunctions")
    for window, key in ((1, "a"), (2, "b")):
        account.drop(account.bring(f"data/flight-delays/{key}.csv"))
        freeze = account.request(
            "machine-freeze-dataset", window=window, time="2030-01-01T00:00:00Z"
        )
        assert freeze_dataset.handler(freeze, account.context)["closed"] is True
    sfn.stop_execution(executionArn=f"{arn}-w1-a1")
    for attempt in range(1, 6):
        tick(account, "2030-01-01T00:05:00Z")
        sfn.stop_execution(executionArn=f"{arn}-w2-a{attempt}")
    tick(account, "2030-01-01T00:10:00Z")
    assert ("flight-delays-w1-a2" in account.executions("train")) is started
    assert account.mails() == ["flight-delays: it stands still, and a person must look"]


def test_a_judgement_that_was_given_up_is_told_once(account):
    account.push()
    account.register()
    sfn = account.client("stepfunctions")
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:everloop-evaluate"
    for _ in range(3):
        tick(account, "2030-01-01T00:00:00Z")
        for found in sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")[
            "executions"
        ]:
            sfn.stop_execution(executionArn=found["executionArn"])
    for _ in range(2):
        tick(account, "2030-01-01T00:05:00Z")
    refused = [d for d in account.decisions() if d["kind"] == "reconcile" and not d["go"]]
    assert [d["reason"] for d in refused] == [
        "the judgement of version 1 is ABORTED after three attempts"
    ]
    assert account.mails() == ["flight-delays: it stands still, and a person must look"]


def test_a_version_that_serves_on_though_it_was_withdrawn_is_told_once_each_time(account):
    account.push()
    arn = account.register(approval="Approved")
    account.serve(1)
    assert tick(account, "2030-01-01T00:00:00Z") == 1  # the alarm of its endpoint

    def say(status):
        account.client("sagemaker").update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus=status
        )

    say("Rejected")
    for time in ("2030-01-01T00:05:00Z", "2030-01-01T00:10:00Z"):
        assert tick(account, time) == 0
    refused = [d for d in account.decisions() if d["kind"] == "reconcile" and not d["go"]]
    assert [d["reason"] for d in refused] == [
        "version 1 serves and is Rejected, and no other is approved to take its place"
    ]
    assert account.mails() == ["flight-delays: it stands still, and a person must look"]

    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",  # moto forgets it otherwise
        CustomerMetadataProperties={"team": "a"},
    )
    tick(account, "2030-01-01T00:15:00Z")
    assert account.mails() == []  # another stamp is no word on it
    say("Approved")
    tick(account, "2030-01-01T00:20:00Z")
    say("Rejected")
    tick(account, "2030-01-01T00:25:00Z")
    assert account.mails() == ["flight-delays: it stands still, and a person must look"]


def test_a_version_that_serves_on_though_it_was_deleted_is_told_once(account):
    account.push()
    account.serve(1)  # and the registry knows nothing of it
    assert tick(account, "2030-01-01T00:00:00Z") == 1  # the alarm of its endpoint
    assert tick(account, "2030-01-01T00:05:00Z") == 0
    refused = [d["reason"] for d in account.decisions() if d["kind"] == "reconcile" and not d["go"]]
    assert len(refused) == 1
    assert "version 1 serves and is gone from the registry" in refused[0]
    assert len(account.mails()) == 1
