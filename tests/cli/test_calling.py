"""What a person's word goes to: a function of the stack, with who they are and what time it is."""

import re

import pytest

from everloop.aws import ledger
from everloop.moments import moment
from everloop.records.installation import Installation
from everloop_cli.door import open_stack


@pytest.fixture(scope="module")
def model(deployed):
    """Have one model that is installed."""
    open_stack()
    found = Installation(
        "churn", {}, "d", "s3://b", "s3://j", "arn", moment("2026-11-20T10:00:00Z")
    )
    ledger.install(found)
    return "churn"


def test_a_function_learns_who_asks_and_when(model, run_json):
    found = run_json("pause", model, "--reason", "holidays")
    assert found["paused"] is True
    name, actor, time = found["models"]
    assert name == model
    assert actor == "arn:aws:iam::123456789012:user/ana"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)


def test_all_models_are_paused_by_one_call(model, run):
    code, said = run("resume", "--all")
    assert code == 0 and said.startswith("resumed: all, arn:aws:iam")


def test_what_a_function_raises_is_told(model, run):
    code, said = run("pause", model, "--reason", "fail")
    assert (code, said) == (2, "everloop pause: ValueError: it does not want to")


def test_a_training_that_is_wanted_says_whether_it_started(model, run, run_json):
    because = ("--because", "the source was corrected")
    code, said = run("train", model, *because)
    assert code == 1
    assert said == "no training of churn was started: the source was corrected"
    code, said = run("train", model, "--again", *because)
    assert code == 0
    assert said == "training churn: the source was corrected everloop watch churn"
    found = run_json("train", model, "--again", *because)
    assert found["execution"] == "arn:aws:iam::123456789012:user/ana"


def test_a_training_without_a_reason_is_not_asked_for(model, run):
    code, said = run("train", model)
    assert code == 2 and "--because" in said


def test_what_is_taken_out_is_a_delete_marker_and_the_function_is_told_which(
    model, deployed, run, run_json
):
    s3 = deployed("s3")
    for name in ("a", "b"):
        s3.put_object(Bucket="everloop-data", Key=f"data/{model}/{name}.csv", Body=b"x")
    done = run_json("data", "undrop", model, "a.csv", "b.csv")
    keys = [f"data/{model}/a.csv", f"data/{model}/b.csv"]
    assert done == {
        "model": model,
        "undrop": keys,
        "left": {},
        "next_dataset": {"objects": 2, "digest": "d" * 64},
    }
    below = {"Bucket": "everloop-data", "Prefix": f"data/{model}/"}
    assert s3.list_objects_v2(**below)["KeyCount"] == 0
    code, said = run("data", "restore", model, "a.csv")
    assert code == 0
    assert said == (
        f"brought back: in the next dataset of {model}: 1 objects "
        f"the next dataset: 1 objects, {'d' * 12}"
    )
    found = s3.list_objects_v2(**below)["Contents"]
    assert [each["Key"] for each in found] == keys[:1]


def test_nothing_to_bring_back_asks_which(model, run):
    assert "say which: everloop data restore MODEL KEY" in run("data", "restore", model)[1]
    assert "say which" in run("data", "restore", model, "--set-aside")[1]


def test_a_function_that_is_not_there_is_named(model, deployed, run):
    deployed("lambda").delete_function(FunctionName="everloop-change-data")
    code, said = run("data", "undrop", model, "a.csv")
    assert code == 2 and "everloop-change-data could not be called" in said
    # Who only looks sees the list all the same, without the next dataset.
    assert run("data", "list", model)[0] == 0
