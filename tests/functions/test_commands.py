"""The command against a stack: what people type, what they read, and what programs get."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import install_model
from everloop.aws import clients, journal, ledger, removals, settings, storage
from everloop.chain import Entry
from everloop.moments import moment
from everloop.records.removal import Removal
from everloop.records.run import Run
from everloop_cli.door import open_stack
from everloop_cli.main import main
from everloop_cli.subcommands import watch as watching

MODEL = "flight-delays"
NOW = "2026-11-20T10:20:00Z"


@pytest.fixture
def stack(account):
    account.describe_stack()
    account.push()
    return account


def told(capsys, *words, code=0):
    """Return what a command says as JSON, having seen that it ends as it should."""
    capsys.readouterr()
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def said(capsys, *words, code=0):
    capsys.readouterr()
    assert main(words) == code
    found = capsys.readouterr()
    return " ".join((found.out + found.err).split())


@pytest.mark.parametrize("command", ["status", "watch", "why", "approve", "drop", "pause", "label"])
def test_a_model_that_is_not_installed_is_named_with_those_that_are(stack, command, capsys):
    files = ["/dev/null"] if command in ("drop", "label") else []
    refusal = said(capsys, command, "flight-delay", *files, code=2)
    assert "flight-delay'" in refusal and f"did you mean '{MODEL}'?" in refusal
    assert f"Installed: {MODEL}" in refusal


def test_a_stack_that_is_not_there_is_named(stack, capsys):
    refusal = said(capsys, "status", "--stack", "trial", code=2)
    assert "no stack 'trial' here" in refusal and "--stack NAME" in refusal


def test_status_shows_what_serves_and_what_waits(stack, capsys):
    stack.register(approval="Approved")
    stack.serve(1)
    stack.register(2)
    (row,) = told(capsys, "status")
    assert (row["model"], row["serves"], row["newest"]) == (MODEL, 1, 2)
    assert (row["run"], row["last"]["kind"]) == (None, "install")
    assert row["approval"] == "PendingManualApproval"
    text = said(capsys, "status", MODEL)
    assert "Models" in text and "Versions" in text and "Decisions" in text


def test_status_of_a_stack_without_models_says_none(account, capsys):
    account.describe_stack()
    assert told(capsys, "status") == []
    assert "Models: none" in said(capsys, "status")


def test_a_drop_is_uploaded_and_told(stack, tmp_path, capsys):
    (tmp_path / "jan.csv").write_text("id,late,x\n" + "".join(f"{n},{n % 2},1\n" for n in range(9)))
    done = told(capsys, "drop", MODEL, str(tmp_path / "jan.csv"), "--prefix", "2013/", "--anyway")
    assert (done["files"], done["to"]) == (1, f"s3://{stack.data}/data/{MODEL}/")
    found = stack.client("s3").list_objects_v2(Bucket=stack.data, Prefix="data/")["Contents"]
    assert [each["Key"] for each in found] == [f"data/{MODEL}/2013/jan.csv"]


def test_pause_without_a_model_asks_which(stack, capsys):
    assert "say which: everloop pause MODEL, or --all" in said(capsys, "pause", code=2)
    assert "or --all" in said(capsys, "resume", MODEL, "--all", code=2)


def test_an_unknown_queue_is_refused_with_those_there_are(stack, capsys):
    refusal = said(capsys, "redrive", "faild", code=2)
    assert "failed" in refusal and "undelivered" in refusal and "arrivals-dead" in refusal


def test_data_list_tells_programs_the_newest_dataset(stack, capsys):
    found = told(capsys, "data", "list", MODEL)
    assert found == {"model": MODEL, "dataset": None, "next_dataset": None, "objects": []}
    assert f"nothing of {MODEL} was withdrawn" in said(capsys, "data", "list", MODEL)


def test_a_key_that_is_not_there_is_named(stack, capsys):
    refusal = said(capsys, "data", "undrop", MODEL, "gone.csv", code=2)
    assert f"data/{MODEL}/gone.csv is not there" in refusal


def test_watch_streams_a_line_for_each_decision(stack, monkeypatch, capsys):
    """One pass over the decisions; then Ctrl-C, as a person ends it."""

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching.time, "sleep", stop)
    capsys.readouterr()
    assert main(["watch", MODEL, "--since-start", "--json"]) == 130
    found = capsys.readouterr()
    lines = [json.loads(line) for line in found.out.splitlines()]
    made = list(journal.decisions(MODEL))
    assert [line["seq"] for line in lines] == [each["seq"] for each in made]
    assert {line["model"] for line in lines} == {MODEL}
    assert all(json.loads(line)["progress"] for line in found.err.splitlines())


def test_watch_shows_people_a_line_for_each_decision(stack, monkeypatch, capsys):
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watching.time, "sleep", stop)
    shown = said(capsys, "watch", "--since-start", code=130)
    assert f"{MODEL} ✓ install" in shown
    # Without it, only what comes from here on.
    shown = said(capsys, "watch", code=130)
    assert f"watching {MODEL}; Ctrl-C ends it" in shown and "install" not in shown


def test_a_models_page_as_json_has_all_that_is_shown(stack, capsys):
    stack.register(approval="Approved")
    stack.serve(1)
    page = told(capsys, "status", MODEL)
    assert page["model"]["serves"] == 1
    assert [each["status"] for each in page["endpoints"]] == ["InService"]
    assert [(each["version"], each["serves"]) for each in page["versions"]] == [(1, True)]
    assert [each["kind"] for each in page["decisions"]] == ["install"]
    assert (page["runs"], page["releases"], page["looks"], page["attention"]) == ([], [], [], [])


def test_a_run_under_way_is_shown_with_the_steps_of_its_execution(stack, capsys):
    run = Run(f"{MODEL}-w1-01234567", "d", "b", "data", moment(NOW), "running")
    ledger.put_run(MODEL, run)
    stack.client("sagemaker").start_pipeline_execution(
        PipelineName=MODEL,
        PipelineExecutionDisplayName=run.name,
        ClientRequestToken="0" * 32,
    )
    open_stack()
    steps = [("Preprocess", "Succeeded"), ("Train", "Executing")]
    stack.answer(  # which moto does not know
        clients.sagemaker(),
        "ListPipelineExecutionSteps",
        200,
        PipelineExecutionSteps=[{"StepName": n, "StepStatus": s} for n, s in steps],
    )
    (row,) = told(capsys, "status")
    assert (row["run"]["window"], row["run"]["status"]) == (1, "running")
    assert row["steps"][0] == {"step": "Preprocess", "status": "Succeeded"}
    assert "window 1 running: Train executing" in said(capsys, "status")


FOLDER = Path(__file__).parents[2] / "models" / MODEL


def test_a_folder_that_is_pushed_is_uploaded_as_one_bundle(stack, capsys):
    done = told(capsys, "push", "--no-wait", str(FOLDER))
    key = f"models/{MODEL}/bundle.tar.gz"
    assert (done["model"], done["to"]) == (MODEL, f"s3://{stack.data}/{key}")
    found = stack.client("s3").get_object(Bucket=stack.data, Key=key)
    assert (len(found["Body"].read()), found["VersionId"]) == (done["bytes"], done["version_id"])
    assert "installed" not in done  # nobody has looked yet
    shown = said(capsys, "push", "--no-wait", str(FOLDER))
    assert f"pushed {MODEL}" in shown and f"follow it: everloop watch {MODEL}" in shown


def test_a_push_says_what_the_model_will_cost(stack, capsys, tmp_path):
    costs = told(capsys, "push", "--no-wait", str(FOLDER))["costs"]
    assert (costs["currency"], round(costs["endpoint"])) == ("USD", 83)
    shown = said(capsys, "push", "--no-wait", str(FOLDER))
    month = costs["endpoint"] + costs["looks"] + 4 * costs["new_version"]
    assert costs["month"] == pytest.approx(month)
    assert f"about {month:.2f} USD a month" in shown and "83.04 for serving" in shown
    folder = shutil.copytree(FOLDER, tmp_path / MODEL)
    toml = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(toml + '\n[deploy.production]\ninstance = "ml.c5.4xlarge"\n')
    shown = said(capsys, "push", "--no-wait", str(folder))
    assert "no price of 'ml.c5.4xlarge hour'" in shown


def test_a_push_ends_when_the_stack_has_installed_it(stack, capsys):
    installs_what_is_pushed(stack)
    lines = said(capsys, "push", str(FOLDER), "--json")  # and what the function logs
    assert '"installed": true' in lines
    assert f"installed {MODEL} after" in said(capsys, "push", str(FOLDER))


def test_a_push_that_the_stack_refuses_ends_with_its_words(stack, capsys, tmp_path):
    installs_what_is_pushed(stack, "autumn-delays")
    since = moment("2026-11-20T10:00:00Z")
    removals.begin(Removal("autumn-delays", "removal-1", "ana", "", since, versions=True))
    folder = shutil.copytree(FOLDER, tmp_path / "autumn-delays")
    refusal = said(capsys, "push", str(folder), code=2)
    assert "the push was refused" in refusal and "removed with its versions by ana" in refusal
    assert "It is not installed." in refusal


def installs_what_is_pushed(stack, model=MODEL):
    """Let the event of a push come just before the command asks the ledger what came of it."""
    busy = False
    key = f"models/{model}/bundle.tar.gz"
    uri = f"s3://{stack.data}/{key}"

    def install(**_):
        nonlocal busy
        if busy:
            return  # the function asks the ledger, too
        busy = True
        if pushed := storage.newest_version(uri):
            event = stack.event(
                "s3-object-created-bundle",
                bucket__name=stack.data,
                object__key=key,
                **{"object__version-id": pushed},
            )
            of_the_command = settings.settings()
            settings.use(None)  # the function's own, of its environment
            install_model.handler(event, stack.context)
            settings.use(of_the_command)
        busy = False

    stack.meanwhile(clients.dynamodb(), "GetItem", install)


def test_a_stack_that_is_another_product_is_no_stack_of_ours(account, capsys):
    account.describe_stack("LedgerTable")
    refusal = said(capsys, "status", code=2)
    assert "has no output LedgerTable: is it an Everloop stack?" in refusal


def test_what_aws_says_is_told_as_such(account, capsys):
    account.describe_stack()
    account.client("dynamodb").delete_table(TableName="everloop-ledger")
    assert "everloop status: AWS: " in said(capsys, "status", code=2)
    assert main(["status", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["kind"] == "aws"


def test_what_was_seen_already_is_not_read_again(stack):
    for number in range(3):
        journal.append(Entry(f"id-{number}", MODEL, NOW, "test", True, "said"))
    made = list(journal.decisions(MODEL))
    assert len(made) > 3
    for after in range(len(made) + 2):
        assert list(journal.decisions(MODEL, after=after)) == made[after:]


def test_a_push_that_has_no_image_here_is_refused_before_it_is_uploaded(stack, tmp_path, capsys):
    folder = tmp_path / "churn"
    folder.mkdir()
    for name in ("preprocess.py", "train.py", "inference.py"):
        (folder / name).write_text("")
    spec = 'problem = "regression"\ndata = { target = "price" }\ntrain.version = "1.4-2"\n'
    (folder / "model.toml").write_text(spec)
    assert "AWS has no image for inference" in said(capsys, "push", str(folder), code=2)
    kept = stack.client("s3").list_objects_v2(Bucket=stack.data, Prefix="models/churn/")
    assert kept["KeyCount"] == 0


def test_a_push_says_which_commit_it_was_made_from(stack, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "repository" / MODEL
    shutil.copytree(Path(__file__).parents[2] / "models" / MODEL, folder)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "ana")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "ana")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def git(*words):
        done = subprocess.run(
            ["git", "-C", str(folder.parent), *words], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    assert told(capsys, "push", "--no-wait", str(folder))["commit"] is None
    git("add", ".")
    git("commit", "-qm", "first")
    (folder / "README.md").write_text("changed\n")
    done = told(capsys, "push", "--no-wait", str(folder))
    assert (done["commit"], done["changed_files"]) == (git("rev-parse", "HEAD"), 1)


def test_notify_says_who_hears_and_sends_a_test(stack, capsys):
    topic = stack.client("sns").list_topics()["Topics"][0]["TopicArn"]
    found = told(capsys, "notify")
    assert (found["topic"], found["sent"]) == (topic, False)
    assert [each["protocol"] for each in found["subscribers"]] == ["sqs"]
    assert stack.mails() == []
    assert "sent a test message" in said(capsys, "notify", "--test")
    assert stack.mails() == ["everloop: messages arrive"]
    stack.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    assert "ana@example.com" in said(capsys, "notify", MODEL)
