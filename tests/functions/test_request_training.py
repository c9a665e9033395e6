"""A person or a schedule asks for a training: on what arrived, else on the last data once more."""

import pytest
from functions.conftest import SPEC
from functions.test_left_over import EXECUTIONS, RUN, finish, freeze, start

import freeze_dataset
import reconcile
import request_training
from everloop.aws import arrivals, clients, ledger, schedules
from everloop.errors import BadInput, NotReady
from everloop.flows import shortages
from everloop.moments import moment
from everloop.records.lease import TRAINING
from everloop.records.run import REGISTERED
from everloop.records.shortage import Trouble

MODEL = "flight-delays"
SCHEDULED = 'on = ["schedule"]\nschedule = "cron(0 6 * * ? *)"'


def ask(account, **values):
    request = account.request("request-training", **values)
    return request_training.handler(request, account.context)


def tick(account, at="2026-11-21T06:00:00Z"):
    request = account.request("schedule-training", scheduled_at=at)
    return request_training.handler(request, account.context)


def requests(account):
    return [d for d in account.decisions() if d["kind"] == "request"]


@pytest.fixture
def trained(account):
    """Have one window that was trained, below its bars."""
    account.push()
    freeze(account, 1)
    client = clients.sagemaker()
    account.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=[])
    account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[])
    assert start(account, 1)["started"] is True
    finish(account, 1, RUN)
    assert arrivals.closed_window(MODEL, 1).outcome == "below-bars"
    return account


def test_what_has_arrived_is_trained_although_data_alone_would_not_train(account):
    account.push(data=account.bundle(f"{SPEC}[retrain]\non = []\n"))
    account.drop(account.bring("data/flight-delays/a.csv"))
    found = ask(account)
    assert found["go"] is True
    assert account.executions("train") == ["flight-delays-w1-a1"]
    (decision,) = requests(account)
    assert decision["actor"] == "arn:aws:iam::123456789012:user/ana"
    assert decision["reason"].startswith("the source was corrected: 1 objects wait")


def test_what_is_about_to_train_is_not_started_twice_and_what_died_is_started_again(account):
    account.push()
    freeze(account, 1)
    assert ask(account)["reason"] == "flight-delays-w1-a1 is about to train what has arrived"
    account.client("stepfunctions").stop_execution(executionArn=f"{EXECUTIONS}-w1-a1")
    assert ask(account, time="2026-11-20T10:16:30Z")["go"] is True
    assert account.executions("train")[-1] == "flight-delays-w1-a2"


def test_the_same_data_and_code_are_trained_once_more_only_if_that_is_wanted(trained):
    refused = ask(trained)
    assert refused["go"] is False
    assert "the same data and code were trained in flight-delays-w1-" in refused["reason"]
    assert arrivals.closed_window(MODEL, 1).outcome == "below-bars"

    granted = ask(trained, again=True, time="2026-11-20T10:16:30Z")
    assert granted["go"] is True
    assert trained.executions("train")[-1] == "flight-delays-w1-a2"
    assert start(trained, 1, attempt=2)["started"] is True
    first, second = sorted(ledger.runs(MODEL), key=lambda run: run.started_at)
    assert first.name != second.name  # SageMaker would take it for the run that ended
    assert first.dataset_digest == second.dataset_digest


def test_a_run_that_is_wanted_again_is_one_run_however_often_it_is_started(trained):
    ask(trained, again=True)
    assert start(trained, 1, attempt=2)["started"] is True
    assert start(trained, 1, attempt=2)["started"] is True
    assert len(ledger.runs(MODEL)) == 2


def test_the_last_data_is_trained_with_the_code_of_a_later_push(trained):
    trained.push(data=trained.bundle(keep="keep = 3"))
    arrivals.note_outcome(MODEL, 1, REGISTERED)
    assert ask(trained, time="2026-11-20T10:17:30Z")["go"] is True


def test_the_last_data_is_trained_without_what_was_taken_out_since(trained):
    freeze_again = trained.request("machine-freeze-dataset", window=1, time="2026-11-20T12:00:00Z")
    trained.drop(trained.bring("data/flight-delays/b.csv"))
    assert ask(trained)["go"] is True  # window 2 has what arrived
    trained.client("s3").delete_object(Bucket=trained.data, Key="data/flight-delays/1.csv")
    assert freeze_dataset.handler(freeze_again, trained.context)["closed"] is True


def test_before_any_data_there_is_nothing_to_train(account):
    account.push()
    assert ask(account)["reason"] == "no data has arrived yet: drop some, and it trains"


def test_a_pause_and_the_budget_hold_for_people_as_well(trained):
    ledger.pause(MODEL, "paused by ana")
    assert ask(trained)["reason"] == "paused by ana"


def test_a_request_that_comes_twice_is_answered_once(trained):
    first = ask(trained, again=True)
    assert first["go"] is True
    assert ask(trained, again=True) == first
    # Nor does it begin anew what has ended meanwhile.
    trained.client("stepfunctions").stop_execution(executionArn=first["execution"])
    arrivals.note_outcome(MODEL, 1, "failed")
    assert ask(trained, again=True) == first
    assert arrivals.closed_window(MODEL, 1).outcome == "failed"
    assert len(requests(trained)) == 1


@pytest.mark.parametrize(
    ("client", "dies_at"),
    [(clients.dynamodb, "TransactWriteItems"), (clients.stepfunctions, "StartExecution")],
)
def test_a_request_that_died_half_way_is_granted_and_begun_once(trained, client, dies_at):
    trained.answer(client(), dies_at, 500, Error={"Code": "InternalFailure", "Message": "busy"})
    with pytest.raises(NotReady):
        ask(trained, again=True)
    trained.answer_as_before()
    trained.answer(
        clients.sagemaker(), "ListPipelineExecutions", 200, PipelineExecutionSummaries=[]
    )
    assert ask(trained, again=True)["go"] is True
    (decision,) = requests(trained)
    assert decision["go"] is True
    assert decision["facts"]["execution"].endswith("flight-delays-w1-a2")
    assert trained.executions("train")[-1] == "flight-delays-w1-a2"


def test_two_people_who_ask_at_the_same_time_ask_twice(trained):
    ask(trained, again=True)
    bob = ask(trained, again=True, actor="arn:aws:iam::123456789012:user/bob")
    assert bob["reason"] == "flight-delays-w1-a2 is about to train what has arrived"
    assert [decision["go"] for decision in requests(trained)] == [True, False]


def test_a_request_without_a_reason_is_refused(account):
    account.push()
    with pytest.raises(BadInput, match="reason: empty"):
        ask(account, reason=" ")


def test_a_model_that_trains_by_the_clock_has_a_schedule_until_its_spec_has_none(account):
    account.push(data=account.bundle(f"{SPEC}[retrain]\n{SCHEDULED}\n"))
    assert schedules.state(MODEL, schedules.TRAIN) == "ENABLED"
    account.drop(account.bring("data/flight-delays/a.csv"))
    assert tick(account)["go"] is True
    (decision,) = requests(account)
    assert decision["facts"]["cause"] == "schedule"

    schedules.remove(MODEL, schedules.TRAIN)
    reconcile.handler({"time": "2026-11-21T07:00:00Z"}, account.context)
    assert schedules.state(MODEL, schedules.TRAIN) == "ENABLED"

    account.push()
    assert schedules.state(MODEL, schedules.TRAIN) is None
    assert tick(account, "2026-11-22T06:00:00Z")["reason"] == "[retrain] has no schedule any more"


def test_a_tick_trains_nothing_that_was_trained_already(trained):
    trained.push(data=trained.bundle(f"{SPEC}[retrain]\n{SCHEDULED}\n"))  # other code: it trains
    assert start(trained, 1, attempt=2)["started"] is True
    finish(trained, 1, RUN, attempt=2)
    assert "the same data and code were trained" in tick(trained)["reason"]


def test_a_window_that_is_held_says_what_lets_it_go_on(account):
    account.push()
    freeze(account, 1)
    account.client("stepfunctions").stop_execution(executionArn=f"{EXECUTIONS}-w1-a1")
    lacks = Trouble("quota", "the quota is 0", quota="ml.m5.large for training", retry=False)
    shortages.meet(ledger.installed(MODEL), TRAINING, "1", lacks, moment("2030-01-01T00:00:00Z"))
    found = ask(account)
    assert (found["go"], account.executions("train")) == (False, ["flight-delays-w1-a1"])
    assert found["reason"].endswith("everloop resume flight-delays")


def test_a_schedule_that_aws_refuses_leaves_none_of_a_model_that_is_not_installed(account):
    def only_the_first(params, **_):
        if params["Name"].endswith("-train"):
            raise BadInput("retrain.schedule: there is no such day")

    account.meanwhile(clients.scheduler(), "CreateSchedule", only_the_first)
    pushed = account.push(data=account.bundle(f"{SPEC}[retrain]\n{SCHEDULED}\n"))
    assert pushed["go"] is False
    found = account.client("scheduler").list_schedules(GroupName="everloop")["Schedules"]
    assert found == []
