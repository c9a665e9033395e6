"""Files that the job put down as bad are told, remembered, and hold nothing up."""

import json

import pytest

import finish_training
import freeze_dataset
import reconcile
from everloop.aws import arrivals, clients, ledger, objects, storage
from everloop.decisions.governor import useless_in_a_row
from everloop.moments import moment
from everloop.records.lease import TRAINING
from everloop.records.run import BELOW_BARS, FAILED, RUNNING, Run

MODEL = "flight-delays"
NOW = moment("2026-11-20T12:00:00Z")
MACHINE = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays-w1-a1"
PIPELINE = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flight-delays/execution/run1"
ENDED = {"started": True, "run": PIPELINE, "package_arn": "", "reason": "x", "status": "Failed"}


def key(name):
    return f"data/{MODEL}/{name}.csv"


def freeze(account, window=1):
    request = {"model": MODEL, "window": window, "cause": "data", "time": "2026-11-20T12:00:00Z"}
    return freeze_dataset.handler(request, account.context)


def keys_of(answer):
    return [entry["key"] for entry in storage.read_json(answer["dataset_uri"])["objects"]]


def finish(account, **run):
    request = account.request(
        "machine-finish-training", window=1, execution=MACHINE, run={**ENDED, **run}
    )
    return finish_training.handler(request, account.context)


@pytest.fixture
def trained(account):
    """A window of three objects is frozen, and its run is under way."""
    account.push()
    account.drop(*[account.bring(key(name)) for name in "abc"])
    digest = freeze(account)["dataset_digest"]
    ledger.take_lease(MODEL, TRAINING, MACHINE, 1, NOW, NOW.replace(month=12))
    bundle = ledger.installed(MODEL).bundle_digest
    run = Run(f"{MODEL}-w1-0123abcd", digest, bundle, "data", NOW, RUNNING)
    ledger.put_run(MODEL, Run(**{**vars(run), "execution": MACHINE.rpartition(":")[2]}))
    client = clients.sagemaker()
    account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[])
    return account


def put_down(account, outcome="ok", report=None, **status):
    """Write files.json as the run's job does."""
    came = {a.key: a.version_id for a in arrivals.arrivals(MODEL, [1])[1]}
    rows = [
        {
            "key": key(name),
            "version_id": came[key(name)],
            "status": what,
            "reason": f"{key(name)}: row 3 has 2 fields, its header 3" if what != "used" else "",
            "rows": 9,
        }
        for name, what in status.items()
    ]
    found = {"version": 1, "model": MODEL, "outcome": outcome, "objects": rows, "report": report}
    found |= {"why": "bad data: 3 of 3" if outcome != "ok" else "", "counts": {"used": 2}}
    account.put_json(f"s3://{account.artefacts}/runs/{MODEL}/run1/files/files.json", found)


def test_what_was_set_aside_is_told_and_in_no_later_dataset(trained):
    put_down(trained, a="used", b="used", c="set-aside")
    answer = finish(trained, failed_step="BelowBars")
    assert answer["outcome"] == "below-bars"
    (state,) = objects.states(MODEL).values()
    assert (state.key, state.state, state.by) == (key("c"), "set-aside", "run run1")
    decision = next(d for d in trained.decisions() if d["kind"] == "set-aside")
    assert key("c") in decision["reason"]
    assert "flight-delays: 1 file was set aside" in trained.mails()
    trained.drop(trained.bring(key("d")))
    assert keys_of(freeze(trained, window=2)) == [key("a"), key("b"), key("d")]


def test_files_without_data_are_told_with_the_end_of_the_training(trained):
    put_down(trained, a="used", b="used", c="no-data")
    finish(trained, status="Succeeded", package_arn=trained.register())
    ended = next(d for d in trained.decisions() if d["kind"] == "train-end")
    assert ended["reason"].endswith("; 1 files without data were left out")
    assert ended["facts"]["files"] == {"used": 2}
    assert objects.states(MODEL) == {}


def test_a_dataset_whose_files_are_all_bad_ends_told_and_counts_as_no_failure(trained):
    put_down(trained, "bad-files", a="set-aside", b="set-aside", c="set-aside")
    answer = finish(trained, failed_step="Preprocess")
    assert (answer["outcome"], answer["ok"]) == ("bad-files", True)
    assert arrivals.closed_window(MODEL, 1).outcome == "bad-files"
    assert len(objects.states(MODEL)) == 3
    assert trained.mails() == ["flight-delays: nothing was trained of window 1: its files are bad"]
    assert useless_in_a_row(ledger.runs(MODEL)) == 0


def test_the_message_links_to_the_data_report(trained):
    put_down(trained, "bad-files", a="refused", b="refused", c="refused", report="data.html")
    finish(trained, failed_step="Preprocess")
    received = trained.client("sqs").receive_message(QueueUrl=trained.mail)["Messages"]
    text = json.loads(received[0]["Body"])["Message"]
    assert f"s3://{trained.artefacts}/runs/{MODEL}/run1/files/data.html" in text


def test_after_bad_files_the_next_data_is_trained(trained):
    put_down(trained, "bad-files", a="set-aside", b="set-aside", c="set-aside")
    finish(trained, failed_step="Preprocess")
    trained.drop(trained.bring(key("d")))
    assert trained.executions("train") == ["flight-delays-w1-a1", "flight-delays-w2-a1"]
    assert keys_of(freeze(trained, window=2)) == [key("d")]


def test_a_run_refused_for_its_files_is_another_end_than_a_failure(trained):
    put_down(trained, "bad-files", a="used", b="refused", c="used")
    assert finish(trained, failed_step="Preprocess")["reason"] == "bad data: 3 of 3"
    assert objects.states(MODEL) == {}  # by [data] bad_files = "refuse" the owner decides


def test_bad_files_neither_count_nor_end_a_row_of_useless_runs():
    def run(minute, outcome):
        return Run("r", "d", "b", "data", NOW.replace(minute=minute), outcome)

    runs = [run(1, FAILED), run(2, "bad-files"), run(3, BELOW_BARS)]
    assert useless_in_a_row(runs) == 2


def test_a_run_that_failed_while_its_data_was_deleted_is_tried_again_without_it(trained):
    trained.drop(trained.take_out(key("b")))
    answer = finish(trained, failed_step="Preprocess")
    assert answer["outcome"] == "failed"
    assert arrivals.closed_window(MODEL, 1).outcome is None  # not answered yet
    assert keys_of(freeze(trained)) == [key("a"), key("c")]
    finish(trained, failed_step="Preprocess")
    assert arrivals.closed_window(MODEL, 1).outcome == "failed"  # it was not for want of its data


@pytest.mark.parametrize("seen_by", ["its machine", "reconcile"])
def test_what_failed_for_its_code_is_trained_with_that_of_a_push_meanwhile(trained, seen_by):
    put_down(trained, "bad-files", a="used", b="refused", c="used")
    spec = 'problem = "binary_classification"\n[data]\ntarget = "late"\nbad_files = "refuse"\n'
    trained.push(data=trained.bundle(spec))  # with other rules for the same files
    assert trained.executions("train") == ["flight-delays-w1-a1"]  # whose end looks at it
    if seen_by == "its machine":
        finish(trained, failed_step="Preprocess")
    else:
        one = {
            "PipelineExecutionArn": PIPELINE,
            "PipelineExecutionDisplayName": f"{MODEL}-w1-0123abcd",
            "StartTime": NOW,
            "PipelineExecutionStatus": "Failed",
        }
        client = clients.sagemaker()
        trained.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=[one])
        ended = {"PipelineArn": PIPELINE.partition("/execution")[0], "CreationTime": NOW}
        ended["PipelineExecutionStatus"] = "Failed"
        trained.answer(client, "DescribePipelineExecution", 200, **ended)
        trained.client("stepfunctions").stop_execution(executionArn=MACHINE)
        trained.client("scheduler").delete_schedule(  # of one that was updated moto knows no state
            GroupName="everloop", Name=f"everloop-{MODEL}-monitor"
        )
        reconcile.handler({"time": "2026-11-20T13:00:00Z"}, trained.context)
    assert trained.executions("train") == ["flight-delays-w1-a1", "flight-delays-w1-a2"]
    if seen_by == "its machine":  # and once only
        begun = ledger.runs(MODEL)[0]
        tried = Run(
            f"{MODEL}-w1-89abcdef",
            begun.dataset_digest,
            ledger.installed(MODEL).bundle_digest,
            "data",
            NOW,
            RUNNING,
            execution="flight-delays-w1-a2",
        )
        ledger.put_run(MODEL, tried)
        request = trained.request(
            "machine-finish-training",
            window=1,
            execution=MACHINE.replace("a1", "a2"),
            run={**ENDED, "failed_step": "Preprocess"},
        )
        finish_training.handler(request, trained.context)
        assert trained.executions("train") == ["flight-delays-w1-a1", "flight-delays-w1-a2"]


def test_files_that_this_run_set_aside_are_no_reason_to_try_again(trained):
    put_down(trained, a="used", b="used", c="set-aside")
    finish(trained, failed_step="Train")
    arrivals.clear_outcome(MODEL, 1, "failed")  # as if it had died before it wrote that down
    finish(trained, failed_step="Train")
    assert arrivals.closed_window(MODEL, 1).outcome == "failed"


def test_a_wait_for_aws_whose_data_is_deleted_meanwhile_gives_its_lease_back(trained):
    trained.drop(*[trained.take_out(key(name)) for name in "abc"])
    assert freeze(trained)["empty"] is True
    run = {"started": False, "nothing_left": True, "reason": "nothing is left to train on"}
    request = trained.request("machine-finish-training", window=1, execution=MACHINE, run=run)
    answer = finish_training.handler(request, trained.context)
    assert (answer["outcome"], answer["ok"]) == ("nothing-left", True)
    assert arrivals.closed_window(MODEL, 1).outcome == "nothing-left"
    assert ledger.lease(MODEL, TRAINING).holder == ""


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(b"no JSON", id="no JSON"),
        pytest.param(b'{"objects": [1, {"key": 5}], "counts": []}', id="no record"),
        pytest.param(b"[" * 50_000, id="nested too deeply"),
        pytest.param(
            json.dumps(
                {
                    "objects": [
                        {
                            "key": "data/another/x.csv",
                            "version_id": "v",
                            "status": "set-aside",
                            "reason": "",
                        }
                    ]
                }
            ).encode(),
            id="of another model's file",
        ),
    ],
)
def test_what_is_no_record_of_files_changes_nothing(trained, written):
    trained.put(f"s3://{trained.artefacts}/runs/{MODEL}/run1/files/files.json", written)
    assert finish(trained, failed_step="Train")["outcome"] == "failed"
    assert objects.states(MODEL) == {}
    assert objects.states("another") == {}


def test_a_drop_that_holds_only_a_marker_ends_in_a_decision_that_says_so(account):
    account.push()
    account.drop(account.bring(f"data/{MODEL}/_SUCCESS", b""))
    assert account.decisions()[-1]["kind"] == "install"  # its data may be on its way
    for minute in (30, 35):
        reconcile.handler({"time": f"2026-11-20T10:{minute}:00Z"}, account.context)
    (told,) = [d for d in account.decisions() if d["kind"] == "collect"]
    assert told["go"] is False
    assert "the marker 'data/flight-delays/_SUCCESS' came, and no data with it" in told["reason"]
    assert account.mails() == ["flight-delays: a drop held only its marker"]


def test_data_for_a_model_that_is_not_installed_is_told_once(account):
    account.drop(account.bring("data/unknown/a.csv"))
    account.drop(account.bring("data/unknown/b.csv"))
    assert account.mails() == ["unknown: data came for a model that is not installed"]


def failed(account, outcome="failed"):
    arrivals.note_outcome(MODEL, 1, outcome)
    run = ledger.runs(MODEL)[0]
    ledger.put_run(MODEL, Run(**{**vars(run), "outcome": outcome}))
    ledger.free_lease(MODEL, TRAINING, MACHINE)


@pytest.mark.parametrize("outcome", ["failed", "below-bars", "stopped", "bad-files"])
def test_a_push_of_other_code_trains_again_what_failed(trained, outcome):
    failed(trained, outcome)
    trained.push(data=trained.bundle(keep="keep = 9"))
    assert arrivals.closed_window(MODEL, 1).outcome is None
    assert trained.executions("train") == ["flight-delays-w1-a1", "flight-delays-w1-a2"]


def test_a_push_of_the_same_code_trains_nothing_again(trained):
    failed(trained)
    trained.push()
    assert trained.executions("train") == ["flight-delays-w1-a1"]


def test_a_push_trains_nothing_again_that_went_well(trained):
    failed(trained, "registered")
    trained.push(data=trained.bundle(keep="keep = 9"))
    assert trained.executions("train") == ["flight-delays-w1-a1"]
