"""What seldom happens, and needs permissions of its own: each path is walked once, by its role."""

import json

import pytest
from botocore.exceptions import ClientError
from moto.backends import get_backend

import finish_release
import finish_training
import freeze_dataset
import judge_candidate
import judge_findings
import on_package_changed
import on_violation
import plan_release
import probe_endpoint
import reconcile
import start_rollout
import start_training
from everloop.aws import arrivals, clients, ledger
from everloop.errors import BadInput, EverloopError, NotReady
from everloop.flows import resuming
from everloop.moments import moment
from everloop.records.lease import RELEASE, TRAINING
from everloop.records.run import DATA, FAILED, RUNNING, Run
from everloop.records.token import Token

NOW = moment("2026-11-20T10:20:00Z")
REGION, ACCOUNT = "us-east-1", "123456789012"
MACHINES = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:everloop"
EXECUTIONS = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:everloop"
PIPELINES = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline"
RELEASING = "flight-delays-r1-v1"
LOST = "flight-delays-w1-0123abcd"
HOLDER = f"{EXECUTIONS}-deploy:{RELEASING}"


def endpoints_backend():
    return get_backend("sagemaker")[ACCOUNT][REGION].endpoints


def rollout(account, stage, arn):
    planned = account.request(
        "machine-plan-release", package_arn=arn, version=1, epoch=1, execution=HOLDER
    )
    assert plan_release.handler(planned, account.context)["go"] is True
    request = account.request(
        "machine-start-rollout",
        stage=stage,
        version=1,
        epoch=1,
        package_arn=arn,
        token=account.token("deploy", RELEASING),
        execution=HOLDER,
    )
    return start_rollout.handler(request, account.context)


def test_a_pipeline_that_sagemaker_refuses_leaves_no_schedule_behind(account):
    error = {"Code": "ValidationException", "Message": "step Train waits for itself"}
    account.answer(clients.sagemaker(), "CreatePipeline", 400, Error=error)
    assert account.push()["go"] is False
    found = account.client("scheduler").list_schedules(GroupName="everloop")["Schedules"]
    assert found == []
    assert ledger.models() == []


def test_a_run_that_nobody_waits_for_is_stopped_before_the_next(account):
    account.push()
    found = {
        "PipelineExecutionArn": f"{PIPELINES}/flight-delays/execution/lost",
        "PipelineExecutionDisplayName": "flight-delays-w1-0123abcd",
        "PipelineExecutionStatus": "Executing",
        "StartTime": NOW,
    }
    sagemaker = clients.sagemaker()
    account.answer(sagemaker, "ListPipelineExecutions", 200, PipelineExecutionSummaries=[found])
    stopped = account.answer(sagemaker, "StopPipelineExecution", 200)
    account.answer(sagemaker, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[])
    name = "flight-delays-w2-a1"
    execution = f"{EXECUTIONS}-train:{name}"
    request = account.request(
        "machine-start-training", execution=execution, token=account.token("train", name), window=2
    )
    start_training.handler(request, account.context)
    assert [asked["PipelineExecutionArn"] for asked in stopped] == [found["PipelineExecutionArn"]]


def lost_run(account, status, steps, pushed=None):
    """A run whose machine died, and the frozen window it was started for."""
    waited_run(account, status, steps, pushed)
    account.client("stepfunctions").stop_execution(
        executionArn=f"{EXECUTIONS}-train:flight-delays-w1-a1"
    )


def waited_run(account, status, steps, pushed=None):
    """A run that its machine waits for, and the frozen window it was started for."""
    account.push(data=pushed)
    account.drop(account.bring("data/flight-delays/a.csv"))
    freeze_dataset.handler(
        account.request("machine-freeze-dataset", window=1, time="2026-11-20T11:00:00Z"),
        account.context,
    )
    run = Run(
        LOST,
        "d",
        ledger.installed("flight-delays").bundle_digest,
        DATA,
        moment("2026-11-20T10:11:00Z"),
        RUNNING,
        execution="flight-delays-w1-a1",
    )
    ledger.put_run("flight-delays", run)
    arn = f"{PIPELINES}/flight-delays/execution/lost"
    summary = {
        "PipelineExecutionArn": arn,
        "PipelineExecutionDisplayName": LOST,
        "PipelineExecutionStatus": status,
        "StartTime": NOW,
    }
    described = {
        "PipelineArn": f"{PIPELINES}/flight-delays",
        "PipelineExecutionDisplayName": LOST,
        "PipelineExecutionStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    client = clients.sagemaker()
    listed = [summary] if status else []
    account.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=listed)
    account.answer(client, "DescribePipelineExecution", 200, **described)
    account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=steps)


def train_ends(account):
    return [d["reason"] for d in account.decisions() if d["kind"] == "train-end"]


def test_a_run_that_nobody_saw_succeed_is_told_and_not_trained_again(account):
    package = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/flight-delays/1"
    step = {"StepName": "Register", "Metadata": {"RegisterModel": {"Arn": package}}}
    lost_run(account, "Succeeded", [step])
    for time in ("2026-11-20T12:00:00Z", "2026-11-20T12:05:00Z"):
        reconcile.handler({"time": time}, account.context)
    assert train_ends(account) == [f"registered {package}"]
    assert [run.outcome for run in ledger.runs("flight-delays")] == ["registered"]
    assert arrivals.closed_window("flight-delays", 1).outcome == "registered"
    assert account.executions("train") == ["flight-delays-w1-a1"]


def test_a_run_that_nobody_saw_fail_is_told_to_people(account):
    failed = {"StepName": "Train", "StepStatus": "Failed", "FailureReason": "out of memory"}
    lost_run(account, "Failed", [failed])
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert train_ends(account) == ["the pipeline ended Failed: step Train: out of memory"]
    assert account.mails() == ["flight-delays: training failed"]
    assert arrivals.closed_window("flight-delays", 1).outcome == "failed"


def test_a_run_that_nobody_saw_end_has_its_metrics_and_is_noted_all_the_same(account):
    account.put_json(
        f"s3://{account.artefacts}/runs/flight-delays/lost/evaluation/evaluation.json",
        {"metrics": {"auc": {"value": 0.55}}},
    )
    job = {"TrainingJob": {"Arn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/pipelines-1"}}
    bars = {"Fail": {"ErrorMessage": "Below the bars: wanted are auc at least 0.6"}}
    steps = [
        {"StepName": "Train", "StepStatus": "Succeeded", "Metadata": job},
        {"StepName": "BelowBars", "StepStatus": "Failed", "Metadata": bars},
    ]
    lost_run(account, "Failed", steps)
    noted = account.answer(clients.sagemaker(), "UpdateTrialComponent", 200)
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
    account.answer(
        *(clients.sagemaker(), "DescribeTrainingJob", 200),
        ResourceConfig=cluster,
        BillableTimeInSeconds=360,
    )
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    (run,) = ledger.runs("flight-delays")
    assert (run.outcome, run.job, run.metrics) == ("below-bars", "pipelines-1", {"auc": 0.55})
    assert run.used == {"ml.m5.large hour": 0.1}
    assert [each["TrialComponentName"] for each in noted] == ["pipelines-1-aws-training-job"]


def test_what_a_run_that_nobody_saw_end_made_to_be_scored_by_is_deleted(account):
    spec = 'problem = "binary_classification"\n[data]\ntarget = "late"\n'
    pushed = account.bundle(f'{spec}[evaluate]\nby = "transform"\n')
    failed = {"StepName": "Evaluate", "StepStatus": "Failed", "FailureReason": "out of memory"}
    lost_run(account, "Failed", [account.made_to_score(), failed], pushed)
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert train_ends(account) == ["the pipeline ended Failed: step Evaluate: out of memory"]
    assert account.client("sagemaker").list_models()["Models"] == []


def test_a_run_that_never_began_is_tried_again(account):
    lost_run(account, "", [])
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert train_ends(account) == ["its machine died before it began"]
    assert arrivals.closed_window("flight-delays", 1).outcome is None
    assert account.executions("train") == ["flight-delays-w1-a1", "flight-delays-w1-a2"]


def test_a_run_whose_next_attempt_begins_as_reconcile_looks_is_left_to_it(account):
    lost_run(account, "", [])

    def begins(**_: object) -> None:
        next_attempt = f"{EXECUTIONS}-train:flight-delays-w1-a2"
        now, until = moment("2026-11-20T12:00:00Z"), moment("2026-11-21T12:00:00Z")
        ledger.take_lease("flight-delays", TRAINING, next_attempt, 2, now, until)

    account.meanwhile(clients.sagemaker(), "ListPipelineExecutions", begins)
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert train_ends(account) == []
    assert [run.outcome for run in ledger.runs("flight-delays")] == ["running"]


def test_a_run_that_goes_on_without_its_machine_is_left_alone(account):
    lost_run(account, "Executing", [])
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert train_ends(account) == []
    assert [run.outcome for run in ledger.runs("flight-delays")] == ["running"]


def test_a_start_that_is_refused_when_it_is_tried_again_leaves_its_run_running(account):
    account.push()
    run = Run(LOST, "d", "b", DATA, NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", run)
    execution = f"{EXECUTIONS}-train:flight-delays-w1-a1"
    request = account.request(
        "machine-finish-training",
        window=1,
        execution=execution,
        run={"started": False, "reason": "paused", "later": True},
    )
    finish_training.handler(request, account.context)
    assert [run.outcome for run in ledger.runs("flight-delays")] == ["running"]


def test_a_pipeline_that_ended_at_once_is_noticed_by_who_started_it(account):
    account.push()
    account.answer(
        clients.sagemaker(), "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[]
    )
    name = "flight-delays-w1-a1"
    execution = f"{EXECUTIONS}-train:{name}"
    request = account.request(
        "machine-start-training", execution=execution, token=account.token("train", name), window=1
    )
    assert start_training.handler(request, account.context)["started"] is True
    (run,) = ledger.runs("flight-delays")
    assert ledger.token(resuming.run_subject("flight-delays", run.name)) is None


def test_a_marker_wakes_the_machine_that_waits_for_quiet(account):
    account.push()
    account.drop(account.bring("data/flight-delays/a.csv"))
    token = account.token("train", "flight-delays-w1-a1")
    account.client("dynamodb").update_item(
        TableName="everloop-ledger",
        Key={"pk": {"S": "MODEL#flight-delays"}, "sk": {"S": "WINDOW"}},
        UpdateExpression="SET #token = :token",
        ExpressionAttributeNames={"#token": "token"},
        ExpressionAttributeValues={":token": {"S": token}},
    )
    assert arrivals.open_window("flight-delays").token == token
    account.drop(account.arrival("data/flight-delays/_SUCCESS"))
    assert arrivals.open_window("flight-delays").token is None


def test_a_key_that_may_be_encoded_and_is_gone_already_is_taken_as_s3_wrote_it(account):
    account.push()
    answer = account.drop(account.arrival("data/flight-delays/a%20b.csv"))
    assert answer == {"batchItemFailures": []}  # before, it died in the queue for a day of retries
    (arrival,) = arrivals.arrivals("flight-delays", [1])[1]
    assert arrival.key == "data/flight-delays/a%20b.csv"


@pytest.mark.parametrize("who", ["heeds", "plans", "finishes"])
def test_a_release_that_ended_without_a_trace_is_not_taken_for_a_running_one(account, who):
    account.push()
    machines = account.client("stepfunctions")
    arn = account.register(approval="Approved")
    died = machines.start_execution(stateMachineArn=f"{MACHINES}-deploy", name=RELEASING)
    machines.stop_execution(executionArn=died["executionArn"])
    if who == "heeds":
        event = account.event(
            "sagemaker-model-package-approved", ModelPackageArn=arn, ModelPackageVersion=1
        )
        on_package_changed.handler(event, account.context)
    elif who == "plans":
        old = account.register(2, approval="Rejected")
        request = account.request("machine-plan-release", package_arn=old, version=2, epoch=0)
        plan_release.handler(request, account.context)
    else:
        old = account.register(2, approval="Rejected")
        request = account.request("machine-finish-release", package_arn=old, version=2, epoch=0)
        finish_release.handler(request, account.context)
    assert account.executions("deploy") == [RELEASING]
    assert ledger.lease("flight-delays", RELEASE).epoch >= 1


def release_that_died(account):
    """A release whose machine ended without a word: lease and staging endpoint are still there."""
    account.push()
    account.serve(1, "flight-delays-staging")
    machines = account.client("stepfunctions")
    died = machines.start_execution(stateMachineArn=f"{MACHINES}-deploy", name=RELEASING)
    ledger.take_lease("flight-delays", RELEASE, HOLDER, 1, NOW, NOW.replace(month=12))
    machines.stop_execution(executionArn=died["executionArn"])


def test_what_a_dead_release_left_in_staging_is_deleted_with_its_lease(account):
    release_that_died(account)
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert ledger.lease("flight-delays", RELEASE).holder == ""
    assert account.client("sagemaker").list_endpoints()["Endpoints"] == []


def test_the_staging_endpoint_of_the_next_release_outlives_a_late_look_at_the_dead_one(account):
    release_that_died(account)
    following = HOLDER.replace("-r1-", "-r2-")

    def begins(**_: object) -> None:
        if ledger.free_lease("flight-delays", RELEASE, HOLDER):
            ledger.take_lease("flight-delays", RELEASE, following, 2, NOW, NOW.replace(month=12))

    account.meanwhile(clients.stepfunctions(), "DescribeExecution", begins)
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert ledger.lease("flight-delays", RELEASE).holder == following
    found = account.client("sagemaker").list_endpoints()["Endpoints"]
    assert [each["EndpointName"] for each in found] == ["flight-delays-staging"]


def test_an_endpoint_that_is_there_at_once_wakes_the_release_itself(account):
    account.push()
    arn = account.register(approval="Approved")
    assert rollout(account, "staging", arn)["started"] is True
    assert ledger.token(resuming.endpoint_subject("flight-delays-staging")) is None


def test_a_staging_endpoint_that_had_failed_is_deleted_before_the_next(account):
    account.push()
    arn = account.register(approval="Approved")
    rollout(account, "staging", arn)
    endpoints_backend()["flight-delays-staging"].endpoint_status = "Failed"
    with pytest.raises(NotReady, match="had failed and is being deleted"):
        rollout(account, "staging", arn)
    assert "flight-delays-staging" not in endpoints_backend()


@pytest.mark.parametrize("who", ["training", "candidate", "findings"])
def test_a_report_that_is_not_there_yet_is_asked_for_again(account, who):
    account.push()
    package = account.register()
    files = account.client("s3").list_objects_v2(Bucket=account.artefacts, Prefix="runs/")
    for found in files["Contents"]:
        account.client("s3").delete_object(Bucket=account.artefacts, Key=found["Key"])
    if who == "training":
        run = {"started": True, "run": "arn:run", "status": "Succeeded", "package_arn": package}
        run |= {"failed_step": "", "reason": ""}
        name = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:w1-a1"
        ledger.put_run("flight-delays", Run("w1", "d", "b", DATA, NOW, RUNNING, execution="w1-a1"))
        ledger.take_lease("flight-delays", TRAINING, name, 1, NOW, NOW.replace(year=2027))
        request = account.request("machine-finish-training", window=1, execution=name, run=run)
        finish, request = finish_training.handler, request
    elif who == "candidate":
        finish = judge_candidate.handler
        request = account.request("machine-judge-candidate", package_arn=package)
    else:
        finish = judge_findings.handler
        uri = f"s3://{account.artefacts}/monitoring/flight-delays/x/findings.json"
        request = account.request("machine-judge-findings", findings_uri=uri)
    with pytest.raises(NotReady, match="is not there"):
        finish(request, account.context)


def test_a_monitor_that_could_not_look_is_told_to_people(account):
    account.push()
    error = {"Error": "States.TaskFailed", "Cause": "no room"}
    request = account.request("machine-judge-findings", error=error, findings_uri=None)
    assert judge_findings.handler(request, account.context)["violated"] is False
    assert account.mails() == ["flight-delays v2: the monitor could not look"]


def test_findings_with_a_member_that_has_no_name_are_refused_and_nothing_is_decided(account):
    account.push()
    check = {"feature": "hour", "statistic": "psi", "value": 0.3, "threshold": 0.1}
    document = {
        "version": 1,
        "model": "flight-delays",
        "rows": {"": 900},
        "labelled_rows": 100,
        "checks": [{**check, "monitor": "data", "violated": True}],
    }
    key = "monitoring/flight-delays/x/findings.json"
    account.client("s3").put_object(
        Bucket=account.artefacts, Key=key, Body=json.dumps(document).encode()
    )
    uri = f"s3://{account.artefacts}/{key}"
    request = account.request("machine-judge-findings", findings_uri=uri)
    with pytest.raises(BadInput, match="a member has no name"):
        judge_findings.handler(request, account.context)
    assert [d["kind"] for d in account.decisions()] == ["install"]


def test_native_model_monitors_findings_are_read_from_its_job(account):
    account.push()
    event = account.event("sagemaker-processing-job-model-monitor-violations")
    assert on_violation.handler(event, account.context)["go"] is False  # the job is gone


def test_violations_that_training_cannot_mend_are_told_to_people(account):
    account.push()
    account.drop(account.bring("data/flight-delays/a.csv"))
    for day in (1, 2, 3):
        began = moment(f"2026-11-0{day}T10:00:00Z")
        run = Run(f"w{day}-a1", f"d{day}", "b", DATA, began, FAILED, began)
        ledger.put_run("flight-delays", run)
    on_violation.handler(account.violation(), account.context)
    assert account.mails() == ["flight-delays: a violation was found, and no training answers it"]


def test_reconcile_looks_closer_at_a_version_that_failed_before(account):
    account.push()
    arn = account.register(approval="Approved")
    request = account.request(
        "machine-finish-release", package_arn=arn, version=1, epoch=1,
        tests={"passed": False, "reason": "slow"}, rollout=None,
    )  # fmt: skip
    finish_release.handler(request, account.context)
    reconcile.handler({"time": "2026-11-20T12:00:00Z"}, account.context)
    assert account.executions("deploy") == []


def test_reconcile_wakes_a_release_whose_event_was_lost(account):
    account.push()
    config = account.serve(1)
    account.client("stepfunctions").start_execution(
        stateMachineArn=f"{MACHINES}-deploy", name=RELEASING
    )
    subject = resuming.endpoint_subject("flight-delays")
    token = account.token("deploy", RELEASING)
    ledger.take_lease("flight-delays", RELEASE, HOLDER, 1, NOW, NOW.replace(year=2040))
    ledger.put_token(Token(subject, token, "flight-delays", HOLDER, config, True), NOW)
    ledger.note_wait("flight-delays", RELEASE, HOLDER, subject)
    reconcile.handler({"time": "2039-01-01T00:00:00Z"}, account.context)
    assert ledger.token(subject) is None


def test_reconcile_wakes_a_training_whose_event_was_lost(account):
    waited_run(account, "Succeeded", [])
    holder = f"{EXECUTIONS}-train:flight-delays-w1-a1"
    subject = resuming.run_subject("flight-delays", LOST)
    token = account.token("train", "flight-delays-w1-a1")
    ledger.take_lease("flight-delays", TRAINING, holder, 1, NOW, NOW.replace(year=2040))
    ledger.put_token(Token(subject, token, "flight-delays", holder, "", True), NOW)
    ledger.note_wait("flight-delays", TRAINING, holder, f"{PIPELINES}/flight-delays/execution/lost")
    reconcile.handler({"time": "2039-01-01T00:00:00Z"}, account.context)
    assert ledger.token(subject) is None
    assert ledger.lease("flight-delays", TRAINING).holder == holder  # it ends by itself


def test_a_staging_endpoint_that_is_deleted_under_test_is_an_error_of_ours(account):
    account.push()
    package = account.register(approval="Approved")
    run = f"s3://{account.artefacts}/runs/flight-delays/r1"
    account.put(f"{run}/holdout/data.csv", b"id,x,late\n1,2,0\n")
    account.put(f"{run}/evaluation/predictions.csv", b"row,score\n0,0.5\n")
    config = account.serve(1, "flight-delays-staging", staged=True)

    def gone(**_: object) -> None:
        told = {"Code": "ValidationError", "Message": "Endpoint flight-delays-staging not found."}
        raise ClientError({"Error": told}, "InvokeEndpoint")

    account.meanwhile(clients.sagemaker_runtime(), "InvokeEndpoint", gone)
    request = account.request("machine-probe-endpoint", package_arn=package, version=1)
    request |= {"endpoint": "flight-delays-staging", "config": config}
    with pytest.raises(EverloopError, match="flight-delays-staging was deleted under way"):
        probe_endpoint.handler(request, account.context)
