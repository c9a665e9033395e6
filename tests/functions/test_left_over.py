"""Data that was frozen and not trained on is trained on, unless a later dataset brought it."""

import pytest

import finish_training
import freeze_dataset
import start_training
from everloop import names
from everloop.aws import arrivals, clients, ledger
from everloop.moments import moment
from everloop.records.lease import TRAINING
from everloop.records.run import DATA, REGISTERED, Run

EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays"
NOW = moment("2026-11-20T10:15:30Z")
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flight-delays/execution/r1"
RUN = {"started": True, "run": ARN, "status": "Failed", "failed_step": "BelowBars"}


def freeze(account, window):
    account.drop(account.bring(f"data/flight-delays/{window}.csv", b"%d" % window))
    request = account.request("machine-freeze-dataset", window=window, time="2026-11-20T11:00:00Z")
    assert freeze_dataset.handler(request, account.context)["closed"] is True


def start(account, window, attempt=1):
    name = f"flight-delays-w{window}-a{attempt}"
    request = account.request(
        "machine-start-training",
        window=window,
        execution=f"{EXECUTIONS}-w{window}-a{attempt}",
        token=account.token("train", name),
        dataset_digest=arrivals.closed_window("flight-delays", window).digest,
    )
    return start_training.handler(request, account.context)


def finish(account, window, run, attempt=1):
    request = account.request(
        "machine-finish-training",
        window=window,
        execution=f"{EXECUTIONS}-w{window}-a{attempt}",
        run={"reason": "", "package_arn": "", **run},
    )
    finish_training.handler(request, account.context)


@pytest.fixture
def overtaken(account):
    """Install a model that keeps so many windows; window 2 is trained, window 1 is not."""

    def go(keep):
        account.push(data=account.bundle(keep=keep))
        freeze(account, 1)
        freeze(account, 2)
        client = clients.sagemaker()
        account.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=[])
        account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[])
        assert start(account, 2)["started"] is True
        finish(account, 2, RUN)

    return go


def test_an_older_window_that_the_next_dataset_does_not_keep_is_trained_after_it(
    overtaken, account
):
    overtaken("keep = 1")
    assert start(account, 1, attempt=2)["started"] is True
    assert ledger.lease("flight-delays", TRAINING).holder == f"{EXECUTIONS}-w1-a2"


def test_a_window_that_comes_too_late_is_refused_for_good_where_a_later_one_brought_its_data(
    overtaken, account
):
    overtaken("")
    answer = start(account, 1)
    reason = "its data is in the dataset of window 2, which was trained on since"
    assert answer == {"started": False, "reason": reason}
    assert ledger.lease("flight-delays", TRAINING).holder == ""
    finish(account, 1, {**answer, "later": False})
    assert arrivals.closed_window("flight-delays", 1).outcome == "refused"


def test_a_version_is_not_forgotten_while_its_training_is_ended_once_more(account):
    account.push()
    freeze(account, 1)
    installed = ledger.installed("flight-delays")
    fingerprint = (arrivals.closed_window("flight-delays", 1).digest, installed.bundle_digest)
    name = names.training_run("flight-delays", 1, *fingerprint)
    ended = Run(name, *fingerprint, DATA, NOW, REGISTERED, ended_at=NOW, rows=900)
    ledger.put_run("flight-delays", ended)
    client = clients.sagemaker()
    account.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=[])
    account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[])
    assert start(account, 1, attempt=2)["started"] is True
    found = ledger.runs("flight-delays")
    assert [(run.outcome, run.rows, run.execution) for run in found] == [
        (REGISTERED, 900, "flight-delays-w1-a2")
    ]
