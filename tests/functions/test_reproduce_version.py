"""A version is trained again from what it was made of; whether it is the same is in the ledger."""

import hashlib
import io
import json
import re
import tarfile

import pytest
from functions.conftest import ACCOUNT, REGION

import plan_comparison
import reconcile
import reproduce_version
from everloop.aws import clients, ledger, objects
from everloop.errors import BadInput
from everloop.moments import moment
from everloop.records.installation import Reproduction
from everloop.records.object_state import WITHDRAWN, ObjectState

MODEL, IMAGE = "flight-delays", "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3"
SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
RUN = f"{SAGEMAKER}:pipeline/{MODEL}/execution/first"
AGAIN = f"{SAGEMAKER}:pipeline/{MODEL}--reproduction/execution/second"
KEY = f"data/{MODEL}/a.csv"


def archive(members, time=0):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), time
            tar.addfile(info, io.BytesIO(data))
    return made.getvalue()


def definition(account):
    """A definition that trains, measures and registers, as the default pipeline does."""
    evaluation = {
        "Std:Join": {
            "On": "/",
            "Values": [
                f"s3://{account.artefacts}/runs/{MODEL}",
                {"Get": "Execution.PipelineExecutionId"},
                "evaluation",
            ],
        }
    }
    output = {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"}
    register = {
        "ModelPackageGroupName": MODEL,
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataUrl": {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
                }
            ]
        },
        "CustomerMetadataProperties": {
            "evaluation-uri": {"Std:Join": {"On": "/", "Values": [output, "evaluation.json"]}}
        },
    }
    fail = {"Name": "BelowBars", "Type": "Fail", "Arguments": {"ErrorMessage": "below"}}
    return {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "DatasetUri", "Type": "String"}],
        "Steps": [
            {
                "Name": "Train",
                "Type": "Training",
                "CacheConfig": {"Enabled": True},
                "Arguments": {
                    "AlgorithmSpecification": {"TrainingImage": IMAGE},
                    "ResourceConfig": {"InstanceType": "ml.m5.large"},
                },
            },
            {
                "Name": "Evaluate",
                "Type": "Processing",
                "DependsOn": ["Train"],
                "Arguments": {
                    "ProcessingOutputConfig": {
                        "Outputs": [{"OutputName": "evaluation", "S3Output": {"S3Uri": evaluation}}]
                    }
                },
            },
            {
                "Name": "MeetsBars",
                "Type": "Condition",
                "Arguments": {
                    "Conditions": [],
                    "IfSteps": [
                        {"Name": "Register", "Type": "RegisterModel", "Arguments": register}
                    ],
                    "ElseSteps": [fail],
                },
            },
        ],
    }


@pytest.fixture
def made(account):
    """Have version 1, sealed, with its data, its code and what the pipeline ran with."""
    account.push()
    version = account.bring(KEY)["detail"]["object"]["version-id"]
    manifest = f"s3://{account.artefacts}/datasets/{MODEL}/d.json"
    entry = {"bucket": account.data, "key": KEY, "version_id": version}
    account.put_json(manifest, {"frozen_at": "2026-11-20T10:00:00Z", "objects": [entry]})
    said = {"dataset-uri": manifest, "dataset-digest": "d", "cause": "data", "run": RUN}
    arn = account.register(**said)
    account.put(
        f"s3://{account.artefacts}/runs/{MODEL}/r1/model/model.tar.gz", archive({"m": b"1"})
    )
    metrics = {"auc": {"value": 0.71, "low": 0.69, "high": 0.73}}
    evaluation = f"s3://{account.artefacts}/runs/{MODEL}/r1/evaluation/evaluation.json"
    account.put_json(evaluation, {"metrics": metrics})
    plan_comparison.handler(
        account.request("machine-plan-comparison", package_arn=arn), account.context
    )
    ran_with(account, definition(account))
    return account


def ran_with(account, ran, *, before=True):
    """Let the version have been trained with another definition; with none its run is gone."""
    if before:
        account.answer_as_before()
    client = clients.sagemaker()
    gone = {"Error": {"Code": "ResourceNotFound", "Message": "it does not exist"}}
    told = gone if ran is None else {"PipelineDefinition": json.dumps(ran)}
    status = 400 if ran is None else 200
    account.answer(client, "DescribePipelineDefinitionForExecution", status, **told)
    account.asked = account.answer(
        client, "StartPipelineExecution", 200, PipelineExecutionArn=AGAIN
    )


def ask(account, **values):
    request = account.request("request-reproduction", **values)
    return reproduce_version.handler(request, account.context)


def ends(account, members=None, *, auc=0.71, status="Succeeded", event=True, more=()):
    """Let the execution end, with a model and an evaluation of its own."""
    client = clients.sagemaker()
    model = f"s3://{account.artefacts}/runs/{MODEL}/second/model/job/output/model.tar.gz"
    if members is not None:
        account.put(model, archive(members, time=1_700_000_000))
    evaluation = f"s3://{account.artefacts}/runs/{MODEL}/second/evaluation/evaluation.json"
    account.put_json(evaluation, {"metrics": {"auc": {"value": auc}}})
    account.answer(
        client,
        "DescribePipelineExecution",
        200,
        PipelineArn=AGAIN.rpartition("/execution/")[0],
        PipelineExecutionDisplayName="flight-delays-v1-again-20261120T101530",
        PipelineExecutionStatus=status,
        CreationTime=moment("2026-11-20T10:16:00Z"),
        LastModifiedTime=moment("2026-11-20T10:20:00Z"),
    )
    job = {"TrainingJob": {"Arn": f"{SAGEMAKER}:training-job/job"}}
    failed = {"StepName": "Train", "StepStatus": status, "FailureReason": "out of memory"}
    account.answer(
        client,
        "ListPipelineExecutionSteps",
        200,
        PipelineExecutionSteps=[{**failed, "Metadata": job}, *more],
    )
    account.answer(client, "DescribeTrainingJob", 200, ModelArtifacts={"S3ModelArtifacts": model})
    if event:
        name = "sagemaker-reproduction-ended"
        return reproduce_version.handler(account.event(name), account.context)["found"]
    return None


def reproductions(account):
    return [d for d in account.decisions() if d["kind"] == "reproduce"]


def test_what_is_trained_again_registers_nothing(made):
    found = ask(made)
    assert (found["go"], found["execution"]) == (True, AGAIN)
    (asked,) = made.asked
    assert asked["PipelineName"] == "flight-delays--reproduction"
    given = {each["Name"]: each["Value"] for each in asked["PipelineParameters"]}
    assert given["DatasetUri"].endswith("/datasets/flight-delays/d.json")
    pipeline = made.client("sagemaker").describe_pipeline(PipelineName=asked["PipelineName"])
    steps = json.loads(pipeline["PipelineDefinition"])["Steps"]
    assert [step["Name"] for step in steps] == ["Train", "Evaluate"]
    assert "CacheConfig" not in steps[0]  # or what it brought before would be compared with itself


def test_the_same_members_are_the_same_version(made):
    ask(made)
    found = ends(made, {"m": b"1"})
    assert "each member of its archive has the same bytes" in found
    started, ended = reproductions(made)
    assert (started["facts"]["outcome"], started["actor"]) == (
        "started",
        "arn:aws:iam::123456789012:user/ana",
    )
    assert (ended["go"], ended["facts"]["outcome"]) == (True, "identical")
    assert ended["facts"]["contents_digests"][0] == ledger.seal(MODEL, 1).contents_digest
    assert ledger.installed(MODEL).reproduction is None


def test_other_members_are_named_with_what_may_have_done_it(made):
    ask(made)
    found = ends(made, {"m": b"2", "n": b"new"}, auc=0.715)
    (_, ended) = reproductions(made)
    assert ended["facts"]["outcome"] == "equivalent"
    assert ended["facts"]["members"] == ["m has other bytes", "n is new"]
    assert ended["facts"]["metrics"]["auc"]["within"] is True
    assert "all 1 metrics are within their tolerance" in found
    assert "random numbers without a seed" in found
    assert "tag only" in found


def test_a_metric_beyond_its_tolerance_is_told_with_its_numbers(made):
    ask(made)
    found = ends(made, {"m": b"2"}, auc=0.6)
    assert "auc 0.71 then, 0.6 now (tolerance 0.02)" in found
    assert reproductions(made)[-1]["facts"]["outcome"] == "different"


def test_a_training_that_fails_says_why(made):
    ask(made)
    assert "out of memory" in ends(made, status="Failed")
    assert reproductions(made)[-1]["facts"]["outcome"] == "failed"
    assert ledger.installed(MODEL).reproduction is None


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_what_it_made_to_be_scored_by_is_deleted_at_its_end(made, status):
    ask(made)
    ends(made, {"m": b"1"}, status=status, more=[made.made_to_score()])
    assert made.client("sagemaker").list_models()["Models"] == []
    assert ledger.installed(MODEL).reproduction is None


def test_the_end_is_told_once_however_often_its_event_comes(made):
    ask(made)
    ends(made, {"m": b"1"})
    assert "no version of flight-delays is being trained again" in ends(made)
    assert len(reproductions(made)) == 2


def test_the_same_request_twice_is_one_execution(made):
    assert ask(made) == ask(made)
    assert len({each["ClientRequestToken"] for each in made.asked}) == 1
    assert len(reproductions(made)) == 1


@pytest.mark.parametrize("code", ["ValidationException", "ResourceLimitExceeded"])
def test_a_pipeline_that_cannot_start_holds_nothing_up(made, code):
    made.answer_as_before()
    refused = {"Code": code, "Message": "no such instance here"}
    made.answer(clients.sagemaker(), "StartPipelineExecution", 400, Error=refused)
    ran_with(made, definition(made), before=False)
    found = ask(made)
    assert (found["go"], found["execution"]) == (False, "")
    assert "no such instance here" in found["reason"]
    assert reproductions(made)[-1]["facts"]["outcome"] == "failed"
    assert ledger.installed(MODEL).reproduction is None


def test_one_that_nobody_started_ends_where_it_cannot_start_any_more(made):
    at = moment("2026-11-20T10:15:30Z")
    asked = Reproduction(1, "flight-delays-v1-again-20261120T101530", at, "ana", "to see")
    ledger.begin_reproduction(MODEL, asked)  # and whoever asked died
    ran_with(made, None)
    look = {"model": MODEL, "time": "2026-11-20T11:00:00Z"}
    assert (
        "its pipeline's definition is gone"
        in reproduce_version.handler(look, made.context)["found"]
    )
    assert reproductions(made)[-1]["facts"]["outcome"] == "failed"
    assert ledger.installed(MODEL).reproduction is None


def test_a_training_that_brought_no_model_ends_it(made):
    ask(made)
    made.answer(clients.sagemaker(), "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[])
    ends(made, event=False)
    look = {"model": MODEL, "time": "2026-11-20T11:00:00Z"}
    assert (
        "its step Train brought no model" in reproduce_version.handler(look, made.context)["found"]
    )
    assert ledger.installed(MODEL).reproduction is None


def test_one_version_at_a_time(made):
    ask(made)
    found = ask(made, time="2026-11-20T10:17:30Z")
    assert found["go"] is False
    assert "version 1 is being trained again since 2026-11-20 10:15:30" in found["reason"]


def test_a_paused_model_trains_nothing_again(made):
    ledger.pause(MODEL, "a freeze")
    assert ask(made)["reason"] == "paused: a freeze"
    assert made.asked == []


@pytest.mark.parametrize("how", ["withdrawn", "deleted", "expired"])
def test_data_that_is_gone_is_said_before_anything_starts(made, how):
    if how == "withdrawn":
        version = json.loads(
            made.client("s3")
            .get_object(Bucket=made.artefacts, Key=f"datasets/{MODEL}/d.json")["Body"]
            .read()
        )["objects"][0]["version_id"]
        at = moment("2026-11-20T10:00:00Z")
        objects.put(MODEL, ObjectState(KEY, version, WITHDRAWN, "a person asked", at))
    else:
        s3 = made.client("s3")
        listed = s3.list_object_versions(Bucket=made.data, Prefix=KEY)["Versions"]
        which = {"VersionId": listed[0]["VersionId"]} if how == "expired" else {}
        s3.delete_object(Bucket=made.data, Key=KEY, **which)
    found = ask(made)
    word = "are not in S3 any more" if how == "expired" else "were withdrawn"
    assert re.search(rf"1 of its 1 objects {word}( on 2026-\d\d-\d\d)? \({KEY}\)", found["reason"])
    assert (found["go"], made.asked) == (False, [])
    assert reproductions(made)[-1]["facts"]["outcome"] == "refused"
    assert ledger.installed(MODEL).reproduction is None


def test_code_that_was_changed_is_said(made):
    made.put(f"s3://{made.artefacts}/bundles/{MODEL}/b/bundle.tar.gz", b"another")
    assert "its code was changed" in ask(made)["reason"]


def test_a_version_that_nobody_knows_is_refused_by_its_number(made):
    with pytest.raises(BadInput, match="has no version 7"):
        ask(made, version=7)


def test_an_image_that_the_registry_resolved_is_meant_by_its_digest(made):
    seal = ledger.seal(MODEL, 1)
    from dataclasses import replace

    from everloop.aws import table
    from everloop.records import seal as seals

    known = replace(seal, image=IMAGE, image_digest=f"sha256:{'0' * 64}")
    table.write(seals.Put(seals.key(MODEL, 1), {**vars(known)}))
    ask(made)
    pipeline = made.client("sagemaker").describe_pipeline(
        PipelineName="flight-delays--reproduction"
    )
    assert f"churn@sha256:{'0' * 64}" in pipeline["PipelineDefinition"]
    ends(made, {"m": b"2"})
    assert "tag only" not in reproductions(made)[-1]["reason"]


def test_a_seal_of_before_is_compared_by_reading_its_archive(made):
    from everloop.aws import table
    from everloop.records import seal as seals

    item = dict(table.get(seals.key(MODEL, 1)))
    del item["contents_digest"], item["image_digest"]
    table.write(seals.Put(seals.key(MODEL, 1), item))
    ask(made)
    ends(made, {"m": b"1"})
    assert reproductions(made)[-1]["facts"]["outcome"] == "identical"


def test_a_version_that_nobody_has_sealed_is_sealed_first(made):
    said = {"dataset-uri": f"s3://{made.artefacts}/datasets/{MODEL}/d.json", "run": RUN}
    made.register(2, **said)
    assert ask(made, version=2)["go"] is True
    assert ledger.seal(MODEL, 2).contents_digest


def test_a_tuned_version_is_compared_by_its_best_training(made):
    tuned = definition(made)
    tuned["Steps"][0] |= {"Name": "Tune", "Type": "Tuning"}
    tuned["Steps"][1]["DependsOn"] = ["Tune"]
    register = tuned["Steps"][2]["Arguments"]["IfSteps"][0]["Arguments"]
    best = {"Get": "Steps.Tune.BestTrainingJob.TrainingJobName"}
    container = register["InferenceSpecification"]["Containers"][0]
    container["ModelDataUrl"] = {"Std:Join": {"On": "/", "Values": ["s3://a", best]}}
    ran_with(made, tuned)
    ask(made)
    client = clients.sagemaker()
    job = {"TuningJob": {"Arn": f"{SAGEMAKER}:hyper-parameter-tuning-job/t"}}
    step = {"StepName": "Tune", "StepStatus": "Succeeded", "Metadata": job}
    made.answer(client, "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=[step])
    ends(made, {"m": b"2"}, event=False)
    found = made.answer(
        client,
        "DescribeHyperParameterTuningJob",
        200,
        BestTrainingJob={"TrainingJobName": "t-003"},
    )
    reproduce_version.handler({"model": MODEL, "time": "2026-11-20T11:00:00Z"}, made.context)
    assert [each["HyperParameterTuningJobName"] for each in found] == ["t"]
    assert "[tune] tries values in the order" in reproductions(made)[-1]["reason"]


def test_without_its_execution_the_definition_of_its_push_is_taken(made):
    ran_with(made, None)
    assert "its pipeline's definition is gone" in ask(made)["reason"]
    place = f"s3://{made.artefacts}/bundles/{MODEL}/b/definition.json"
    made.put_json(place, definition(made))
    assert ask(made, time="2026-11-20T10:16:30Z")["go"] is True
    ends(made, {"m": b"2"})
    assert "its execution was deleted" in reproductions(made)[-1]["reason"]


def test_an_end_that_no_event_told_of_is_compared_after_a_look(made):
    ask(made)
    ends(made, {"m": b"1"}, event=False)
    invoked = made.answer(clients.lambda_(), "Invoke", 202, StatusCode=202)
    made.answer(clients.sagemaker(), "ListPipelineExecutions", 200, PipelineExecutionSummaries=[])
    request = made.request("schedule-reconcile", time="2026-11-20T11:00:00Z")
    reconcile.handler(request, made.context)
    assert len(invoked) == 1
    look = {"model": MODEL, "time": "2026-11-20T11:00:00Z"}
    reproduce_version.handler(look, made.context)
    assert reproductions(made)[-1]["facts"]["outcome"] == "identical"


def test_an_execution_of_another_pipeline_is_somebody_elses(made):
    event = made.event("sagemaker-pipeline-execution-succeeded")
    found = reproduce_version.handler(event, made.context)
    assert found == {"found": "somebody else's"}


def test_the_seal_keeps_the_contents_digest_whatever_the_bytes(made):
    seal = ledger.seal(MODEL, 1)
    key = f"runs/{MODEL}/r1/model/model.tar.gz"
    data = made.client("s3").get_object(Bucket=made.artefacts, Key=key)["Body"].read()
    assert seal.model_digest == hashlib.sha256(data).hexdigest()
    assert seal.contents_digest not in ("", seal.model_digest)
