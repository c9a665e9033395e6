"""Versions, trainings, and two versions side by side: what people read, and programs get."""

import json
import time

from functions.conftest import SPEC
from functions.test_commands import MODEL, said, stack, told

from everloop.aws import ledger
from everloop.moments import moment
from everloop.records.run import Run

__all__ = ["stack"]
AT = "2026-11-20T10:20:00Z"


def evaluation(account, version, rows=900, **metrics):
    uri = f"s3://{account.artefacts}/runs/{MODEL}/r{version}/evaluation/evaluation.json"
    account.put_json(uri, {"rows": rows, "metrics": metrics})


def made(account, version, objects, **train):
    """Register a version of its own data and code."""
    place = f"s3://{account.artefacts}"
    dataset = f"{place}/datasets/{MODEL}/d{version}.json"
    entries = [{"key": f"data/{MODEL}/{name}", "etag": name} for name in objects]
    account.put_json(dataset, {"objects": entries})
    account.register(
        version,
        **{
            "dataset-uri": dataset,
            "bundle-digest": f"code{version}",
            "bundle-uri": f"{place}/bundles/{MODEL}/b{version}/bundle.tar.gz",
            "cause": "data",
            "run": f"r{version}",
        },
    )
    spec = {"problem": "regression", "train": {"hyperparameters": train}}
    account.put_json(f"{place}/bundles/{MODEL}/b{version}/spec.json", spec)


def test_versions_are_listed_with_their_metrics_and_intervals(stack, capsys):
    stack.register(approval="Approved")
    stack.serve(1)
    evaluation(stack, 1, auc={"value": 0.71, "low": 0.7, "high": 0.72}, f1={"value": 0.5})
    stack.register(2)
    evaluation(stack, 2, auc={"value": 0.74})
    found = told(capsys, "versions", MODEL)
    assert [each["version"] for each in found["versions"]] == [2, 1]
    assert found["versions"][1]["serves"] is True
    assert found["versions"][1]["metrics"]["auc"] == {"value": 0.71, "low": 0.7, "high": 0.72}
    shown = said(capsys, "versions", MODEL)
    assert "0.71 (0.7 to 0.72) 0.5 serves" in shown


def test_only_the_newest_are_read_and_it_says_so(stack, capsys):
    for version in (1, 2, 3):
        stack.register(version)
    found = told(capsys, "versions", MODEL, "--most", "2")
    assert ([each["version"] for each in found["versions"]], found["there"]) == ([3, 2], 3)
    assert "(the newest 2 of 3)" in said(capsys, "versions", MODEL, "--most", "2")


def test_a_version_whose_evaluation_is_gone_or_no_document_is_listed_all_the_same(stack, capsys):
    stack.register(1)
    stack.register(2)
    place = f"s3://{stack.artefacts}/runs/{MODEL}"
    stack.put(f"{place}/r1/evaluation/evaluation.json", b"no JSON")
    evaluation(stack, 2, auc={"value": None}, f1="none")
    found = told(capsys, "versions", MODEL)["versions"]
    assert [each["metrics"] for each in found] == [{}, {}]


def test_trainings_are_listed_with_why_and_on_what(stack, capsys):
    run = Run(f"{MODEL}-w1-01234567", "data1", "code1", "request", moment(AT), "registered")
    ledger.put_run(MODEL, run)
    (found,) = told(capsys, "runs", MODEL)["runs"]
    assert (found["cause"], found["dataset"], found["code"]) == ("request", "data1", "code1")
    assert f"{run.name} registered" in said(capsys, "runs", MODEL)


def test_two_versions_are_shown_side_by_side_with_what_changed(stack, capsys):
    made(stack, 1, ["a.csv"], max_iter=100, depth=3)
    made(stack, 2, ["a.csv", "b.csv"], max_iter=200)
    evaluation(stack, 1, rows=900, rmse={"value": 4.0}, mae={"value": 2.0})
    evaluation(stack, 2, rows=950, rmse={"value": 3.5}, r2={"value": 0.9})
    found = told(capsys, "compare", MODEL, "1", "2")
    assert {each["metric"]: each["change"] for each in found["metrics"]} == {
        "rmse": -0.5,
        "mae": None,
        "r2": None,
    }
    assert (found["rows"], found["added"], found["removed"]) == ([900, 950], 1, 0)
    assert [(each["key"], each["first"], each["second"]) for each in found["changed"]] == [
        ("train.hyperparameters.depth", 3, None),
        ("train.hyperparameters.max_iter", 100, 200),
    ]
    shown = said(capsys, "compare", MODEL, "1", "2")
    assert "rmse 4 3.5 -0.5" in shown
    assert "1 objects came, 0 went" in shown
    assert "The judge has not compared these two on the same rows." in shown


def test_what_the_judge_found_on_the_same_rows_is_shown_with_it(stack, capsys):
    from everloop.aws import journal
    from everloop.chain import Entry

    made(stack, 1, ["a.csv"])
    made(stack, 2, ["a.csv"])
    facts = {"version": 2, "champion": 1, "comparison": {"gain": 0.03}}
    reason = "auc gains +0.0300"
    entry = Entry("judge:2", MODEL, AT, "judge", True, reason, facts)
    journal.append(entry)
    shown = said(capsys, "compare", MODEL, "1", "2")
    assert "version 2 against 1 on the same rows: auc gains +0.0300" in shown


def test_a_version_that_is_not_there_is_named_with_those_that_are(stack, capsys):
    stack.register(1)
    refusal = said(capsys, "compare", MODEL, "1", "7", code=2)
    assert "has no version 7; it has [1]" in refusal


def test_a_program_reads_what_people_read(stack, capsys):
    stack.register(1)
    assert json.loads(json.dumps(told(capsys, "runs", MODEL))) == {
        "model": MODEL,
        "runs": [],
        "there": 0,
        "curves": [],
    }


def ran(name, at, **more):
    run = Run(name, "d", "c", "data", moment(at), "registered", ended_at=moment(at), **more)
    ledger.put_run(MODEL, run)


def test_each_metric_is_a_line_from_run_to_run(stack, capsys):
    for day, auc in enumerate((0.6, 0.7, 0.65, 0.8), 1):
        ran(f"{MODEL}-w{day}-0123abcd", f"2026-11-{day:02}T10:00:00Z", metrics={"auc": auc})
    shown = said(capsys, "runs", MODEL)
    assert "auc ▁▄▃█ 0.6 0.8 0.6 to 0.8 4" in shown
    assert told(capsys, "runs", MODEL)["curves"] == [
        {"metric": "auc", "values": [0.6, 0.7, 0.65, 0.8]}
    ]


def test_what_a_run_printed_is_drawn_from_its_log(stack, capsys):
    spec = f'{SPEC}[track]\nmetrics = ["loss", "val_loss"]\n'
    stack.push(data=stack.bundle(spec))
    ran(f"{MODEL}-w1-0123abcd", "2026-11-01T10:00:00Z", job="job-1")
    logs = stack.client("logs")
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    names = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamName": "job-1/algo-1"}
    logs.create_log_stream(**names)
    lines = ["epoch 1 loss=1.0 val_loss=2.5", "nothing", "epoch 2 loss=0.5 val_loss: 1.5e0"]
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": line} for n, line in enumerate(lines)]
    logs.put_log_events(**names, logEvents=events)
    assert told(capsys, "runs", MODEL, "--curve")["curves"] == [
        {"metric": "loss", "values": [1.0, 0.5]},
        {"metric": "val_loss", "values": [2.5, 1.5]},
    ]
    assert "loss █▁ 1 0.5 0.5 to 1 2" in said(capsys, "runs", MODEL, "--curve")


def test_a_curve_that_nobody_can_draw_is_refused_with_the_reason(stack, capsys):
    stack.push()
    assert "no run whose training job is known" in said(capsys, "runs", MODEL, "--curve", code=2)
    ran(f"{MODEL}-w1-0123abcd", "2026-11-01T10:00:00Z", job="job-1")
    assert "[track] metrics names none" in said(capsys, "runs", MODEL, "--curve", code=2)
    assert "has no run 'other'" in said(capsys, "runs", MODEL, "--curve", "other", code=2)
