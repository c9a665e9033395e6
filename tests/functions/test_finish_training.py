"""A training that ended is recorded, its lease is free, and what is left over is started."""

import pytest

import finish_training
import reconcile
from everloop.aws import arrivals, clients, ledger
from everloop.moments import moment
from everloop.reading import models, runs
from everloop.records.lease import TRAINING
from everloop.records.run import RUNNING, Run

NOW = moment("2026-11-20T10:15:30Z")
ARN = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays-w1-a1"


@pytest.fixture
def running(account):
    """A window that is frozen and in training."""
    account.push()
    account.drop(account.bring("data/flight-delays/a.csv"))
    import freeze_dataset

    freeze_dataset.handler(
        {"model": "flight-delays", "window": 1, "cause": "data", "time": "2026-11-20T11:00:00Z"},
        account.context,
    )
    ledger.take_lease("flight-delays", TRAINING, ARN, 1, NOW, NOW.replace(month=12))
    return account


def finish(account, **values):
    request = account.request("machine-finish-training", window=1, execution=ARN, **values)
    return finish_training.handler(request, account.context)


RUN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flight-delays/execution/r1"
ended = {"started": True, "run": "arn:run", "package_arn": "", "failed_step": "", "reason": ""}


@pytest.mark.parametrize(
    ("values", "outcome", "ok"),
    [
        ({"run": {**ended, "status": "Succeeded", "package_arn": "arn:p"}}, "registered", True),
        ({"run": {**ended, "status": "Failed", "failed_step": "BelowBars"}}, "below-bars", True),
        ({"run": {**ended, "status": "Failed", "failed_step": "Train"}}, "failed", False),
        ({"run": {**ended, "status": "Succeeded"}}, "failed", False),
        ({"run": {**ended, "status": "Stopped"}}, "stopped", False),
        ({"run": {"started": False, "reason": "the same data"}}, "refused", True),
        ({"run": None, "error": {"Error": "BadInput", "Cause": "x"}}, "failed", False),
    ],
)
def test_how_it_ended_is_recorded_and_the_lease_is_free(running, values, outcome, ok):
    answer = finish(running, **values)
    assert (answer["outcome"], answer["ok"]) == (outcome, ok)
    assert ledger.lease("flight-delays", TRAINING).holder == ""
    closed = arrivals.closed_window("flight-delays", 1)
    assert closed is not None and closed.outcome == outcome
    told = outcome not in ("registered", "refused")
    assert running.mails() == ([f"flight-delays: training {outcome}"] if told else [])


def test_a_run_that_registered_a_version_tells_how_many_rows_it_trained_on(running):
    ledger.put_run(
        "flight-delays", Run("w1", "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    )
    package = running.register()
    trained_by(running)
    finish(running, run={**ended, "run": RUN, "status": "Succeeded", "package_arn": package})
    assert [(run.outcome, run.rows) for run in ledger.runs("flight-delays")] == [
        ("registered", 540)
    ]


def _cluster(instance, count):
    return {"InstanceType": instance, "InstanceCount": count}


BEGAN = moment("2026-11-20T10:00:00Z")


def bill(account):
    """Let AWS tell of any job how long it ran, and on what."""
    billed = {
        "DescribeProcessingJob": {
            "ProcessingResources": {"ClusterConfig": _cluster("ml.t3.medium", 1)},
            "ProcessingStartTime": BEGAN,
            "ProcessingEndTime": BEGAN.replace(minute=15),
        },
        "DescribeTrainingJob": {
            "ResourceConfig": _cluster("ml.m5.large", 2),
            "TrainingTimeInSeconds": 900,
            "BillableTimeInSeconds": 360,
        },
    }
    for operation, told in billed.items():
        account.answer(clients.sagemaker(), operation, 200, **told)


def trained_by(account, *jobs):
    """Let an execution have trained by these jobs; return what their components are told."""
    client, prefix = clients.sagemaker(), "arn:aws:sagemaker:us-east-1:123456789012:training-job"
    bill(account)
    began = BEGAN
    processing = prefix.replace("training-job", "processing-job/pipelines-r1-evaluate")
    ran = {"Evaluate": ("ProcessingJob", processing)}
    ran |= {job: ("TrainingJob", f"{prefix}/{job}") for job in jobs}
    steps = [
        {
            "StepName": step,
            "StepStatus": "Succeeded",
            "StartTime": began,
            "EndTime": began.replace(minute=30),
            "Metadata": {kind: {"Arn": arn}},
        }
        for step, (kind, arn) in ran.items()
    ]
    account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=steps)
    return account.answer(client, "UpdateTrialComponent", 200, TrialComponentArn="arn:c")


@pytest.mark.parametrize(("by", "deleted"), [("transform", True), ("job", False)])
def test_what_a_run_made_to_be_scored_by_is_deleted_at_its_end(running, by, deleted):
    spec = f'problem = "binary_classification"\n[data]\ntarget = "late"\n[evaluate]\nby = "{by}"\n'
    running.push(data=running.bundle(spec))
    step = running.made_to_score()
    client = clients.sagemaker()
    running.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[step])
    finish(running, run={**ended, "run": RUN, "status": "Failed", "failed_step": "Evaluate"})
    assert (running.client("sagemaker").list_models()["Models"] == []) == deleted


TRANSFORMED = """problem = "binary_classification"
[data]
target = "late"
[evaluate]
by = "transform"
"""


@pytest.mark.parametrize(("name", "deleted"), [("Model", True), ("Mine", False)])
def test_a_push_meanwhile_does_not_keep_what_a_run_made_to_be_scored_by(running, name, deleted):
    running.push(data=running.bundle(TRANSFORMED))
    digest = ledger.installed("flight-delays").bundle_digest
    kept = Run("w1", "d", digest, "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    step = {**running.made_to_score(), "StepName": name}
    answers(running, step)
    running.push(data=running.bundle(TRANSFORMED.replace("transform", "job")))
    finish(running, run={**ended, "run": RUN, "status": "Failed", "failed_step": "Evaluate"})
    assert (running.client("sagemaker").list_models()["Models"] == []) == deleted


@pytest.mark.parametrize(("error", "deleted"), [("BadInput", True), ("States.Timeout", False)])
def test_what_a_run_made_is_deleted_where_its_end_cannot_be_concluded(running, error, deleted):
    running.push(data=running.bundle(TRANSFORMED))
    answers(running, running.made_to_score())
    run = {**ended, "run": RUN, "status": "Succeeded", "later": True}
    finish(running, run=run, error={"Error": error, "Cause": "x"})
    assert (running.client("sagemaker").list_models()["Models"] == []) == deleted
    closed = arrivals.closed_window("flight-delays", 1)
    assert (closed is not None and closed.outcome == "failed") == deleted


def answers(account, *steps):
    client = clients.sagemaker()
    account.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=steps)


def test_a_run_is_noted_in_sagemakers_experiment_with_its_metrics_and_digests(running):
    digest = ledger.installed("flight-delays").bundle_digest
    kept = Run("w1", "d", digest, "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    package = running.register()
    asked = trained_by(running, "pipelines-1")
    finish(running, run={**ended, "run": RUN, "status": "Succeeded", "package_arn": package})
    (run,) = ledger.runs("flight-delays")
    assert (run.job, run.metrics, run.warnings) == ("pipelines-1", {"auc": 0.71}, ())
    (component,) = asked
    assert component["TrialComponentName"] == "pipelines-1-aws-training-job"
    given = component["Parameters"]
    assert given["everloop.holdout.auc"] == {"NumberValue": 0.71}
    assert given["everloop.dataset-digest"] == {"StringValue": "d"}
    assert given["everloop.bundle-digest"] == {"StringValue": digest}
    assert given["everloop.cause"] == {"StringValue": "data"}


def test_a_run_keeps_what_its_jobs_are_billed_however_it_ended(running):
    kept = Run("w1", "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    trained_by(running, "pipelines-1")
    finish(running, run={**ended, "run": RUN, "status": "Failed", "failed_step": "Evaluate"})
    (run,) = ledger.runs("flight-delays")
    assert run.used == {"ml.t3.medium hour": 0.25, "ml.m5.large hour": 0.2}
    (shown,) = models.trainings("flight-delays")
    assert shown.cost == pytest.approx(0.25 * 0.05 + 0.2 * 0.115)


def test_its_steps_cost_together_what_the_run_does(running):
    """A step lasts longer than its job is billed, and a spot job is billed less than it lasts."""
    kept = Run("w1", "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    trained_by(running, "pipelines-1")
    finish(running, run={**ended, "run": RUN, "status": "Succeeded"})
    one = {
        "PipelineExecutionArn": RUN,
        "PipelineExecutionDisplayName": "w1",
        "StartTime": NOW,
        "PipelineExecutionStatus": "Succeeded",
    }
    running.answer(
        clients.sagemaker(), "ListPipelineExecutions", 200, PipelineExecutionSummaries=[one]
    )
    found = runs.detail("flight-delays", "w1")
    assert [(step.instance, step.instances) for step in found.steps] == [
        ("ml.t3.medium", 1),
        ("ml.m5.large", 2),
    ]
    assert found.cost == pytest.approx(found.run.cost) == pytest.approx(0.25 * 0.05 + 0.2 * 0.115)


def test_of_jobs_that_cannot_be_read_no_cost_is_known(running):
    kept = Run("w1", "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    error = {"Code": "ThrottlingException", "Message": "too often"}
    running.answer(clients.sagemaker(), "DescribeTrainingJob", 400, Error=error)
    trained_by(running, "pipelines-1")
    finish(running, run={**ended, "run": RUN, "status": "Failed", "failed_step": "Evaluate"})
    (run,) = ledger.runs("flight-delays")
    assert (run.outcome, run.used) == ("failed", None)
    assert "what it cost is not known" in run.warnings[0]
    (shown,) = models.trainings("flight-delays")
    assert shown.cost is None


def test_below_its_bars_a_run_keeps_its_metrics_too(running):
    kept = Run("w1", "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    place = f"s3://{running.artefacts}/runs/flight-delays/r1/evaluation/evaluation.json"
    tracking = {"mlflow": "https://m.example.com", "run": None, "warning": "URLError: refused"}
    metrics = {"auc": {"value": 0.4}, "f1": {"value": None}}
    running.put_json(place, {"metrics": metrics, "tracking": tracking})
    trained_by(running, "pipelines-1", "pipelines-2")
    finish(running, run={**ended, "run": RUN, "status": "Failed", "failed_step": "BelowBars"})
    (run,) = ledger.runs("flight-delays")
    assert (run.outcome, run.job, run.metrics) == ("below-bars", "", {"auc": 0.4})
    assert run.warnings == ("not noted in MLflow: URLError: refused",)


def test_what_sagemaker_refuses_to_note_is_a_warning_and_no_failure(running):
    kept = Run("w1", "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    package = running.register()
    client = clients.sagemaker()
    error = {"Code": "ResourceNotFound", "Message": "there is no such component"}
    running.answer(client, "UpdateTrialComponent", 400, Error=error)
    trained_by(running, "pipelines-1")
    answer = finish(
        running, run={**ended, "run": RUN, "status": "Succeeded", "package_arn": package}
    )
    (run,) = ledger.runs("flight-delays")
    assert (answer["ok"], run.outcome) == (True, "registered")
    assert "there is no such component" in run.warnings[0]


def test_what_arrived_meanwhile_is_trained_next(running):
    running.drop(running.bring("data/flight-delays/b.csv"))
    assert running.executions("train") == ["flight-delays-w1-a1"]
    finish(running)
    assert running.executions("train") == ["flight-delays-w1-a1", "flight-delays-w2-a1"]


@pytest.mark.parametrize(
    ("evaluation", "said"),
    [
        (
            {"metrics": {"auc": {"value": 0.5}}},
            "missed its bars: auc is 0.5000 (at least 0.6 wanted)",
        ),
        ({"metrics": {}}, "missed its bars: wanted are auc at least 0.65"),
        (None, "missed its bars: wanted are auc at least 0.65"),
    ],
)
def test_a_candidate_below_its_bars_is_told_with_what_it_reached(running, evaluation, said):
    """A pipeline's Fail step can say what was wanted only."""
    if evaluation is not None:
        place = f"s3://{running.artefacts}/runs/flight-delays/abc/evaluation/evaluation.json"
        running.put_json(place, evaluation)
    run = {**ended, "status": "Failed", "failed_step": "BelowBars", "run": "arn:x/execution/abc"}
    answer = finish(running, run={**run, "reason": "wanted are auc at least 0.65"})
    assert answer["outcome"] == "below-bars"
    assert answer["reason"] == f"the candidate {said}"


def test_what_was_refused_for_now_stays_untrained(running):
    finish(running, run={"started": False, "reason": "budget", "later": True})
    closed = arrivals.closed_window("flight-delays", 1)
    assert closed is not None and closed.outcome is None


def tick(account, time="2026-11-20T12:00:00Z"):
    return reconcile.handler({"time": time}, account.context)["repaired"]["flight-delays"]


def test_reconcile_frees_what_a_machine_that_died_still_held(running):
    running.client("stepfunctions").stop_execution(executionArn=ARN)
    tick(running)
    assert ledger.lease("flight-delays", TRAINING).holder == ""
    repaired = [d["reason"] for d in running.decisions() if d["kind"] == "reconcile"]
    assert any("ABORTED and still held the training lease" in reason for reason in repaired)
    assert "flight-delays-w1-a2" in running.executions("train")


def test_reconcile_finds_nothing_where_nothing_is_lost(running):
    assert tick(running) == 0
    assert tick(running) == 0
    assert running.executions("train") == ["flight-delays-w1-a1"]


def test_reconcile_starts_what_no_event_started(account):
    account.push()
    account.drop(account.bring("data/flight-delays/a.csv"))
    account.client("stepfunctions").stop_execution(executionArn=ARN)
    assert tick(account) == 1
    assert account.executions("train") == ["flight-delays-w1-a1", "flight-delays-w1-a2"]
    assert tick(account) == 0  # it is running now


def test_reconcile_judges_and_releases_what_waits(account):
    account.push()
    account.register(approval="Approved")
    account.register(2)
    assert tick(account, "2030-01-01T00:00:00Z") == 2
    assert account.executions("deploy") == ["flight-delays-r1-v1"]
    assert [name[:16] for name in account.executions("evaluate")] == ["flight-delays-v2"]


def test_reconcile_brings_back_a_schedule(account):
    account.push()
    account.client("scheduler").delete_schedule(
        GroupName="everloop", Name="everloop-flight-delays-monitor"
    )
    assert tick(account) == 1
    assert tick(account) == 0


def test_a_machine_that_died_ends_neither_its_window_nor_its_run(running):
    ledger.put_run(
        "flight-delays",
        Run("w1", "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1"),
    )
    died = {"Error": "Sandbox.Timedout", "Cause": "Task timed out"}
    assert finish(running, run=None, error=died)["ok"] is False
    closed = arrivals.closed_window("flight-delays", 1)
    assert closed is not None and closed.outcome is None
    assert [run.outcome for run in ledger.runs("flight-delays")] == [RUNNING]
    assert running.mails() == ["flight-delays: training failed"]
    running.client("stepfunctions").stop_execution(executionArn=ARN)
    tick(running)
    assert "flight-delays-w1-a2" in running.executions("train")


def test_what_a_run_used_whose_machine_died_is_known_of_each_kind_of_job(running):
    """Reconcile reads it, as the machine's last function would have."""
    name = "flight-delays-w1-01234567"
    kept = Run(name, "d", "b", "data", NOW, RUNNING, execution="flight-delays-w1-a1")
    ledger.put_run("flight-delays", kept)
    bill(running)
    client, job = clients.sagemaker(), "job/pipelines-2"
    until = {"TransformStartTime": BEGAN, "TransformEndTime": BEGAN.replace(minute=30)}
    resources = {"InstanceType": "ml.c5.large", "InstanceCount": 1}
    running.answer(client, "DescribeTransformJob", 200, **until, TransformResources=resources)
    running.answer(
        client,
        "DescribeHyperParameterTuningJob",
        200,
        ConsumedResources={"RuntimeInSeconds": 1800},
        TrainingJobDefinition={"ResourceConfig": _cluster("ml.m5.xlarge", 1)},
    )
    prefix = RUN.partition(":pipeline/")[0]
    kinds = {
        "ProcessingJob": f"{prefix}:processing-{job}",
        "TrainingJob": f"{prefix}:training-{job}",
        "TransformJob": f"{prefix}:transform-{job}",
        "TuningJob": f"{prefix}:hyper-parameter-tuning-job/tuned",
    }
    steps = [{"StepName": kind, "Metadata": {kind: {"Arn": arn}}} for kind, arn in kinds.items()]
    running.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=steps)
    one = {
        "PipelineExecutionArn": RUN,
        "PipelineExecutionDisplayName": name,
        "StartTime": BEGAN,
        "PipelineExecutionStatus": "Failed",
    }
    running.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=[one])
    told = {"PipelineArn": RUN.partition("/execution")[0], "PipelineExecutionStatus": "Failed"}
    running.answer(client, "DescribePipelineExecution", 200, **told, CreationTime=BEGAN)
    running.client("stepfunctions").stop_execution(executionArn=ARN)
    tick(running)
    (run,) = ledger.runs("flight-delays")
    assert (run.outcome, run.used) == (
        "failed",
        {
            "ml.t3.medium hour": 0.25,
            "ml.m5.large hour": 0.2,
            "ml.c5.large hour": 0.5,
            "ml.m5.xlarge hour": 0.5,
        },
    )
