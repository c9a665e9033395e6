"""invoke, logs, open and review: what people ask of a model in a day."""

import json
import os
import stat
import sys
import time
from io import StringIO

import pytest
from functions.test_commands import MODEL, said, stack, told
from functions.test_explain_command import Endpoint

from everloop.aws import clients
from everloop_cli.door import open_stack
from everloop_cli.main import main

__all__ = ["stack"]
ROWS = "id,age,late\n" + "".join(f"{n},{20 + n},{n % 2}\n" for n in range(7))


@pytest.fixture
def served(stack, tmp_path):
    stack.register(approval="Approved")
    stack.serve(1)
    (tmp_path / "rows.csv").write_text(ROWS)
    open_stack()  # whose clients are answered for
    return stack


@pytest.fixture
def home(monkeypatch, tmp_path):
    """Where pages are brought, and no browser that would open them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state" / "everloop" / "reports" / "everloop" / MODEL


def test_rows_are_asked_in_requests_and_answers_stand_beside_them(served, tmp_path, capsys):
    endpoint = Endpoint(served, lambda row: float(row["age"]) / 100)
    found = told(capsys, "invoke", MODEL, str(tmp_path / "rows.csv"), "--batch", "3")
    assert (found["model"], found["version"]) == (MODEL, 1)
    assert found["answers"][6] == {"row": {"id": "6", "age": "26", "late": "0"}, "answer": ["0.26"]}
    assert [body.count("\n") - 1 for body in endpoint.bodies] == [3, 3, 1]
    assert endpoint.bodies[0].startswith("id,age\n0,20\n")  # the target is not sent
    shown = said(capsys, "invoke", MODEL, str(tmp_path / "rows.csv"), "--most", "2")
    assert f"{MODEL}, version 1 id age late answer 0 20 0 0.2 1 21 1 0.21" in shown


def test_standard_input_is_asked_as_a_file_is(served, monkeypatch, capsys):
    Endpoint(served, lambda row: "dog,0.2,0.8")
    monkeypatch.setattr(sys, "stdin", StringIO(ROWS))
    shown = said(capsys, "invoke", MODEL, "-", "--most", "1")
    assert "answer 1 answer 2 answer 3 0 20 0 dog 0.2 0.8" in shown


def test_what_cannot_be_answered_names_rows_and_the_log(served, tmp_path, capsys):
    endpoint = Endpoint(served, lambda row: 1)
    file = str(tmp_path / "rows.csv")
    endpoint.status = 500
    refusal = said(capsys, "invoke", MODEL, file, "--batch", "3", code=2)
    assert "did not answer rows 1 to 3 (500)" in refusal and "could not convert" in refusal
    assert f"everloop logs {MODEL} --endpoint" in refusal
    endpoint.status, endpoint.answer = 200, lambda row: "1\n1"
    assert "rows 1 to 7: 7 rows in, 14 lines out" in said(capsys, "invoke", MODEL, file, code=2)
    assert "cannot be read" in said(capsys, "invoke", MODEL, "nowhere.csv", code=2)


def test_where_nothing_serves_nothing_can_be_asked(stack, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text(ROWS)
    refusal = said(capsys, "invoke", MODEL, str(tmp_path / "rows.csv"), code=2)
    assert f"no endpoint of '{MODEL}' serves a version" in refusal
    assert f"everloop versions {MODEL}" in refusal


def printed(account, group, stream, *lines):
    logs = account.client("logs")
    name = f"/aws/sagemaker/{group}"
    if not logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
        logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + n, "message": line} for n, line in enumerate(lines)]
    logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)


@pytest.fixture
def trained(stack):
    """A run whose two jobs have printed something."""
    stack.client("sagemaker").start_pipeline_execution(
        PipelineName=MODEL,
        PipelineExecutionDisplayName=f"{MODEL}-w1-0123abcd",
        ClientRequestToken="0" * 32,
    )
    open_stack()
    arn = "arn:aws:sagemaker:us-east-1:123456789012"
    steps = [
        {
            "StepName": "Preprocess",
            "StepStatus": "Succeeded",
            "Metadata": {"ProcessingJob": {"Arn": f"{arn}:processing-job/prepare"}},
        },
        {
            "StepName": "Train",
            "StepStatus": "Failed",
            "Metadata": {"TrainingJob": {"Arn": f"{arn}:training-job/train"}},
        },
    ]
    listed = "ListPipelineExecutionSteps"
    stack.answer(clients.sagemaker(), listed, 200, PipelineExecutionSteps=steps)
    printed(stack, "ProcessingJobs", "prepare/algo-1", "3 rows")
    printed(stack, "TrainingJobs", "train/algo-1", "loss=1", "loss=[0.5]", "KeyError: 'x'")
    return stack


def test_a_runs_jobs_are_read_step_by_step(trained, capsys):
    shown = said(capsys, "logs", MODEL)
    assert f"run {MODEL}-w1-0123abcd" in shown
    assert "Preprocess 3 rows" in shown and "Train loss=[0.5]" in shown
    assert shown.index("3 rows") < shown.index("loss=1") < shown.index("KeyError")
    assert main(["logs", MODEL, "--run", f"{MODEL}-w1-0123abcd", "--most", "1", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(each["step"], each["job"], each["text"]) for each in lines] == [
        ("Preprocess", "prepare", "3 rows"),
        ("Train", "train", "KeyError: 'x'"),
    ]


def test_a_run_that_has_ended_is_followed_to_its_end(trained, capsys):
    assert said(capsys, "logs", MODEL, "-f").count("loss=1") == 1


def test_a_run_that_nobody_knows_and_a_model_that_never_trained_are_told(trained, stack, capsys):
    refusal = said(capsys, "logs", MODEL, "--run", "w9", code=2)
    assert "has no run 'w9' whose log is known" in refusal and f"everloop runs {MODEL}" in refusal


def test_a_model_that_was_never_trained_has_no_log(stack, capsys):
    refusal = said(capsys, "logs", MODEL, code=2)
    assert "was never trained" in refusal and f"everloop train {MODEL} --because" in refusal
    printed(stack, f"Endpoints/{MODEL}", "AllTraffic/i-1", "started", "400: no column x")
    assert "endpoint 400: no column x" in said(capsys, "logs", MODEL, "--endpoint")


def test_the_report_of_what_waits_is_brought_to_a_folder_of_ones_own(served, home, capsys):
    served.register(2)
    place = f"s3://{served.artefacts}/runs/{MODEL}/r2/evaluation/report.html"
    served.put(place, b"<html>two</html>")
    found = told(capsys, "open", MODEL)
    assert (found["title"], found["uri"]) == ("evaluation of version 2", place)
    path = home / "evaluation-of-version-2.html"
    assert found["path"] == str(path) and path.read_text() == "<html>two</html>"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert said(capsys, "open", MODEL, "2", "--print") == str(path)
    assert "no browser is known here" in said(capsys, "open", MODEL)


def test_a_browser_is_given_the_file(served, home, tmp_path, monkeypatch, capsys):
    served.put(f"s3://{served.artefacts}/runs/{MODEL}/r1/evaluation/report.html", b"<html>")
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    assert "no browser" not in said(capsys, "open", MODEL)
    assert seen.read_text().strip() == (home / "evaluation-of-version-1.html").as_uri()


def test_the_page_of_a_run_that_failed_is_its_data(trained, home, capsys):
    assert "left no report" in said(capsys, "open", MODEL, f"{MODEL}-w1-0123abcd", code=2)
    sagemaker = trained.client("sagemaker")
    listed = sagemaker.list_pipeline_executions(PipelineName=MODEL)["PipelineExecutionSummaries"]
    execution = listed[0]["PipelineExecutionArn"].rpartition("/")[2]
    trained.put(f"s3://{trained.artefacts}/runs/{MODEL}/{execution}/files/data.html", b"<html>")
    found = told(capsys, "open", MODEL, f"{MODEL}-w1-0123abcd")
    assert found["uri"].endswith("files/data.html")


def test_a_page_of_the_folders_own_comes_in_a_frame_that_cannot_act(served, home, capsys):
    folder = f"s3://{served.artefacts}/runs/{MODEL}/r1/evaluation"
    hostile = b"<p>Drift</p><script>fetch('//x')</script>\"></iframe><script>top.x=1</script>"
    served.put(f"{folder}/drift.html", hostile)
    found = told(capsys, "open", MODEL, "drift.html")
    assert found["title"] == "drift of version 1"
    page = (home / "drift-of-version-1.html").read_text()
    assert page.count("<iframe") == 1 and page.count("<script") == 0
    assert '<iframe sandbox="allow-scripts" srcdoc="&lt;p&gt;Drift' in page
    assert "default-src 'none'" in page and "connect-src" not in page


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["none.html"], "wrote no 'none.html'; pages of its own: none"),
        (["9"], "has no version 9; it has [1]"),
        (["comparison"], "has no report of its comparison: nothing served that it was compared"),
        (["look"], "the monitor has not looked yet"),
        (["evalution"], "is no version, run or kind of report"),
        (["1"], "is not there any more"),
    ],
)
def test_a_page_that_is_not_there_is_told_with_what_is(served, home, capsys, words, why):
    assert why in said(capsys, "open", MODEL, *words, code=2)


def test_without_a_version_there_is_no_report(stack, home, capsys):
    assert "has no version yet" in said(capsys, "open", MODEL, code=2)


def test_a_review_shows_numbers_report_and_what_an_approval_does(served, home, capsys):
    served.register(2)
    served.put(f"s3://{served.artefacts}/runs/{MODEL}/r2/evaluation/report.html", b"<html>")
    found = told(capsys, "review", MODEL)
    assert (found["version"], found["against"]) == (2, 1)
    assert found["metrics"]["auc"]["value"] == 0.71
    assert found["will"] == "version 2 will be tested and released in place of version 1"
    assert found["report"] == str(home / "evaluation-of-version-2.html")
    shown = said(capsys, "review", MODEL, code=2)
    assert f"{MODEL} version 2 against version 1: PendingManualApproval" in shown
    assert "this is no terminal" in shown and "--approve --reason WHY, or --reject" in shown


def test_a_review_ends_with_a_persons_word(served, home, capsys):
    arn = served.register(2)
    shown = said(capsys, "review", MODEL, "--reject", "--reason", "drifts")
    assert "reject version 2" in shown and "version 2 of flight-delays is rejected" in shown
    assert served.approval(arn) == "Rejected"
    assert "no version of 'flight-delays' waits" in said(capsys, "review", MODEL, code=2)
    said(capsys, "review", MODEL, "--version", "2", "--approve", "--reason", "looked again")
    assert served.approval(arn) == "Approved"


@pytest.mark.parametrize(("typed", "approval"), [("approve", "Approved"), ("leave", "Pending")])
def test_on_a_terminal_it_asks(served, home, monkeypatch, capsys, typed, approval):
    arn = served.register(2)
    master, slave = os.openpty()
    os.write(master, f"{typed}\nbetter\n".encode())
    with os.fdopen(slave, "r") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        said(capsys, "review", MODEL)
    os.close(master)
    assert served.approval(arn).startswith(approval)
