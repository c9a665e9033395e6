"""Looks of one model never overlap, and one that saw nothing says so."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import judge_findings
import on_violation
import plan_monitoring
from everloop.aws import monitoring, table
from everloop.decisions.looks import TURN
from everloop.errors import Conflict
from everloop.records import lease

MODEL, HOUR = "flight-delays", timedelta(hours=1)
CHECK = {"monitor": "data", "feature": "temp", "statistic": "baseline_drift_check"}
GOOD = {**CHECK, "value": 0.01, "threshold": 0.1, "violated": False, "description": "temp"}
BAD = {**GOOD, "value": 0.5, "violated": True, "description": "temp moved"}
FEW = {"monitor": "data", "reason": "few-rows", "description": "only 9 rows, 200 are needed"}
LABELS = {"monitor": "quality", "reason": "few-labels", "description": "only 0 rows have labels"}
UNREADABLE = {
    "monitor": "traffic",
    "feature": "records",
    "statistic": "unreadable_check",
    "value": 1.0,
    "threshold": 0.05,
    "violated": True,
    "description": "10 of 10 captured records cannot be read",
}


@pytest.fixture
def serving(account):
    account.push()
    account.register(approval="Approved")
    account.serve(1)
    return account


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def soon(hours=1):
    return datetime.now(UTC).replace(microsecond=0) + hours * HOUR


def capture(account, name):
    """Write a file of traffic; it arrives now."""
    place = f"capture/{MODEL}/{MODEL}/AllTraffic/{datetime.now(UTC):%Y/%m/%d/%H}/{name}.jsonl"
    account.put(f"s3://{account.artefacts}/{place}", b"{}\n")
    return place


def look(account, at):
    return plan_monitoring.handler({"model": MODEL, "scheduled_at": text(at)}, account.context)


def judge(account, at, answer=None, *, name="x", **findings):
    """Let a look until then end with findings, or with an error."""
    uri = f"s3://{account.artefacts}/monitoring/{MODEL}/{name}/findings.json"
    told = {"model": MODEL, "rows": 300, "labelled_rows": 0, "checks": [GOOD], "not_judged": []}
    account.put_json(uri, {**told, **findings})
    execution = answer["execution"] if answer else f"{ARN}:{name}"
    request = account.request(
        "machine-judge-findings", findings_uri=uri, scheduled_at=text(at), execution=execution
    )
    return judge_findings.handler({**request, "time": text(at)}, account.context)


ARN = f"arn:aws:states:us-east-1:123456789012:execution:everloop-monitor:{MODEL}"


def files(account, answer):
    """Return the keys of the traffic that a look was given."""
    states = account.client("stepfunctions")
    job = json.loads(states.describe_execution(executionArn=answer["execution"])["input"])["job"]
    uris = {each["InputName"]: each["S3Input"]["S3Uri"] for each in job["inputs"]}
    bucket, _, key = uris["capture"].removeprefix("s3://").partition("/")
    body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return json.loads(body)[1:]


def decisions(account, kind):
    return [each for each in account.decisions() if each["kind"] == kind]


def test_a_look_waits_for_the_one_before_however_long_its_job_runs(serving):
    first = capture(serving, "a")
    began = look(serving, soon(1))
    capture(serving, "b")
    for later in (2, 3, 6):
        found = look(serving, soon(later))
        assert found["go"] is False
        assert found["reason"].startswith("a look is under way since")
    assert files(serving, began) == [first]
    judge(serving, soon(1), began)
    capture(serving, "c")
    assert look(serving, soon(7))["go"] is False  # all files came before the first look's end


def test_a_look_that_died_gives_its_files_to_the_next(serving):
    file = capture(serving, "a")
    began = look(serving, soon(1))
    serving.client("stepfunctions").stop_execution(executionArn=began["execution"])
    after = look(serving, soon(2))
    assert files(serving, after) == [file]


def test_a_look_that_never_began_gives_its_files_to_the_next_and_begins_no_more(serving):
    # Ticks that were held up come at once: what looks long dead may be about to begin.
    file = capture(serving, "a")
    monitoring.take_turn(MODEL, f"{ARN}:earlier", soon(1))
    seen = monitoring.whose_turn(MODEL)
    assert files(serving, look(serving, soon(2))) == [file]
    with pytest.raises(Conflict):
        table.write(lease.wait(MODEL, lease.MONITOR, seen.holder, "its job"))


def test_a_look_that_has_just_begun_keeps_its_turn(serving):
    capture(serving, "a")
    monitoring.take_turn(MODEL, f"{ARN}:earlier", soon(1))
    seen = monitoring.whose_turn(MODEL)
    table.write(lease.wait(MODEL, lease.MONITOR, seen.holder, "its job"))
    assert monitoring.take_turn_away(MODEL, seen) is False
    found = look(serving, soon(2))  # reads may lag: its execution is not seen yet
    assert found["reason"].startswith("a look is under way since")


def test_a_look_that_failed_gives_its_files_to_the_next(serving):
    file = capture(serving, "a")
    began = look(serving, soon(1))
    request = serving.request("machine-judge-findings", scheduled_at=text(soon(1)))
    del request["findings_uri"]
    error = {"Error": "States.TaskFailed", "Cause": "exit code 1"}
    judge_findings.handler({**request, **began, "error": error}, serving.context)
    assert files(serving, look(serving, soon(2))) == [file]


def test_a_turn_is_longer_than_its_machine_lives():
    machine = (Path(__file__).parents[2] / "statemachines" / "monitor.asl.yaml").read_text()
    lives = re.search(r"^TimeoutSeconds: (\d+)", machine, re.MULTILINE)
    assert timedelta(seconds=int(lives[1])) < TURN


def test_the_same_tick_twice_is_one_look(serving):
    capture(serving, "a")
    at = soon(1)
    first, again = look(serving, at), look(serving, at)
    assert again["execution"] == first["execution"]


def test_a_look_whose_turn_another_took_is_not_counted(serving):
    capture(serving, "a")
    lost = look(serving, soon(1))
    states = serving.client("stepfunctions")
    states.stop_execution(executionArn=lost["execution"])
    taken = look(serving, soon(2))
    assert judge(serving, soon(1), lost, checks=[BAD])["reason"].startswith("came too late")
    judge(serving, soon(2), taken)
    assert judge(serving, soon(1), lost, checks=[BAD])["reason"].startswith("came too late")
    assert [each["go"] for each in decisions(serving, "monitor")] == [False]


def test_what_was_judged_twice_for_a_lost_answer_is_judged_once(serving):
    capture(serving, "a")
    began = look(serving, soon(1))
    first = judge(serving, soon(1), began, checks=[BAD])
    assert judge(serving, soon(1), began, checks=[BAD]) == first
    assert len(decisions(serving, "monitor")) == 1
    assert monitoring.watch(MODEL).streaks.violated == 1


def test_after_no_check_nothing_is_called_good(serving):
    found = judge(serving, soon(1), rows=9, checks=[], not_judged=[FEW, LABELS])
    assert found == {
        "violated": False,
        "reason": "could not judge (9 rows, 0 with labels): data: only 9 rows, 200 are needed; "
        "quality: only 0 rows have labels",
    }
    (decision,) = decisions(serving, "monitor")
    assert decision["facts"]["blind"] == ["data"]
    assert decision["facts"]["judged"] == 0


def test_findings_of_before_that_checked_nothing_are_not_good_either(serving):
    uri = f"s3://{serving.artefacts}/monitoring/{MODEL}/x/findings.json"
    serving.put_json(uri, {"model": MODEL, "rows": 0, "labelled_rows": 0, "checks": []})
    request = serving.request("machine-judge-findings", findings_uri=uri)
    assert judge_findings.handler(request, serving.context)["reason"] == (
        "could not judge (0 rows, 0 with labels): data: fewer rows or labels than model.toml "
        "asks for"
    )


def test_where_nothing_is_watched_nothing_is_good(serving):
    assert judge(serving, soon(1), checks=[])["reason"] == (
        "could not judge (300 rows, 0 with labels): data: nothing was compared: what does "
        "[monitor] watch?"
    )


def test_what_was_judged_says_what_was_not(serving):
    undefined = {**GOOD, "feature": "age", "value": None}
    age = {"monitor": "data", "feature": "age", "reason": "undefined", "description": "age: none"}
    found = judge(serving, soon(1), checks=[GOOD, undefined], not_judged=[age, LABELS])
    assert found["reason"] == (
        "1 checks on 300 rows, 0 with labels: nothing is violated; could not judge: data: age: "
        "none; quality: only 0 rows have labels"
    )


def test_people_hear_once_that_looks_cannot_judge_and_once_that_they_can_again(serving):
    for number in range(1, 6):
        judge(serving, soon(number), name=f"n{number}", checks=[], not_judged=[FEW])
        judge(serving, soon(number), name=f"n{number}", checks=[], not_judged=[FEW])
        subjects = serving.mails()
        told = ["flight-delays: 3 looks in a row could not judge data"] if number == 3 else []
        assert subjects == told, number
    judge(serving, soon(6), name="n6")
    judge(serving, soon(7), name="n7")
    assert serving.mails() == ["flight-delays: OK again: 3 looks in a row could not judge data"]


def test_labels_that_are_still_to_come_are_no_blindness(serving):
    for number in range(1, 6):
        judge(serving, soon(number), name=f"n{number}", not_judged=[LABELS])
    assert serving.mails() == []


def test_an_endpoint_that_falls_silent_is_told_once_and_once_that_it_is_back(serving):
    capture(serving, "a")
    began = look(serving, soon(1))
    judge(serving, soon(1), began)
    assert look(serving, soon(24))["reason"] == "no traffic was captured since the last look"
    for hours in (80, 81):
        reason = look(serving, soon(hours))["reason"]
        assert reason.startswith("could not judge: no traffic was captured for ")
        assert reason.endswith("72 hours are allowed (less than a week of its traffic is known)")
    (mail,) = serving.mails()
    assert mail.startswith("flight-delays v1: no traffic was captured for")
    (silence,) = [d for d in decisions(serving, "monitor") if d["id"].startswith("monitor:silent")]
    assert silence["go"] is False
    serving.client("dynamodb").update_item(  # the clock of moto's S3 cannot be moved
        TableName="everloop-ledger",
        Key={"pk": {"S": f"MODEL#{MODEL}"}, "sk": {"S": "MONITOR"}},
        UpdateExpression="SET #until = :until",
        ExpressionAttributeNames={"#until": "until"},
        ExpressionAttributeValues={":until": {"S": text(datetime.now(UTC) - HOUR)}},
    )
    look(serving, soon(82))
    (mail,) = serving.mails()
    assert mail.startswith("flight-delays v1: OK again: no traffic was captured for")


def test_the_owner_says_how_long_silence_may_be(account):
    spec = 'problem = "regression"\n[data]\ntarget = "late"\n[monitor]\nsilent_hours = 2\n'
    account.push(data=account.bundle(spec))
    account.register(approval="Approved")
    account.serve(1)
    assert look(account, soon(1))["reason"] == "no traffic was captured since the last look"
    assert "2 hours are allowed ([monitor] silent_hours says)" in look(account, soon(4))["reason"]


def test_traffic_that_is_not_captured_cannot_be_judged_and_is_no_silence(account):
    spec = 'problem = "regression"\n[data]\ntarget = "late"\n[deploy]\ncapture_percent = 0\n'
    account.push(data=account.bundle(spec))
    account.register(approval="Approved")
    account.serve(1)
    assert look(account, soon(900))["reason"] == (
        "could not judge: [deploy] capture_percent is 0, so that no traffic is captured"
    )
    assert account.mails() == []


def heed(account, name):
    uri = f"s3://{account.artefacts}/monitoring/{MODEL}/{name}/findings.json"
    event = account.event("everloop-violation-found", model=MODEL, findings_uri=uri)
    return on_violation.handler(event, account.context)


def test_traffic_that_cannot_be_read_is_a_violation_that_no_training_answers(serving):
    found = judge(serving, soon(1), rows=0, checks=[UNREADABLE], not_judged=[FEW])
    assert found["violated"] is True
    assert found["reason"].startswith("1 of 1 checks violated on 0 rows, 0 with labels (traffic)")
    assert heed(serving, "x") == {
        "go": False,
        "reason": "no training fixes what cannot be read: see what clients send, and how",
    }


def test_a_violation_trains_only_after_as_many_looks_in_a_row_as_its_owner_wants(account):
    spec = 'problem = "regression"\n[data]\ntarget = "late"\n[retrain]\nviolations_in_a_row = 2\n'
    account.push(data=account.bundle(spec))
    account.register(approval="Approved")
    account.serve(1)
    judge(account, soon(1), name="a", checks=[BAD])
    assert heed(account, "a")["reason"] == (
        "it was found by 1 looks in a row; [retrain] violations_in_a_row asks for 2"
    )
    judge(account, soon(2), name="b")
    judge(account, soon(3), name="c", checks=[BAD])
    assert "by 1 looks in a row" in heed(account, "c")["reason"]
    judge(account, soon(4), name="d", checks=[], not_judged=[FEW])  # which tells neither way
    judge(account, soon(5), name="e", checks=[BAD])
    assert "in a row" not in heed(account, "e")["reason"]
