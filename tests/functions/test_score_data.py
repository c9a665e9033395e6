"""What comes below score/ is scored once, by the version in production, and told."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from functions.conftest import SPEC

import plan_release
import reconcile
import score_data
import start_rollout
from everloop.aws import arrivals, clients, ledger, production, table
from everloop.decisions.repairs import MOST_PER_TICK
from everloop.errors import BadInput, NotReady
from everloop.flows import batches
from everloop.moments import moment, text
from everloop.names import to_score
from everloop.records import window as windows
from everloop.records.lease import SCORING
from everloop.records.production import Production
from everloop.records.window import BAD_FILES, SCORED
from everloop.records.writes import Put

NOW = moment("2026-11-20T10:25:00Z")
MODEL = "flight-delays"
BATCH = f'{SPEC.partition("[deploy.production]")[0]}\n[deploy]\nserve = "batch"\n'
EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:everloop-score"


def push(account, more=""):
    account.push(MODEL, account.bundle(f"{BATCH}{more}"))


def serve(account, version=1):
    account.register(version, approval="Approved")
    account.client("sagemaker").create_model(
        ModelName=f"{MODEL}-v{version}-0123abcd",
        PrimaryContainer={"Image": "image:1"},
        ExecutionRoleArn="arn:aws:iam::123456789012:role/everloop-us-east-1-sagemaker",
    )
    production.move(MODEL, Production(version, f"{MODEL}-v{version}-0123abcd", "image:1", 1, NOW))


def bring(account, *names):
    account.drop(*[account.bring(f"score/{MODEL}/{name}", b"id,late\n1,\n") for name in names])


def plan(account, window=1, attempt=1, **values):
    request = account.request(
        "machine-score-data",
        window=window,
        execution=f"{EXECUTIONS}:{MODEL}-s{window}-a{attempt}",
        **values,
    )
    return score_data.handler(request, account.context)


def finish(account, planned, window=1, attempt=1, **values):
    return plan(account, window, attempt, step="finish", batch=planned["batch"], **values)


def end(account, planned, *set_aside, rows=3):
    """Put what the jobs leave."""
    aside = {"version_id": "v", "status": "set-aside", "reason": "no column 'id'"}
    listed = [{"key": key, **aside} for key in set_aside]
    record = {"outcome": "ok", "why": "", "counts": {}, "objects": listed}
    account.put_json(planned["batch"]["files_uri"], record)
    manifest = {"model_version": planned["batch"]["version"], "rows": rows, "objects": [{}] * 2}
    account.put_json(f"{planned['batch']['scores_uri']}/manifest.json", manifest)


def scores(account):
    return [each for each in account.decisions() if each["kind"] == "score"]


def test_a_burst_is_one_batch_whatever_comes_again(account):
    push(account)
    serve(account)
    events = [account.bring(f"score/{MODEL}/{n}.csv") for n in range(60)]
    assert account.drop(*events) == {"batchItemFailures": []}
    assert account.drop(*events) == {"batchItemFailures": []}
    assert account.executions("score") == [f"{MODEL}-s1-a1"]
    assert account.executions("train") == []  # nothing is learnt from it
    planned = plan(account)
    assert planned["go"], planned["reason"]
    (dataset,) = (i for i in planned["rows"]["inputs"] if i["InputName"] == "dataset")
    uri = f"{dataset['S3Input']['S3Uri']}objects.json"
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    frozen = json.load(account.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    assert len({each["version_id"] for each in frozen["objects"]}) == 60
    assert planned["score"]["model"] == f"{MODEL}-v1-0123abcd"


def test_objects_wait_until_they_are_quiet_and_a_person_or_a_schedule_waits_for_nothing(account):
    push(account)
    serve(account)
    bring(account, "a.csv")
    came = arrivals.open_window(to_score(MODEL)).last_at
    early = plan(account, time=text(came + timedelta(seconds=20)))
    assert (early["go"], early["wait_seconds"]) == (False, 40)
    asked = plan(account, time=text(came + timedelta(seconds=20)), asked=True)
    assert asked["go"]


def test_a_pause_stops_what_waits_for_quiet_and_what_came_is_scored_after_it(account):
    push(account)
    serve(account)
    bring(account, "a.csv")
    ledger.pause(MODEL, "somebody is being forgotten")
    planned = plan(account)
    assert (planned["go"], planned["reason"]) == (False, "somebody is being forgotten")
    assert not ledger.lease(MODEL, SCORING).held(NOW)
    assert arrivals.open_window(to_score(MODEL)).objects == 1
    ledger.pause(MODEL, "")
    assert plan(account, attempt=2)["go"]


def test_what_is_scored_is_told_once_and_what_came_meanwhile_is_scored_next(account):
    push(account)
    serve(account)
    bring(account, "a.csv", "b.csv")
    planned = plan(account)
    bring(account, "c.csv")  # one at a time
    assert account.executions("score") == [f"{MODEL}-s1-a1"]
    end(account, planned, f"score/{MODEL}/b.csv")

    done = finish(account, planned)
    again = finish(account, planned)

    assert (done["outcome"], done["ok"]) == (SCORED, True)
    assert again["outcome"] == SCORED
    (decided,) = scores(account)
    assert decided["go"]
    assert decided["facts"]["version"] == 1
    assert decided["facts"]["set_aside"] == 1
    assert len([mail for mail in account.mails() if "scored 2 objects" in mail]) == 1
    (aside,) = (each for each in account.decisions() if each["kind"] == "set-aside")
    assert f"score/{MODEL}/b.csv: no column 'id'" in aside["reason"]
    assert arrivals.closed_window(to_score(MODEL), 1).outcome == SCORED
    assert account.executions("score") == [f"{MODEL}-s1-a1", f"{MODEL}-s2-a1"]


def test_the_hours_of_a_batchs_jobs_are_kept_with_it(account):
    push(account)
    serve(account)
    account.drop(account.bring(f"score/{MODEL}/a.csv"))
    planned = plan(account, asked=True)
    end(account, planned)
    ran = [
        {"on": {"InstanceType": "ml.m5.large", "InstanceCount": 1}, "from": 0, "until": 900_000},
        {"on": {"InstanceType": "ml.m5.large", "InstanceCount": 2}, "from": 0, "until": 900_000},
    ]
    assert finish(account, planned, ran=ran)["ok"]
    (scored,) = scores(account)
    assert scored["facts"]["used"] == {"ml.m5.large hour": 0.75}


def test_what_the_jobs_have_scored_is_not_scored_again_where_its_end_is_not_written_down(account):
    push(account)
    serve(account)
    bring(account, "a.csv", "b.csv")
    planned = plan(account)
    end(account, planned, f"score/{MODEL}/b.csv")
    sns = clients.sns()
    account.answer(sns, "Publish", 400, Error={"Code": "InvalidParameter", "Message": "no"})
    with pytest.raises(ClientError):
        finish(account, planned)
    with pytest.raises(ClientError):  # the machine has only this error to report
        finish(account, planned, error={"Error": "ClientError", "Cause": "no"})
    account.answer_as_before()
    serve(account, 2)
    ledger.free_lease(MODEL, SCORING, f"{EXECUTIONS}:{MODEL}-s1-a1")  # as reconcile does

    again = plan(account, attempt=2)

    assert not again["go"]
    assert again["reason"] == "version 1 scored 3 rows of 2 objects"
    (decided,) = scores(account)
    assert (decided["facts"]["version"], decided["facts"]["set_aside"]) == (1, 1)
    assert arrivals.closed_window(to_score(MODEL), 1).outcome == SCORED


def test_without_a_version_objects_are_kept_and_reconcile_scores_them_once_one_serves(account):
    push(account)
    bring(account, "a.csv")
    assert account.executions("score") == []
    serve(account)
    tick = {"time": text(NOW + timedelta(minutes=10))}
    reconcile.handler(tick, account.context)
    assert account.executions("score") == [f"{MODEL}-s1-a1"]


@pytest.mark.parametrize("spec", [SPEC, ""])
def test_objects_for_a_model_that_scores_nothing_are_kept_and_told(account, spec):
    if spec:
        account.push()
    bring(account, "a.csv")
    assert account.executions("score") == []
    assert arrivals.open_window(to_score(MODEL)).objects == 1
    assert any("nothing scores them" in mail for mail in account.mails())


def test_bad_files_alone_end_a_batch_and_a_person_hears_why(account):
    push(account)
    serve(account)
    bring(account, "a.csv")
    planned = plan(account)
    listed = [
        {
            "key": f"score/{MODEL}/a.csv",
            "version_id": "v",
            "status": "set-aside",
            "reason": "is empty",
        }
    ]
    why = "bad data: nothing is left to score"
    account.put_json(
        planned["batch"]["files_uri"],
        {"outcome": "bad-files", "why": why, "counts": {}, "objects": listed},
    )
    error = {"Error": "States.TaskFailed", "Cause": json.dumps({"FailureReason": why})}
    done = finish(account, planned, error=error)
    assert (done["outcome"], done["ok"]) == (BAD_FILES, True)
    assert any("were not scored" in mail for mail in account.mails())


def test_what_one_version_cannot_score_the_next_one_does(account):
    push(account)
    serve(account)
    bring(account, "a.csv")
    planned = plan(account)
    cause = json.dumps({"FailureReason": "AlgorithmError: it answered 2 lines to 3 rows"})
    done = finish(account, planned, error={"Error": "States.TaskFailed", "Cause": cause})
    assert (done["outcome"], done["ok"]) == ("failed:v1", False)
    assert not ledger.lease(MODEL, SCORING).held(NOW)
    tick = {"time": text(NOW + timedelta(minutes=10))}
    reconcile.handler(tick, account.context)
    assert account.executions("score") == [f"{MODEL}-s1-a1"]  # it would fail again
    serve(account, 2)
    reconcile.handler({"time": text(NOW + timedelta(minutes=15))}, account.context)
    assert account.executions("score")[-1] == f"{MODEL}-s1-a2"
    assert plan(account, 1, 2)["batch"]["version"] == 2


def test_what_aws_lacks_is_no_verdict(account):
    push(account)
    serve(account)
    bring(account, "a.csv")
    planned = plan(account)
    cause = "The account-level service limit 'ml.m5.large for transform job usage' is 0 Instances, "
    cause += "with current utilization of 0 Instances and a request delta of 1 Instances."
    error = {"Error": "SageMaker.ResourceLimitExceededException", "Cause": cause}
    done = finish(account, planned, error=error)
    assert (done["outcome"], done["wait_seconds"]) == ("waits", 0)
    assert arrivals.closed_window(to_score(MODEL), 1).outcome is None
    assert any("ml.m5.large for transform job usage" in mail for mail in account.mails())


def test_with_a_schedule_what_came_waits_for_its_tick(account):
    push(account, '[deploy.batch]\nschedule = "rate(1 hour)"\n')
    serve(account)
    bring(account, "a.csv")
    assert account.executions("score") == []
    told = score_data.handler(account.request("schedule-scoring", model=MODEL), account.context)
    assert told["go"]
    assert account.executions("score") == [f"{MODEL}-s1-a1"]
    schedules = account.client("scheduler").list_schedules(GroupName="everloop")["Schedules"]
    assert f"everloop-{MODEL}-score" in [each["Name"] for each in schedules]
    account.push(MODEL, account.bundle(SPEC))  # an endpoint serves it from now on
    schedules = account.client("scheduler").list_schedules(GroupName="everloop")["Schedules"]
    assert f"everloop-{MODEL}-score" not in [each["Name"] for each in schedules]


def test_a_day_has_no_more_batches_than_the_spec_lets(account):
    push(account, "[deploy.batch]\nper_day = 1\n")
    serve(account)
    bring(account, "a.csv")
    planned = plan(account)
    end(account, planned)
    bring(account, "b.csv")
    finish(account, planned)
    assert account.executions("score") == [f"{MODEL}-s1-a1"]
    reconcile.handler({"time": text(NOW + timedelta(hours=25))}, account.context)
    assert account.executions("score") == [f"{MODEL}-s1-a1", f"{MODEL}-s2-a1"]


def closed(number, outcome):
    """Write down a window that was closed an hour ago."""
    said = {"number": number, "closed_at": text(NOW - timedelta(hours=1)), "objects": 1}
    said |= {"attempt": 1, "reason": "quiet", "cause": SCORING, "outcome": outcome}
    table.write(Put(windows.closed_key(to_score(MODEL), number), said))


def test_a_day_may_have_very_many_batches_and_no_more(account):
    push(account, "[deploy.batch]\nper_day = 110\n")
    serve(account)
    for number in range(1, 111):
        closed(number, SCORED)
    table.write(windows.make(to_score(MODEL), 111, 1, NOW, NOW))
    told = batches.start(ledger.installed(MODEL), NOW)
    assert (told.go, told.reason.partition(",")[0]) == (
        False,
        "110 batches were begun within a day",
    )


def test_of_very_many_windows_that_failed_the_first_is_scored_by_the_next_version(account):
    push(account)
    for number in range(1, 131):
        closed(number, "failed:v1")
    serve(account, 2)
    assert batches.waits(ledger.installed(MODEL), NOW).window == 1


def test_objects_that_were_deleted_before_they_are_scored_are_left_out(account):
    push(account)
    serve(account)
    bring(account, "a.csv")
    account.client("s3").delete_object(Bucket=account.data, Key=f"score/{MODEL}/a.csv")
    planned = plan(account)
    assert not planned["go"]
    assert "nothing is left" in planned["reason"]
    assert not ledger.lease(MODEL, SCORING).held(NOW)


def test_what_no_event_reported_is_found_by_reconcile_and_scored_once(account):
    push(account)
    serve(account)
    account.bring(f"score/{MODEL}/a.csv")
    (came,) = account.client("s3").list_objects_v2(Bucket=account.data, Prefix="score/")["Contents"]
    later = came["LastModified"] + timedelta(minutes=20)
    reconcile.handler({"time": text(later)}, account.context)
    reconcile.handler({"time": text(later + timedelta(minutes=5))}, account.context)
    assert arrivals.open_window(to_score(MODEL)).objects == 1
    assert account.executions("score") == [f"{MODEL}-s1-a1"]


def test_what_no_event_reported_is_found_in_a_tick_that_looks_at_other_models(account):
    push(account)
    for number in range(MOST_PER_TICK):
        item = {"pk": {"S": "MODELS"}, "sk": {"S": f"m{number:04d}"}}
        account.client("dynamodb").put_item(TableName="everloop-ledger", Item=item)
    ledger.note_last_of_tick(MODEL)
    account.bring(f"score/{MODEL}/a.csv")
    (came,) = account.client("s3").list_objects_v2(Bucket=account.data, Prefix="score/")["Contents"]
    later = came["LastModified"] + timedelta(minutes=20)
    assert MODEL not in reconcile.handler({"time": text(later)}, account.context)["repaired"]
    assert arrivals.open_window(to_score(MODEL)).objects == 1


def test_an_endpoint_of_before_that_moves_is_deleted_once_it_stands(account):
    push(account)
    arn = account.register(approval="Approved")
    account.serve(1)
    name = f"{MODEL}-r1-v1"
    named = {"package_arn": arn, "version": 1, "epoch": 1}
    named["execution"] = f"{EXECUTIONS.replace('-score', '-deploy')}:{name}"
    plan_release.handler(account.request("machine-plan-release", **named), account.context)
    request = account.request("machine-start-rollout", stage="production", **named)
    request["token"] = account.token("deploy", name)
    moves = {"Code": "ValidationException", "Message": "Cannot delete: update in progress"}
    account.answer(clients.sagemaker(), "DeleteEndpoint", 400, Error=moves)
    with pytest.raises(NotReady):  # the machine tries again
        start_rollout.handler(request, account.context)
    assert production.find(MODEL).version == 1
    account.answer_as_before()
    assert start_rollout.handler(request, account.context)["started"]
    assert account.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_a_step_that_is_none_is_refused(account):
    push(account)
    with pytest.raises(BadInput, match="step: 'go'"):
        plan(account, step="go")
