"""Where AWS refuses an instance of a list, the next is taken at once; the ledger says so."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

import finish_release
import finish_training
import freeze_dataset
import judge_candidate
import judge_findings
import pause_models
import plan_comparison
import plan_release
import start_rollout
import start_training
from everloop.aws import arrivals, configs, ledger, refusals
from everloop.aws import shortages as waiting
from everloop.aws.clients import sagemaker
from everloop.decisions.infrastructure import QUOTA
from everloop.errors import NoCapacity
from everloop.flows import making
from everloop.moments import moment, text
from everloop.records.lease import RELEASE, TRAINING
from everloop.records.refusal import Refusal
from everloop.records.run import RUNNING, WAITING
from everloop.records.shortage import Trouble

M = "flight-delays"
NOW = moment("2026-11-20T11:00:00Z") + timedelta(days=400)  # after every push of these tests
TRAIN = "arn:aws:states:us-east-1:123456789012:execution:everloop-train:flight-delays-w1-a1"
RUN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flight-delays/execution/abc"
EVALUATE = "arn:aws:states:us-east-1:123456789012:execution:everloop-evaluate:flight-delays-v2-0000"
SPEC = """
problem = "binary_classification"
[data]
target = "late"
key = "id"
[train]
instance = ["ml.m5.xlarge", "ml.m5.large"]
[evaluate]
instance = ["ml.t3.large", "ml.t3.xlarge"]
[monitor]
instance = ["ml.t3.medium", "ml.m5d.large"]
[deploy.production]
instance = ["ml.c5.large", "ml.t2.medium"]
[deploy.staging]
instance = ["ml.m5.large", "ml.t2.medium"]
"""
CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


def limit(quota: str, there: int, used: int = 0) -> str:
    return (
        f"The account-level service limit '{quota}' is {there} Instances, with current utilization "
        f"of {used} Instances and a request delta of 1 Instances. Please use AWS Service Quotas to "
        "request an increase for this quota."
    )


def after(minutes: float) -> str:
    return text(NOW + timedelta(minutes=minutes))


def told(account, kind):
    return [each for each in account.decisions() if each["kind"] == kind]


@pytest.fixture
def model(account):
    account.push(data=account.bundle(SPEC))
    account.mails()
    return account


@pytest.fixture
def training(model):
    """A window that is frozen, and whose machine waits for its run."""
    model.drop(model.bring("data/flight-delays/a.csv"))
    given = {"model": M, "window": 1, "cause": "data", "time": after(0)}
    freeze_dataset.handler(given, model.context)
    client = sagemaker()
    model.answer(client, "ListPipelineExecutions", 200, PipelineExecutionSummaries=[])
    model.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[])
    start(model, 0)
    model.mails()
    return model


def start(account, minutes):
    closed = arrivals.closed_window(M, 1)
    request = account.request(
        "machine-start-training",
        window=1,
        dataset_uri=closed.uri,
        dataset_digest=closed.digest,
        execution=TRAIN,
        token=account.token("train", f"flight-delays-w1-a1-{minutes}"),
        time=after(minutes),
    )
    return start_training.handler(request, account.context)


def finish(account, minutes, reason, step="Train"):
    ended = {"started": True, "status": "Failed", "run": RUN, "package_arn": ""}
    run = {**ended, "failed_step": step, "reason": reason}
    request = account.request(
        "machine-finish-training", window=1, execution=TRAIN, time=after(minutes), run=run
    )
    return finish_training.handler(request, account.context)


def refused(quota, there, used=0):
    called = "ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: "
    return f"{called}{limit(quota, there, used)}"


def on(account):
    """Return what the pipeline trains on by now: its instance, and whether that is on spot."""
    described = account.client("sagemaker").describe_pipeline(PipelineName=M)
    steps = {step["Name"]: step for step in json.loads(described["PipelineDefinition"])["Steps"]}
    arguments = steps["Train"]["Arguments"]
    spot = arguments.get("EnableManagedSpotTraining", False)
    return arguments["ResourceConfig"]["InstanceType"], spot


def executions(account):
    found = account.client("sagemaker").list_pipeline_executions(PipelineName=M)
    return [each["PipelineExecutionDisplayName"] for each in found["PipelineExecutionSummaries"]]


XL, L = "ml.m5.xlarge for training job usage", "ml.m5.large for training job usage"
XL_SPOT = "ml.m5.xlarge for spot training job usage"
L_SPOT = "ml.m5.large for spot training job usage"


def test_training_goes_through_its_list_on_demand_and_then_on_spot(training):
    asked = training.answer(
        sagemaker(), "StartPipelineExecution", 200, PipelineExecutionArn=f"{RUN}2"
    )
    training.answer(
        sagemaker(),
        "DescribePipelineExecution",
        200,
        PipelineArn=RUN.rpartition("/execution")[0],
        PipelineExecutionStatus="Executing",
        CreationTime=NOW,
    )
    (run,) = ledger.runs(M)
    seen = [on(training)]
    for minutes, quota in ((5, XL), (10, L), (15, XL_SPOT)):
        answer = finish(training, minutes, refused(quota, 0))
        assert (answer["outcome"], answer["wait_seconds"]) == ("waits", 1)
        start(training, minutes + 1)
        seen.append(on(training))
    assert seen == [
        ("ml.m5.xlarge", False),
        ("ml.m5.large", False),
        ("ml.m5.xlarge", True),
        ("ml.m5.large", True),
    ]
    names = [each["PipelineExecutionDisplayName"] for each in asked]
    assert names == [f"{run.name}-t1", f"{run.name}-t2", f"{run.name}-t3"]
    assert len({each["ClientRequestToken"] for each in asked}) == 3
    (run,) = ledger.runs(M)
    assert (run.outcome, run.plan, run.turn) == (RUNNING, {"train": L_SPOT}, 3)
    assert training.mails() == []
    assert waiting.of(M) == []
    changes = told(training, "instance")
    assert [each["facts"]["instance"] for each in changes] == [
        "ml.m5.large",
        "ml.m5.xlarge (spot)",
        "ml.m5.large (spot)",
    ]
    assert changes[0]["reason"] == (
        f"ml.m5.large, as the quota '{XL}' is 0, and at least 1 is needed"
    )
    assert changes[0]["facts"]["refused"] == {XL: 0}


def test_a_step_that_is_tried_again_refuses_and_moves_once(training):
    first = finish(training, 5, refused(XL, 0))
    assert finish(training, 5, refused(XL, 0)) == first
    (run,) = ledger.runs(M)
    assert (run.plan, run.turn) == ({"train": L}, 1)
    assert len(told(training, "instance")) == 1


def test_no_capacity_moves_as_well_and_the_same_answer_again_moves_once(training):
    for _ in range(2):
        assert finish(training, 5, f"CapacityError: {CAPACITY}")["wait_seconds"] == 1
    (run,) = ledger.runs(M)
    assert (run.plan, run.turn) == ({"train": L}, 1)


def test_a_refusal_of_what_was_not_tried_is_no_reason_to_try_the_same_at_once(training):
    finish(training, 5, refused(XL, 0))
    answer = finish(training, 10, refused(XL, 4, 4))
    assert answer["wait_seconds"] > 1
    (run,) = ledger.runs(M)
    assert (run.outcome, run.plan, run.turn) == (WAITING, {"train": L}, 1)


def test_where_all_are_refused_it_waits_for_the_first_that_may_come(training):
    for minutes, quota, there in ((1, XL, 0), (2, L, 4), (3, XL_SPOT, 0)):
        assert finish(training, minutes, refused(quota, there, there))["wait_seconds"] == 1
    answer = finish(training, 4, refused(L_SPOT, 2, 2))
    assert answer["wait_seconds"] > 60
    (run,) = ledger.runs(M)
    assert (run.outcome, run.plan) == (WAITING, {"train": L})
    (shortage,) = waiting.of(M)
    assert (shortage.trouble.quota, shortage.held) == (L, False)


def test_where_all_quotas_are_0_it_is_held_at_once_and_a_person_is_told(training):
    for minutes, quota in ((1, XL), (2, L), (3, XL_SPOT), (4, L_SPOT)):
        answer = finish(training, minutes, refused(quota, 0))
    assert (answer["outcome"], answer["wait_seconds"]) == ("waits", 0)
    assert training.mails() == [f"flight-delays: a training is held: {XL}"]
    assert ledger.lease(M, TRAINING).holder == ""
    request = training.request("request-pause-models", model=M, pause=False, time=after(60))
    pause_models.handler(request, training.context)
    assert refusals.of(M) == []


def test_another_step_s_instance_is_its_own_matter(training):
    """[prepare] has one instance: it waits, whatever training may run on."""
    quota = "ml.t3.large for processing job usage"
    answer = finish(training, 5, refused(quota, 4, 4), step="Preprocess")
    assert answer["wait_seconds"] > 1
    (run,) = ledger.runs(M)
    assert (run.plan, run.turn) == ({}, 0)


def test_the_next_run_begins_with_what_was_not_refused_and_a_push_ends_that(training):
    finish(training, 5, refused(XL, 0))
    start(training, 6)
    assert on(training) == ("ml.m5.large", False)
    assert ledger.installed(M).plan == {"train": L}
    training.push(data=training.bundle(SPEC))
    assert on(training) == ("ml.m5.xlarge", False)
    assert ledger.installed(M).plan == {}


def test_a_pipeline_of_ones_own_names_its_instances_itself(training):
    ledger.install(replace(ledger.installed(M), own_pipeline=True))
    assert finish(training, 5, refused(XL, 4, 4))["wait_seconds"] > 1
    assert refusals.of(M) == []


def test_a_push_that_crosses_a_plan_is_what_trains(training):
    """The push came between the plan's definition and its note in the ledger."""
    from everloop.aws import pipelines
    from everloop.errors import NotReady
    from everloop.flows import planning

    pushed_at = ledger.installed(M).installed_at - timedelta(hours=1)
    before = replace(ledger.installed(M), installed_at=pushed_at)
    training.push(data=training.bundle(SPEC.replace("ml.m5.xlarge", "ml.c5.xlarge")))
    assert pipelines.exists(M)
    with pytest.raises(NotReady):
        planning.apply(before, {"train": L}, NOW)
    assert on(training) == ("ml.c5.xlarge", False)
    # Nor does it stay where the ledger says nothing of it, however long the push's event was due.
    pushed = ledger.installed(M)
    planning._update(before, {"train": L})
    ledger.note_plan(pushed, {}, pushed.installed_at + timedelta(hours=5))
    planning.apply(ledger.installed(M), {}, NOW)
    assert on(training) == ("ml.c5.xlarge", False)


def judge(account, arn, minutes, error, job):
    request = account.request(
        "machine-judge-candidate",
        package_arn=arn,
        execution=EVALUATE,
        error=error,
        resources=job["resources"],
        time=after(minutes),
    )
    return judge_candidate.handler(request, account.context)


def of_machine(reason: str, code: str = "ResourceLimitExceeded") -> dict[str, str]:
    return {
        "Error": f"SageMaker.{code}Exception",
        "Cause": f"{reason} (Service: AmazonSageMaker; Status Code: 400; Error Code: {code}; "
        "Request ID: 1; Proxy: null)",
    }


def test_a_comparison_is_planned_again_on_the_next_instance(model):
    model.register(approval="Approved")
    arn = model.register(2)
    model.serve(1)
    request = model.request(
        "machine-plan-comparison", package_arn=arn, execution=EVALUATE, time=after(1)
    )
    first = plan_comparison.handler(request, model.context)["job"]
    said = of_machine(limit("ml.t3.large for processing job usage", 0))
    answer = judge(model, arn, 2, said, first)
    assert (answer["verdict"], answer["wait_seconds"]) == ("waits", 1)
    second = plan_comparison.handler({**request, "time": after(3)}, model.context)["job"]
    types = [each["resources"]["ClusterConfig"]["InstanceType"] for each in (first, second)]
    assert types == ["ml.t3.large", "ml.t3.xlarge"]
    assert first["name"] != second["name"]
    assert model.mails() == []
    assert model.approval(arn) == "PendingManualApproval"


def test_a_comparison_moves_from_what_it_ran_on_whatever_was_refused_meanwhile(model):
    model.register(approval="Approved")
    arn = model.register(2)
    model.serve(1)
    request = model.request(
        "machine-plan-comparison", package_arn=arn, execution=EVALUATE, time=after(1)
    )
    job = plan_comparison.handler(request, model.context)["job"]
    quota = "ml.t3.large for processing job usage"
    refusals.put(Refusal(M, quota, Trouble(QUOTA, "x", quota, 4, 5), NOW))  # a pipeline's
    answer = judge(model, arn, 2, of_machine(CAPACITY, "CapacityError"), job)
    assert answer["wait_seconds"] == 1
    assert [each.quota for each in refusals.of(M)] == [quota]
    job = plan_comparison.handler({**request, "time": after(3)}, model.context)["job"]
    assert job["resources"]["ClusterConfig"]["InstanceType"] == "ml.t3.xlarge"


def test_a_look_goes_on_on_the_next_instance_with_the_same_job(model):
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 30}
    resources = {"ClusterConfig": {**cluster, "VolumeKmsKeyId": "arn:key"}}
    request = model.request(
        "machine-judge-findings",
        findings_uri=None,
        resources=resources,
        error=of_machine(limit("ml.t3.medium for processing job usage", 0)),
        time=after(1),
    )
    answer = judge_findings.handler(request, model.context)
    assert answer["wait_seconds"] == 1
    # Disks of its own take no key.
    assert answer["resources"]["ClusterConfig"] == {**cluster, "InstanceType": "ml.m5d.large"}
    said = of_machine(limit("ml.m5d.large for processing job usage", 2, 2))
    request |= {"resources": answer["resources"], "error": said, "time": after(2)}
    last = judge_findings.handler(request, model.context)
    assert last["wait_seconds"] > 1
    assert last["resources"]["ClusterConfig"]["InstanceType"] == "ml.m5d.large"
    request |= {"resources": None, "time": after(3)}  # a machine of before
    assert "resources" not in judge_findings.handler(request, model.context)


def release(account, arn, minutes, **values):
    request = account.request(
        "machine-finish-release", package_arn=arn, version=2, time=after(minutes), **values
    )
    ledger.take_lease(M, RELEASE, request["execution"], 1, NOW, NOW + timedelta(days=2))
    return finish_release.handler(request, account.context)


def no_room(quota):
    said = "An error occurred (ResourceLimitExceeded) when calling the CreateEndpoint operation: "
    cause = {"errorMessage": f"endpoint x: {said}{limit(quota, 0)}"}
    return {"Error": "NoCapacity", "Cause": json.dumps(cause)}


def test_a_release_stages_and_serves_on_the_next_instance_of_each_list(model):
    model.register(approval="Approved")
    arn = model.register(2, approval="Approved")
    nothing = {"rollout": None, "tests": None}
    answer = release(model, arn, 1, error=no_room("ml.m5.large for endpoint usage"), **nothing)
    assert (answer["outcome"], answer["wait_seconds"]) == ("waits", 1)
    assert ledger.lease(M, RELEASE).holder
    passed = {"rollout": None, "tests": {"passed": True, "reason": "good"}}
    answer = release(model, arn, 2, error=no_room("ml.c5.large for endpoint usage"), **passed)
    assert answer["wait_seconds"] == 1
    request = model.request("machine-plan-release", package_arn=arn, version=2, time=after(3))
    plan = plan_release.handler(request, model.context)
    for stage in ("staging", "production"):
        request = model.request(
            "machine-start-rollout",
            stage=stage,
            package_arn=arn,
            version=2,
            token=model.token("deploy", "flight-delays-r1-v2"),
            time=after(3),
        )
        made = start_rollout.handler(request, model.context)
        assert made["config"] == plan["staging_config"] or stage == "production"
        kept = configs.get(M, made["config"])
        assert kept is not None and kept.instances == ("ml.t2.medium",)
    assert [each["facts"]["activity"] for each in told(model, "instance")] == [
        "release-staging",
        "release-production",
    ]
    assert model.mails() == []


@pytest.mark.parametrize("refused_at", ["once", "its endpoint's creation"])
def test_a_release_moves_from_what_it_requested_whatever_may_be_had_by_now(model, refused_at):
    """An instance that was refused when the endpoint was requested was not tried, and may be."""
    model.register(approval="Approved")
    arn = model.register(2, approval="Approved")
    quota = "ml.c5.large for endpoint usage"
    full = Trouble(QUOTA, "ResourceLimitExceeded", quota, 4, 5)
    refusals.put(Refusal(M, quota, full, moment(after(-58))))
    given = {"package_arn": arn, "version": 2}
    request = model.request("machine-plan-release", time=after(0), **given)
    plan_release.handler(request, model.context)
    given |= {"execution": request["execution"]}
    request = model.request(
        "machine-start-rollout",
        stage="production",
        token=model.token("deploy", "flight-delays-r1-v2"),
        time=after(1),
        **given,
    )
    if refused_at == "once":
        second = "ml.t2.medium for endpoint usage"
        error = {"Code": "ResourceLimitExceeded", "Message": limit(second, 1, 1)}
        model.answer(sagemaker(), "CreateEndpoint", 400, Error=error)
        with pytest.raises(NoCapacity) as raised:
            start_rollout.handler(request, model.context)
        cause = json.dumps({"errorMessage": str(raised.value)})
        ended = {"error": {"Error": "NoCapacity", "Cause": cause}, "rollout": None}
        full = Trouble(QUOTA, "ResourceLimitExceeded", second, 1, 2)
        refusals.put(Refusal(M, second, full, moment(after(3))))  # of something else's
    else:
        rollout = start_rollout.handler(request, model.context)
        model.client("sagemaker").delete_endpoint(EndpointName=M)
        ended = {"rollout": {**rollout, "status": "Failed", "reason": CAPACITY}}
    (made,) = model.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    kept = configs.get(M, made["EndpointConfigName"])
    assert kept is not None and kept.instances == ("ml.t2.medium",)
    tests = {"passed": True, "reason": "good"}
    request = model.request("machine-finish-release", tests=tests, time=after(5), **given, **ended)
    answer = finish_release.handler(request, model.context)
    assert (answer["outcome"], answer["wait_seconds"]) == ("waits", 1)
    fleet = making.fleet(ledger.installed(M), "production", moment(after(6)))
    assert (fleet.instance_type, fleet.fallbacks) == ("ml.c5.large", ())
