"""Labels alone start a look, and a look is given all that they may be joined with."""

import json
from datetime import UTC, datetime, timedelta

import pytest

import judge_findings
import plan_monitoring
from everloop.errors import BadInput

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MODEL = "flight-delays"


@pytest.fixture
def serving(account):
    account.push()
    account.register(approval="Approved")
    account.serve(1)
    return account


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def soon():
    return datetime.now(UTC) + HOUR


def look(account, at):
    request = {"model": MODEL, "scheduled_at": text(at)}
    return plan_monitoring.handler(request, account.context)


def looked(account, until, answer=None):
    """Let a look until then end well; return where its findings lie."""
    uri = f"s3://{account.artefacts}/monitoring/{MODEL}/x/findings.json"
    account.put_json(uri, {"model": MODEL, "rows": 0, "labelled_rows": 0, "checks": []})
    execution = {"execution": answer["execution"]} if answer else {}
    request = account.request(
        "machine-judge-findings", findings_uri=uri, scheduled_at=text(until), **execution
    )
    judge_findings.handler(request, account.context)
    return uri


def died(account, answer):
    account.client("stepfunctions").stop_execution(executionArn=answer["execution"])


def label(account, name):
    account.put(f"s3://{account.data}/labels/{MODEL}/{name}", b"id,late\n1,1\n")


def job(account, answer):
    found = account.client("stepfunctions").describe_execution(executionArn=answer["execution"])
    return json.loads(found["input"])["job"]


def inputs(account, answer):
    return {each["InputName"]: each["S3Input"] for each in job(account, answer)["inputs"]}


def read(account, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return json.loads(account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())


def given(account, answer):
    """Return a look's look.json, and the keys that its manifest lists besides."""
    first, key, *more = read(account, inputs(account, answer)["late"]["S3Uri"])
    return read(account, first["prefix"] + key), more


def test_labels_alone_start_a_look_that_is_given_no_traffic(serving):
    looked(serving, datetime.now(UTC) - HOUR)
    label(serving, "may.csv")
    found = look(serving, soon())
    assert found["reason"] == "0 files of traffic, 1 new files of labels to look at"
    assert "capture" not in inputs(serving, found)
    assert read(serving, inputs(serving, found)["labels"]["S3Uri"])[1:] == ["may.csv"]


def test_labels_that_were_seen_start_no_look(serving):
    label(serving, "may.csv")
    at = soon()
    assert look(serving, at)["go"] is True
    looked(serving, at)
    assert look(serving, at + HOUR)["go"] is False


def test_what_is_refused_by_its_name_is_told_to_the_look_and_not_downloaded(serving):
    label(serving, "may.xlsx")
    label(serving, ".DS_Store")
    found = look(serving, soon())
    assert "labels" not in inputs(serving, found)
    told, _ = given(serving, found)
    assert [name for name, _, _ in told["labels"]["refused"]] == ["may.xlsx"]


def test_a_look_is_given_the_predictions_of_other_looks_wherever_they_were_kept(serving):
    label(serving, "may.csv")
    day, old = datetime.now(UTC) - DAY, datetime.now(UTC) - 40 * DAY
    kept = [
        f"predictions/30d/{MODEL}/{day:%Y-%m-%d}/20261101T000000.csv.gz",
        f"predictions/90d/{MODEL}/{day:%Y-%m-%d}/20261101T010000.csv.gz",
    ]
    others = [
        f"predictions/90d/{MODEL}/{old:%Y-%m-%d}/20261001T000000.csv.gz",
        f"predictions/30d/{MODEL}/{day:%Y-%m-%d}/first.csv.gz",  # what this look itself left
        f"predictions/30d/other/{day:%Y-%m-%d}/20261101T000000.csv.gz",
    ]
    for key in kept + others:
        serving.put(f"s3://{serving.artefacts}/{key}", b"")
    found = look(serving, soon())
    told, more = given(serving, found)
    assert told["predictions"] == more == kept
    assert told["look"] == "first"
    places = {
        e["OutputName"]: e["S3Output"]["S3Uri"] for e in job(serving, found)["outputs"]["Outputs"]
    }
    assert places["predictions"] == f"s3://{serving.artefacts}/predictions/30d/{MODEL}"


def test_a_look_is_given_what_the_one_before_found_if_it_is_still_there(serving):
    uri = looked(serving, datetime.now(UTC) - HOUR)
    label(serving, "may.csv")
    key = uri.partition(f"{serving.artefacts}/")[2]
    found = look(serving, soon())
    told, more = given(serving, found)
    died(serving, found)
    assert told["previous"] == key
    assert more == [key]
    serving.client("s3").delete_object(Bucket=serving.artefacts, Key=key)
    told, more = given(serving, look(serving, soon() + HOUR))
    assert told["previous"] is None
    assert more == []


def test_a_look_knows_which_version_answered_when_and_its_holdout(serving):
    from everloop.aws import ledger
    from everloop.records.release import RELEASED, Release

    serving.register(version=2, approval="Approved")
    now = datetime.now(UTC)
    for epoch, version in ((1, 2), (2, 1)):
        ended = now - (4 - epoch) * HOUR
        release = Release(epoch, version, RELEASED, "", ended, ended, None)
        ledger.put_release(MODEL, release, "")
    label(serving, "may.csv")
    found = look(serving, soon())
    told, _ = given(serving, found)
    died(serving, found)
    assert [version for _, version in told["served"]] == [2, None, 1]
    assert told["evaluations"] == {"2": "runs/flight-delays/r2/evaluation/evaluation.json"}
    serving.client("s3").delete_object(Bucket=serving.artefacts, Key=told["evaluations"]["2"])
    told, _ = given(serving, look(serving, soon() + HOUR))
    assert told["evaluations"] == {}


def test_a_model_whose_quality_nobody_watches_keeps_nothing(account):
    spec = 'problem = "regression"\n[data]\ntarget = "late"\nkey = "id"\n'
    account.push(data=account.bundle(spec + '[monitor]\nwatch = ["data"]\n'))
    account.register(approval="Approved")
    account.serve(1)
    label(account, "may.csv")
    assert look(account, soon())["reason"] == "no traffic was captured since the last look"


def learning(account):
    spec = 'problem = "regression"\n[data]\ntarget = "late"\nkey = "id"\n'
    account.push(data=account.bundle(spec, "learn_from_traffic = true"))
    account.register(approval="Approved")
    account.serve(1)
    return account


def learned(account, look, day="2026-11-16", **changes):
    """Let a look end that made a file of a day's labelled traffic."""
    key = f"predictions/30d/{MODEL}/learned/{look}/{day}.csv"
    account.put(f"s3://{account.artefacts}/{key}", f"id,late\n{look},1\n".encode())
    made = {"day": day, "rows": 1, "new": True, "key": key, **changes}
    conclude(account, labels={"learned": [made]})


def conclude(account, **findings):
    uri = f"s3://{account.artefacts}/monitoring/{MODEL}/x/findings.json"
    found = {"model": MODEL, "rows": 0, "labelled_rows": 0, "checks": [], "not_judged": []}
    account.put_json(uri, {**found, **findings})
    request = account.request("machine-judge-findings", findings_uri=uri, scheduled_at=text(soon()))
    judge_findings.handler(request, account.context)


def dropped(account):
    """Return the versions of what was dropped of the day, the newest first."""
    found = account.client("s3").list_object_versions(
        Bucket=account.data, Prefix=f"data/{MODEL}/labelled-traffic/2026-11-16.csv"
    )
    return found.get("Versions", [])


def test_labelled_traffic_is_dropped_once_and_again_when_more_is_labelled(account):
    learning(account)
    learned(account, "a")
    learned(account, "a")
    assert len(dropped(account)) == 1
    learned(account, "b")
    assert len(dropped(account)) == 2
    body = account.client("s3").get_object(Bucket=account.data, Key=dropped(account)[0]["Key"])
    assert body["Body"].read() == b"id,late\nb,1\n"


def test_labelled_traffic_that_was_withdrawn_does_not_come_back(account):
    learning(account)
    learned(account, "a")
    account.client("s3").delete_object(Bucket=account.data, Key=dropped(account)[0]["Key"])
    learned(account, "b")
    assert len(dropped(account)) == 1


def test_nothing_is_learned_from_traffic_unless_model_toml_says_so(serving):
    learned(serving, "a")
    assert dropped(serving) == []


@pytest.mark.parametrize(
    "key",
    [
        "predictions/30d/other/learned/a/2026-11-16.csv",
        f"runs/{MODEL}/r1/holdout/data.csv",
        f"predictions/30d/{MODEL}/learned/../../x/2026-11-16.csv",
    ],
)
def test_no_other_object_is_dropped_whatever_findings_say(account, key):
    learning(account)
    with pytest.raises(BadInput, match="is no file that a look"):
        learned(account, "a", key=key)
    assert dropped(account) == []


def test_label_files_that_cannot_be_used_are_told_once(serving):
    def seen(*refused):
        files = [{"file": f, "came": "x", "why": f"{f}: it is none", "new": n} for f, n in refused]
        conclude(serving, labels={"refused": files, "files": 3, "keys_joined": 0})
        return serving.mails()

    serving.mails()
    told = "flight-delays: 1 new files of labels cannot be used"
    assert seen(("may.CSV", True)) == [told]
    assert seen(("may.CSV", True)) == []  # the same look, concluded again
    assert seen(("june.gz", True), ("may.CSV", False)) == [told]
    assert seen(("june.gz", False), ("may.CSV", False)) == []
