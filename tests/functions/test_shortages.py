"""What AWS lacks is waited for, told once, and no verdict: on a window, a version, or traffic."""

import dataclasses
import json
from datetime import timedelta

import pytest

import finish_release
import finish_training
import freeze_dataset
import judge_candidate
import judge_findings
import pause_models
import plan_comparison
import probe_endpoint
import reconcile
import start_training
from everloop.aws import arrivals, endpoints, ledger
from everloop.aws import shortages as records
from everloop.aws.clients import sagemaker
from everloop.decisions.governor import may_train, useless_in_a_row
from everloop.errors import NoCapacity
from everloop.flows import shortages
from everloop.moments import moment, text
from everloop.records.lease import RELEASE, TRAINING
from everloop.records.run import FAILED, REGISTERED, RUNNING, WAITING
from everloop.records.shortage import Shortage, Trouble, judgement
from everloop.spec.policy import retrain

M = "flight-delays"
NOW = moment("2026-11-20T11:00:00Z")
TRAIN = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays-w1-a1"
RUN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flight-delays/execution/abc"
LISTED: list[dict[str, object]] = []  # the executions that AWS lists, and their steps
STEPS: list[dict[str, object]] = []


def limit(there: int, used: int, wanted: int = 1, what: str = "training job") -> str:
    return (
        f"The account-level service limit 'ml.m5.large for {what} usage' is {there} Instances, with"
        f" current utilization of {used} Instances and a request delta of {wanted} Instances. "
        "Please use AWS Service Quotas to request an increase for this quota."
    )


def step(said: str) -> str:
    return f"ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: {said}"


def after(minutes: float) -> str:
    return text(NOW + timedelta(minutes=minutes))


@pytest.fixture
def training(account):
    """A window that is frozen, and whose machine waits for its run."""
    account.push()
    account.drop(account.bring("data/flight-delays/a.csv"))
    freeze(account)
    client = sagemaker()
    account.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=LISTED)
    account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=STEPS)
    LISTED.clear()
    STEPS.clear()
    start(account, 0)
    account.mails()
    return account


def freeze(account):
    given = {"model": M, "window": 1, "cause": "data", "time": after(0)}
    return freeze_dataset.handler(given, account.context)


def start(account, minutes, execution=TRAIN):
    closed = arrivals.closed_window(M, 1)
    request = account.request(
        "machine-start-training",
        window=1,
        dataset_uri=closed.uri,
        dataset_digest=closed.digest,
        execution=execution,
        token=account.token("train", f"flight-delays-w1-a1-{minutes}"),
        time=after(minutes),
    )
    return start_training.handler(request, account.context)


def finish(account, minutes, reason="", *, execution=TRAIN, **values):
    ended = {
        "started": True,
        "status": "Failed",
        "run": RUN,
        "package_arn": "",
        "failed_step": "Train",
        "reason": reason,
    }
    request = account.request(
        "machine-finish-training",
        window=1,
        execution=execution,
        time=after(minutes),
        **({"run": {**ended, **values}} if "error" not in values else {"run": None, **values}),
    )
    return finish_training.handler(request, account.context)


def failed_at(account, said):
    """Let AWS say of the run that a step of it failed, and why."""
    described = {
        "PipelineArn": RUN.rpartition("/execution")[0],
        "PipelineExecutionStatus": "Failed",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    account.answer(sagemaker(), "DescribePipelineExecution", 200, **described)
    STEPS.append({"StepName": "Train", "StepStatus": "Failed", "FailureReason": said})


def test_a_busy_quota_keeps_window_run_and_lease_and_is_no_verdict(training):
    answer = finish(training, 5, step(limit(4, 4)))
    assert (answer["outcome"], answer["ok"]) == ("waits", True)
    assert 60 <= answer["wait_seconds"] <= 180
    (run,) = ledger.runs(M)
    assert run.outcome == WAITING
    assert useless_in_a_row([run]) == 0
    assert may_train("violation", [run], retrain(ledger.installed(M).spec), NOW).go
    closed = arrivals.closed_window(M, 1)
    assert closed is not None and closed.outcome is None
    assert ledger.lease(M, TRAINING).holder == TRAIN
    assert training.mails() == []
    assert [d["kind"] for d in training.decisions() if d["kind"] == "train-end"] == []


def test_it_is_told_once_when_it_matters_and_once_when_it_is_over(training):
    for minutes in (5, 8, 40, 70, 70, 100):
        assert finish(training, minutes, step(limit(4, 4)))["wait_seconds"] > 0
    told = "flight-delays: a training waits for AWS: ml.m5.large for training job usage"
    assert training.mails() == [told]
    package = training.register()
    finish(training, 130, status="Succeeded", package_arn=package)
    assert training.mails() == ["flight-delays: a training waits for AWS no more"]
    assert records.of(M) == []
    waits = [(d["go"], d["facts"]["tries"]) for d in training.decisions() if d["kind"] == "wait"]
    assert waits == [(False, 3), (True, 5)]


def test_a_step_that_is_tried_again_meets_it_once(training):
    first = finish(training, 5, step(limit(4, 4)))
    assert finish(training, 5, step(limit(4, 4))) == first
    (known,) = records.of(M)
    assert known.tries == 1


def test_the_mail_names_the_quota_its_code_what_is_there_and_what_is_wanted(training):
    finish(training, 5, step(limit(0, 0)))
    sqs = training.client("sqs")
    (mail,) = sqs.receive_message(QueueUrl=training.mail)["Messages"]
    body = json.loads(mail["Body"])["Message"]
    for part in (
        "The quota 'ml.m5.large for training job usage' is 0, and at least 1 is needed",
        "L-611FA074",
        "aws service-quotas request-service-quota-increase --service-code sagemaker",
        "--desired-value 1",
        "servicequotas/home/services/sagemaker/quotas/L-611FA074",
        "everloop resume flight-delays",
    ):
        assert part in " ".join(body.split()), part


def test_a_quota_of_0_is_told_at_once_and_nobody_tries_it_until_something_changes(training):
    answer = finish(training, 5, step(limit(0, 0)))
    assert (answer["outcome"], answer["ok"], answer["wait_seconds"]) == ("waits", True, 0)
    assert training.mails() == [
        "flight-delays: a training is held: ml.m5.large for training job usage"
    ]
    assert ledger.lease(M, TRAINING).holder == ""
    training.client("stepfunctions").stop_execution(executionArn=TRAIN)
    for minutes in (20, 600, 3000):
        assert tick(training, minutes) == 0
    assert training.executions("train") == ["flight-delays-w1-a1"]
    assert not any("training" in mail for mail in training.mails())


def tick(account, minutes):
    return reconcile.handler({"time": after(minutes)}, account.context)["repaired"][M]


def resume(account, minutes):
    request = account.request("request-pause-models", model=M, pause=False, time=after(minutes))
    return pause_models.handler(request, account.context)["models"]


def test_resume_lets_what_is_held_be_tried_again(training):
    finish(training, 5, step(limit(0, 0)))
    training.client("stepfunctions").stop_execution(executionArn=TRAIN)
    assert resume(training, 60) == [M]
    assert resume(training, 61) == []
    assert tick(training, 70) == 1
    assert training.executions("train") == ["flight-delays-w1-a1", "flight-delays-w1-a2"]


def test_a_push_lets_what_is_held_be_tried_again(training):
    finish(training, 5, step(limit(0, 0)))
    training.client("stepfunctions").stop_execution(executionArn=TRAIN)
    held = ledger.installed(M)
    ledger.install(
        ledger.Installation(
            **{
                **{name: getattr(held, name) for name in held.__dataclass_fields__},
                "installed_at": NOW + timedelta(minutes=60),
            }
        )
    )
    tick(training, 70)
    assert "flight-delays-w1-a2" in training.executions("train")


def pushed(account, minutes):
    """Let the model be installed again, as a push does."""
    installed = ledger.installed(M)
    ledger.install(dataclasses.replace(installed, installed_at=NOW + timedelta(minutes=minutes)))


def test_what_a_push_meets_after_something_was_held_is_new_and_told(training):
    finish(training, 5, step(limit(0, 0)))
    training.mails()
    pushed(training, 60)
    answer = finish(training, 70, step(limit(4, 4)))
    assert answer["wait_seconds"] > 0
    (known,) = records.of(M)
    assert (known.since, known.tries, known.notified) == (NOW + timedelta(minutes=70), 1, "")
    pushed(training, 80)
    finish(training, 90, step(limit(0, 0)))
    assert training.mails() == [
        "flight-delays: a training is held: ml.m5.large for training job usage"
    ]


def test_another_quota_than_the_one_that_held_it_is_new_and_told(training):
    finish(training, 5, step(limit(0, 0)))
    training.mails()
    finish(training, 70, step(limit(0, 0, 1, "processing job")))
    assert training.mails() == [
        "flight-delays: a training is held: ml.m5.large for processing job usage"
    ]


def test_a_drop_is_tried_although_an_older_one_is_held(training):
    finish(training, 5, step(limit(0, 0)))
    training.client("stepfunctions").stop_execution(executionArn=TRAIN)
    training.drop(training.bring("data/flight-delays/b.csv"))
    assert "flight-delays-w2-a1" in training.executions("train")


def test_after_a_day_it_is_held_and_told_and_the_window_is_still_there(training):
    minutes, answer = 5.0, finish(training, 5, step(limit(4, 4)))
    while answer["wait_seconds"]:
        minutes += answer["wait_seconds"] / 60
        answer = finish(training, minutes, step(limit(4, 4)))
    assert 24 * 60 <= minutes <= 25 * 60
    assert len(training.mails()) == 2
    closed = arrivals.closed_window(M, 1)
    assert closed is not None and closed.outcome is None


def test_a_run_goes_on_with_the_step_that_failed(training):
    client = sagemaker()
    finish(training, 5, step(limit(4, 4)))
    failed_at(training, step(limit(4, 4)))
    asked = training.answer(client, "RetryPipelineExecution", 200, PipelineExecutionArn=RUN)
    start(training, 10)
    assert [len(each["ClientRequestToken"]) for each in asked] == [64]
    (run,) = ledger.runs(M)
    assert run.outcome == RUNNING


def test_a_run_whose_script_failed_is_not_started_again(training):
    client = sagemaker()
    said = "AlgorithmError: ThrottlingException: Rate exceeded"
    failed_at(training, said)
    asked = training.answer(client, "RetryPipelineExecution", 200, PipelineExecutionArn=RUN)
    start(training, 10)
    assert asked == []


def test_a_script_s_failure_is_a_failure_whatever_it_says(training):
    said = "AlgorithmError: ExecuteUserScriptError: ResourceLimitExceeded: InternalServerError"
    assert finish(training, 5, said)["outcome"] == FAILED


def test_what_a_pipeline_s_own_fail_step_says_is_its_own_word(training):
    answer = finish(training, 5, "Rate exceeded", failed_step="Mine", chosen=True)
    assert answer["outcome"] == FAILED


def test_a_pipeline_that_may_not_start_yet_waits_as_well(training):
    said = "An error occurred (ResourceLimitExceeded) when calling the StartPipelineExecution "
    cause = {"errorType": "NoCapacity", "errorMessage": f"pipeline {M}: {said}operation: too many"}
    error = {"Error": "NoCapacity", "Cause": json.dumps(cause)}
    answer = finish(training, 5, error=error)
    assert (answer["outcome"], answer["wait_seconds"] > 0) == ("waits", True)


def test_a_run_that_nobody_saw_end_waits_and_is_tried_again(training):
    (run,) = ledger.runs(M)
    ledger.free_lease(M, TRAINING, TRAIN)
    training.client("stepfunctions").stop_execution(executionArn=TRAIN)
    listed = {
        "PipelineExecutionArn": RUN,
        "PipelineExecutionStatus": "Failed",
        "PipelineExecutionDisplayName": run.name,
        "StartTime": NOW,
    }
    LISTED.append(listed)
    failed_at(training, "CapacityError: Unable to provision requested ML compute capacity.")
    tick(training, 30)
    assert [run.outcome for run in ledger.runs(M)] == [WAITING]
    assert training.executions("train") == ["flight-delays-w1-a1", "flight-delays-w1-a2"]
    assert training.mails() == []


def test_a_run_that_waits_and_succeeded_is_told_though_another_took_its_place(training):
    """AWS began it and said that it had an error; by the next attempt code had been pushed."""
    (run,) = ledger.runs(M)
    ledger.put_run(M, dataclasses.replace(run, outcome=WAITING))
    started = run.started_at + timedelta(hours=1)
    later = {"name": "flight-delays-w1-00000002", "outcome": REGISTERED}
    ledger.put_run(M, dataclasses.replace(run, **later, started_at=started, ended_at=started))
    arrivals.note_outcome(M, 1, REGISTERED)
    ledger.free_lease(M, TRAINING, TRAIN)
    training.client("stepfunctions").stop_execution(executionArn=TRAIN)
    listed = {
        "PipelineExecutionArn": RUN,
        "PipelineExecutionStatus": "Succeeded",
        "PipelineExecutionDisplayName": run.name,
        "StartTime": NOW,
    }
    LISTED.append(listed)
    described = {
        "PipelineArn": RUN.rpartition("/execution")[0],
        "PipelineExecutionStatus": "Succeeded",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    training.answer(sagemaker(), "DescribePipelineExecution", 200, **described)
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/flight-delays/7"
    step = {"StepName": "Register", "StepStatus": "Succeeded"}
    STEPS.append({**step, "Metadata": {"RegisterModel": {"Arn": arn}}})
    for minutes in (300, 310):
        tick(training, minutes)
        ends = [d["reason"] for d in training.decisions() if d["kind"] == "train-end"]
        assert ends == [f"registered {arn}"]
        assert {each.outcome for each in ledger.runs(M)} == {REGISTERED}


@pytest.mark.parametrize("begun", [True, False])
def test_a_run_that_waits_for_nobody_any_more_is_looked_at_once(training, begun):
    (run,) = ledger.runs(M)
    ledger.put_run(M, dataclasses.replace(run, outcome=WAITING))
    started = run.started_at + timedelta(hours=1)
    later = {"name": "flight-delays-w1-00000002", "outcome": REGISTERED}
    ledger.put_run(M, dataclasses.replace(run, **later, started_at=started, ended_at=started))
    arrivals.note_outcome(M, 1, REGISTERED)
    ledger.free_lease(M, TRAINING, TRAIN)
    training.client("stepfunctions").stop_execution(executionArn=TRAIN)
    if begun:
        listed = {"PipelineExecutionArn": RUN, "PipelineExecutionStatus": "Failed"}
        LISTED.append({**listed, "PipelineExecutionDisplayName": run.name, "StartTime": NOW})
        failed_at(training, "CapacityError: Unable to provision requested ML compute capacity.")
    asked = []
    watch = "before-parameter-build.sagemaker.ListPipelineExecutions"

    def count(**_):
        asked.append(1)

    sagemaker().meta.events.register(watch, count)
    try:
        for minutes in (300, 310, 320):
            tick(training, minutes)
    finally:
        sagemaker().meta.events.unregister(watch, count)
    assert len(asked) == 1
    assert [d for d in training.decisions() if d["kind"] == "train-end"] == []
    assert [r.outcome for r in ledger.runs(M) if r.name == run.name] == [WAITING]


# judgements

EVALUATE = "arn:aws:states:us-east-1:123456789012:execution:everloop-evaluate:"


def judge(account, arn, minutes, error):
    name = f"flight-delays-v{arn.rpartition('/')[2]}-0000"
    request = account.request(
        "machine-judge-candidate",
        package_arn=arn,
        execution=EVALUATE + name,
        error=error,
        time=after(minutes),
    )
    return judge_candidate.handler(request, account.context)


def refused(what: str, there: int, used: int) -> dict[str, str]:
    return {
        "Error": "SageMaker.ResourceLimitExceededException",
        "Cause": f"{limit(there, used, 1, what)} (Service: AmazonSageMaker; Status Code: 400; "
        "Error Code: ResourceLimitExceeded; Request ID: 1; Proxy: null)",
    }


def test_a_comparison_without_room_waits_and_is_planned_again_under_another_name(account):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2)
    account.serve(1)
    request = account.request(
        "machine-plan-comparison", package_arn=arn, execution=f"{EVALUATE}flight-delays-v2-0000"
    )
    first = plan_comparison.handler(request, account.context)["job"]["name"]
    answer = judge(account, arn, 5, refused("processing job", 4, 4))
    assert (answer["verdict"], answer["wait_seconds"] > 0) == ("waits", True)
    assert account.approval(arn) == "PendingManualApproval"
    assert account.mails() == []
    second = plan_comparison.handler(request, account.context)["job"]["name"]
    assert first != second
    assert [d for d in account.decisions() if d["kind"] == "judge"] == []


def test_a_judgement_that_is_held_is_made_once_it_is_resumed(account):
    account.push()
    arn = account.register(2)
    name = names_of_judgement(account, arn)
    answer = judge(account, arn, 5, refused("processing job", 0, 0))
    assert (answer["verdict"], answer["wait_seconds"]) == ("waits", 0)
    ended(account, name)
    tick(account, 60 * 24 * 365)
    assert account.executions("evaluate") == [name]
    resume(account, 60 * 24 * 365)
    tick(account, 60 * 24 * 365 + 10)
    assert len(account.executions("evaluate")) == 2


def activity_of(arn):
    return judgement(int(arn.rpartition("/")[2]))


def test_a_judgement_that_is_held_outlasts_that_of_another_version(account):
    account.push()
    arn = account.register(2)
    name = names_of_judgement(account, arn)
    judge(account, arn, 5, refused("processing job", 0, 0))
    ended(account, name)
    other = account.register(3)
    judge(account, other, 6, refused("processing job", 4, 4))
    shortages.over(ledger.installed(M), activity_of(other), NOW + timedelta(minutes=9))
    (known,) = records.of(M)
    assert (known.activity, known.subject) == (activity_of(arn), arn)
    resume(account, 60 * 24 * 365)
    tick(account, 60 * 24 * 365 + 10)
    assert [each for each in account.executions("evaluate") if "-v1-" in each][1:]


def test_a_held_judgement_of_an_older_ledger_is_found_by_its_version_and_goes_on(account):
    account.push()
    arn = account.register(2)
    trouble = Trouble("quota", "ResourceLimitExceeded", "q", 0, 1, retry=False)
    old = Shortage(M, "judgement", arn, trouble, NOW, NOW, 1, None, "held")
    records.put(old)
    assert records.find(M, activity_of(arn)) == old
    assert records.find(M, "judgement#11") is None
    judge(account, arn, 5, refused("processing job", 4, 4))
    (known,) = records.of(M)
    assert (known.activity, known.tries) == (activity_of(arn), 1)


def test_a_judgement_that_a_person_made_meanwhile_waits_for_nothing(account):
    account.push()
    arn = account.register(2)
    judge(account, arn, 5, refused("processing job", 0, 0))
    tick(account, 120)
    assert len(records.of(M)) == 1
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected"
    )
    tick(account, 180)
    assert records.of(M) == []


def names_of_judgement(account, arn):
    from everloop.aws import registry
    from everloop.flows import judging

    judging.start_evaluation(registry.describe(arn).package)
    (name,) = account.executions("evaluate")
    return name


def ended(account, name):
    """Let a machine's execution have ended well."""
    described = {
        "executionArn": f"{EVALUATE}{name}",
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:everloop-evaluate",
        "status": "SUCCEEDED",
        "startDate": NOW,
    }
    from everloop.aws.clients import stepfunctions

    known = account.executions("evaluate")

    def answer(params, **_):
        from botocore.awsrequest import AWSResponse

        asked = json.loads(params["body"])["executionArn"].rpartition(":")[2]
        if asked in known:
            return AWSResponse("", 200, {}, None), {**described, "ResponseMetadata": {}}
        return None

    account._hook(stepfunctions(), "before-call", "DescribeExecution", answer)


# releases


def release(account, arn, minutes, **values):
    request = account.request(
        "machine-finish-release", package_arn=arn, version=2, time=after(minutes), **values
    )
    ledger.take_lease(M, RELEASE, request["execution"], 1, NOW, NOW + timedelta(days=2))
    return finish_release.handler(request, account.context)


CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(
            {
                "rollout": None,
                "tests": None,
                "error": {
                    "Error": "NoCapacity",
                    "Cause": json.dumps(
                        {
                            "errorType": "NoCapacity",
                            "errorMessage": "endpoint flight-delays-staging: An error occurred "
                            "(ResourceLimitExceeded) when calling the CreateEndpoint operation: "
                            + limit(2, 2, 1, "endpoint"),
                        }
                    ),
                },
            },
            id="an endpoint's quota",
        ),
        pytest.param(
            {
                "rollout": None,
                "tests": None,
                "error": {
                    "Error": "NoCapacity",
                    "Cause": json.dumps(
                        {"errorMessage": f"endpoint flight-delays-staging: {CAPACITY}"}
                    ),
                },
            },
            id="a staging endpoint that could not be made",
        ),
        pytest.param(
            {
                "tests": {"passed": True, "reason": "good"},
                "rollout": {
                    "started": True,
                    "status": "InService",
                    "config": "flight-delays-v2-ffffffff",
                    "reason": CAPACITY,
                },
            },
            id="a deployment that AWS took back",
        ),
    ],
)
def test_a_release_without_room_waits_and_its_version_has_not_failed(account, values):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    answer = release(account, arn, 5, **values)
    assert (answer["outcome"], answer["wait_seconds"] > 0) == ("waits", True)
    assert ledger.lease(M, RELEASE).holder
    assert ledger.releases(M) == []
    assert account.mails() == []


def test_a_release_that_is_held_gives_the_lease_back_and_goes_on_when_resumed(account):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    said = "An error occurred (ResourceLimitExceeded) when calling the CreateEndpoint operation: "
    cause = {"errorMessage": f"endpoint x: {said}{limit(0, 0, 1, 'endpoint')}"}
    error = {"Error": "NoCapacity", "Cause": json.dumps(cause)}
    far = 60 * 24 * 365
    answer = release(account, arn, far, error=error, rollout=None, tests=None)
    assert (answer["outcome"], answer["wait_seconds"]) == ("waits", 0)
    assert ledger.lease(M, RELEASE).holder == ""
    assert account.mails() == ["flight-delays: a release is held: ml.m5.large for endpoint usage"]
    tick(account, far + 30)
    assert account.executions("deploy") == []
    resume(account, far + 60)
    tick(account, far + 70)
    assert account.executions("deploy") == ["flight-delays-r2-v2"]


def test_a_release_that_died_as_it_was_held_is_no_verdict_when_it_is_tried_again(account):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    said = "An error occurred (ResourceLimitExceeded) when calling the CreateEndpoint operation: "
    cause = {"errorMessage": f"endpoint x: {said}{limit(0, 0, 1, 'endpoint')}"}
    error = {"Error": "NoCapacity", "Cause": json.dumps(cause)}
    words = {"error": error, "rollout": None, "tests": None}
    first = release(account, arn, 5, **words)
    request = account.request(
        "machine-finish-release", package_arn=arn, version=2, time=after(5), **words
    )
    again = finish_release.handler(request, account.context)
    assert (first["outcome"], again["outcome"], again["ok"]) == ("waits", "waits", True)
    assert ledger.releases(M) == []
    assert [d for d in account.decisions() if d["kind"] == "rollback"] == []


def test_a_release_of_what_a_person_rejected_meanwhile_waits_for_nothing(account):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    said = "An error occurred (ResourceLimitExceeded) when calling the CreateEndpoint operation: "
    cause = {"errorMessage": f"endpoint x: {said}{limit(0, 0, 1, 'endpoint')}"}
    error = {"Error": "NoCapacity", "Cause": json.dumps(cause)}
    release(account, arn, 5, error=error, rollout=None, tests=None)
    tick(account, 120)
    assert [known.activity for known in records.of(M)] == ["release"]
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Rejected"
    )
    tick(account, 180)
    assert records.of(M) == []


def test_a_staging_endpoint_that_aws_could_not_make_is_no_failed_test(account):
    account.push()
    arn = account.register(approval="Approved")
    client = sagemaker()
    described = {
        "EndpointName": f"{M}-staging",
        "EndpointArn": "arn:e",
        "EndpointConfigName": "flight-delays-v1-staging-0123abcd",
        "EndpointStatus": "Failed",
        "FailureReason": CAPACITY,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    account.answer(client, "DescribeEndpoint", 200, **described)
    request = account.request(
        "machine-probe-endpoint", package_arn=arn, config="flight-delays-v1-staging-0123abcd"
    )
    with pytest.raises(NoCapacity, match="InsufficientInstanceCapacity"):
        probe_endpoint.handler(request, account.context)
    assert [d for d in account.decisions() if d["kind"] == "test"] == []


def test_an_endpoint_s_quota_is_no_moment_s_trouble(account):
    client = sagemaker()
    told = {"Error": {"Code": "ResourceLimitExceeded", "Message": limit(0, 0, 1, "endpoint")}}
    account.answer(client, "CreateEndpoint", 400, **told)
    with pytest.raises(NoCapacity, match="endpoint usage"):
        endpoints.create("e", "c")


# pushes


def test_a_push_for_whose_pipeline_there_is_no_room_is_told_once_and_tried_again(account):
    said = limit(100, 100, 1, "pipeline")
    told = {"Error": {"Code": "ResourceLimitExceeded", "Message": said}}
    account.answer(sagemaker(), "CreatePipeline", 400, **told)
    account.answer(sagemaker(), "UpdatePipeline", 400, **told)
    for _ in range(2):
        with pytest.raises(NoCapacity, match="service limit"):
            account.push()
    mails = account.mails()
    assert set(mails) == {"flight-delays: a push waits for AWS: ml.m5.large for pipeline usage"}
    assert ledger.models() == []


# looks


def test_a_look_without_room_waits_and_its_traffic_is_kept(account):
    account.push()
    job = {"Error": "States.TaskFailed", "Cause": json.dumps({"FailureReason": CAPACITY})}
    request = account.request("machine-judge-findings", findings_uri=None, error=job, time=after(5))
    answer = judge_findings.handler(request, account.context)
    assert (answer["outcome"], answer["wait_seconds"] > 0) == ("waits", True)
    assert account.mails() == []
    assert [d for d in account.decisions() if d["kind"] == "monitor"] == []
