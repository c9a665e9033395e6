"""What was deleted and can be derived is made again: counters, heads, names."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from moto.sagemaker.models import sagemaker_backends

import finish_release
import judge_candidate
import judge_findings
import plan_comparison
import plan_monitoring
import plan_release
import probe_endpoint
import reconcile
import start_rollout
from everloop.aws import arrivals, configs, endpoints, ledger, storage, table
from everloop.aws.clients import sagemaker as _sagemaker
from everloop.chain import verify
from everloop.flows import making, releasing
from everloop.moments import moment, text
from everloop.records import decision, lease, seal, window
from everloop.records.lease import RELEASE
from everloop.records.release import Release
from everloop.records.writes import Delete, Update

NOW = moment("2026-11-20T10:20:00Z")
MODEL = "flight-delays"


def release(epoch, execution="", outcome="released", version=1):
    return Release(epoch, version, outcome, "", NOW, NOW, execution=execution)


def test_a_deleted_release_lease_takes_no_epoch_back(account):
    account.push()
    account.register(approval="Approved")
    ledger.put_release(MODEL, release(7, "arn:old"), "")
    table.write(Delete(lease.key(MODEL, RELEASE)))
    releasing.start_wanted(ledger.installed(MODEL), "test", NOW)
    assert account.executions("deploy") == ["flight-delays-r8-v1"]


def test_a_release_overwrites_no_other_of_its_epoch_and_twice_is_once(account):
    ledger.put_release(MODEL, release(1, "arn:a", "rolled-back"), "")
    ledger.put_release(MODEL, release(1, "arn:b"), "")
    ledger.put_release(MODEL, release(1, "arn:a", "rolled-back"), "")
    found = [(r.epoch, r.execution) for r in ledger.releases(MODEL)]
    assert found == [(2, "arn:b"), (1, "arn:a")]


def test_a_deleted_window_comes_back_with_its_number_and_what_it_holds(account):
    account.push()
    key = "data/flight-delays/{}.csv"
    account.drop(account.arrival(key.format("a")))
    opened = arrivals.open_window(MODEL)
    arrivals.close(MODEL, opened, NOW, "quiet", "new data")
    account.drop(account.arrival(key.format("b")), account.arrival(key.format("c")))
    before = arrivals.open_window(MODEL)
    table.write(Delete(window.key(MODEL)))
    found = arrivals.open_window(MODEL)
    assert (found.number, found.objects, found.last_at) == (2, 2, before.last_at)
    arrivals.close(MODEL, found, NOW + timedelta(hours=1), "quiet", "new data")
    assert arrivals.open_window(MODEL).number == 3


def test_the_chain_goes_on_where_its_head_was_deleted(account):
    account.push()
    table.write(Delete(decision.head_key(MODEL)))
    account.push(data=account.bundle(keep="keep = 3"))
    decisions = account.decisions()
    assert [d["seq"] for d in decisions] == [1, 2]
    assert verify(decisions) == []


def _planned(account, arn):
    plan_comparison.handler(
        account.request("machine-plan-comparison", package_arn=arn), account.context
    )


def _judged(account, arn):
    request = account.request("machine-judge-candidate", package_arn=arn)
    request |= {"champion": None, "comparison_uri": None}
    judge_candidate.handler(request, account.context)


def _tested(account, arn):
    config = f"{MODEL}-v1-staging-0123abcd"
    described = {
        "EndpointName": f"{MODEL}-staging",
        "EndpointArn": "arn:e",
        "EndpointConfigName": config,
        "EndpointStatus": "Failed",
        "FailureReason": "The container did not pass the ping health check.",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    account.answer(_sagemaker(), "DescribeEndpoint", 200, **described)
    request = account.request("machine-probe-endpoint", package_arn=arn, config=config)
    assert probe_endpoint.handler(request, account.context)["passed"] is False


def _looked(account, _):
    uri = f"s3://{account.artefacts}/monitoring/{MODEL}/x/findings.json"
    account.put_json(uri, {"model": MODEL, "rows": 0, "labelled_rows": 0, "checks": []})
    request = account.request("machine-judge-findings", findings_uri=uri)
    judge_findings.handler(request, account.context)


@pytest.mark.parametrize("append", [_planned, _judged, _tested, _looked])
def test_each_that_decides_goes_on_where_the_chain_lost_its_head(account, append):
    account.push()
    arn = account.register()
    before = len(account.decisions())
    table.write(Delete(decision.head_key(MODEL)))
    append(account, arn)
    decisions = account.decisions()
    assert len(decisions) > before
    assert verify(decisions) == []


# What an endpoint serves from


def plan(account, arn, version=1, epoch=1):
    request = account.request("machine-plan-release", package_arn=arn, version=version, epoch=epoch)
    return plan_release.handler(request, account.context)


def start(account, arn, version=1, epoch=1, stage="production"):
    request = account.request(
        "machine-start-rollout", package_arn=arn, version=version, epoch=epoch, stage=stage
    )
    return start_rollout.handler(request, account.context)


def released(account, version=1):
    """Bring a version into production; return its ARN and its config."""
    arn = account.register(version, approval="Approved")
    plan(account, arn, version, version)
    config = start(account, arn, version, version)["config"]
    return arn, config


def tick(account, time="2030-01-01T00:00:00Z"):
    return reconcile.handler({"time": time}, account.context)["repaired"][MODEL]


def made_again(account):
    return [d["reason"] for d in account.decisions() if "made again" in d["reason"]]


def delete_config(account, config):
    account.client("sagemaker").delete_endpoint_config(EndpointConfigName=config)


def delete_model(account, config):
    sagemaker = account.client("sagemaker")
    found = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    sagemaker.delete_model(ModelName=found["ProductionVariants"][0]["ModelName"])


def delete_both(account, config):
    delete_model(account, config)
    delete_config(account, config)


@pytest.mark.parametrize("delete", [delete_config, delete_model, delete_both])
def test_what_production_serves_from_is_made_again_and_people_are_told(account, delete):
    account.push()
    _, config = released(account)
    sagemaker = account.client("sagemaker")
    before = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=before[0]["ModelName"])["PrimaryContainer"]
    tick(account)
    account.mails()
    delete(account, config)
    tick(account)
    after = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    assert after == before
    assert sagemaker.describe_model(ModelName=after[0]["ModelName"])["PrimaryContainer"] == model
    assert len(made_again(account)) == 1
    assert account.mails() == [f"{MODEL}: endpoint/{MODEL}: made again what somebody deleted"]


@pytest.mark.parametrize("delete", [delete_config, delete_model, delete_both])
def test_a_release_makes_again_what_its_update_needs(account, delete):
    account.push()
    _, config = released(account)
    second = account.register(2, approval="Approved")
    plan(account, second, 2, 2)
    delete(account, config)
    asked = account.answer(_sagemaker(), "UpdateEndpoint", 200, EndpointArn="arn:e")
    assert start(account, second, 2, 2)["started"] is True
    assert len(asked) == 1
    assert endpoints.models_of_config(config) is not None
    assert all(endpoints.has_model(name) for name in endpoints.models_of_config(config))


def test_what_serves_by_a_ledger_of_before_is_made_again_as_it_would_be_now(account):
    account.push()
    _, config = released(account)
    configs.forget(MODEL, config)
    bare = "REMOVE #image, #environment, #metadata, #bundle_copy_uri"
    table.write(Update(seal.key(MODEL, 1), bare))
    delete_both(account, config)
    tick(account)
    assert endpoints.models_of_config(config) is not None


def test_a_config_that_is_not_ours_gets_something_in_its_place_for_the_update(account):
    account.push()
    account.serve(1)
    sagemaker = account.client("sagemaker")
    sagemaker.delete_endpoint(EndpointName=MODEL)
    variant = {"VariantName": "AllTraffic", "ModelName": "m1", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="by-hand", ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=MODEL, EndpointConfigName="by-hand")
    delete_config(account, "by-hand")
    tick(account)
    assert made_again(account) == []  # nobody knows what it was
    arn = account.register(approval="Approved")
    plan(account, arn)
    account.answer(_sagemaker(), "UpdateEndpoint", 200, EndpointArn="arn:e")
    assert start(account, arn)["started"] is True
    assert endpoints.models_of_config("by-hand") is not None


def refuse(name, operation):
    """Refuse a second thing of one name, as AWS does; moto puts it in the first one's place."""
    error = {"Code": "ValidationException", "Message": "Cannot create already existing"}

    def create(params, **_):
        kind = "model" if operation == "CreateModel" else "endpoint_config"
        describe = getattr(_sagemaker(), f"describe_{kind}")
        member = "ModelName" if operation == "CreateModel" else "EndpointConfigName"
        if params[member] == name:
            try:
                describe(**{member: name})
            except ClientError:
                return
            raise ClientError({"Error": error}, operation)

    return create


@pytest.mark.parametrize("what", ["model", "config"])
def test_what_somebody_else_made_under_a_name_of_ours_is_left_and_another_name_taken(account, what):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    seal = ledger.seal(MODEL, 1)
    first = making.planned(ledger.installed(MODEL), seal, making.PRODUCTION)
    sagemaker = account.client("sagemaker")
    role = "arn:aws:iam::123456789012:role/other"
    sagemaker.create_model(
        ModelName=first.sagemaker_model if what == "model" else "theirs",
        PrimaryContainer={"Image": "theirs:1"},
        ExecutionRoleArn=role,
    )
    if what == "config":
        variant = {**first.config["ProductionVariants"][0], "ModelName": "theirs"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=first.config_name, ProductionVariants=[variant]
        )
    taken = {"CreateModel": first.sagemaker_model, "CreateEndpointConfig": first.config_name}
    for operation, name in taken.items():
        account.meanwhile(_sagemaker(), operation, refuse(name, operation))
    config = start(account, arn)["config"]
    assert config != first.config_name
    assert config.startswith("flight-delays-v1-")
    (model,) = endpoints.models_of_config(config)
    found = sagemaker.describe_model(ModelName=model)["PrimaryContainer"]
    assert found["ModelDataUrl"] == seal.model_uri
    assert start(account, arn, epoch=2)["config"] == config


# A version whose package was deleted


def test_a_champion_whose_package_was_deleted_is_still_compared_with(account):
    account.push()
    arn, _ = released(account)
    candidate = account.register(2)
    account.unregister(arn)
    request = account.request("machine-plan-comparison", package_arn=candidate)
    found = plan_comparison.handler(request, account.context)
    assert (found["compare"], found["champion"]) == (True, 1)
    assert ledger.seal(MODEL, 1).model_uri in str(found["job"]["inputs"])


def test_a_version_whose_package_was_deleted_is_watched_on(account):
    account.push()
    arn, _ = released(account)
    account.unregister(arn)
    key = f"capture/{MODEL}/{MODEL}/AllTraffic/2026/11/20/10/a.jsonl"
    account.put(f"s3://{account.artefacts}/{key}", b"{}\n")
    at = text(datetime.now(UTC) + timedelta(minutes=5))
    found = plan_monitoring.handler({"model": MODEL, "scheduled_at": at}, account.context)
    assert found["go"] is True


def test_a_release_ends_though_its_package_was_deleted_meanwhile(account):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    account.unregister(arn)
    request = account.request(
        "machine-finish-release",
        package_arn=arn,
        rollout={"started": True, "config": "c", "status": "InService", "reason": "an alarm"},
    )
    assert finish_release.handler(request, account.context)["outcome"] == "rolled-back"
    assert [r.version for r in ledger.releases(MODEL)] == [2]


def test_a_rollout_of_a_deleted_version_is_withdrawn(account):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    account.unregister(arn)
    assert start(account, arn) == {
        "started": False,
        "reason": "version 1 is gone from the registry",
    }


def test_a_candidate_that_was_deleted_while_it_was_judged_is_no_error(account):
    account.push()
    arn = account.register()
    account.unregister(arn)
    request = account.request("machine-judge-candidate", package_arn=arn)
    assert judge_candidate.handler(request, account.context)["verdict"] == "settled"


# What a push made


def delete_pipeline(account):
    account.client("sagemaker").delete_pipeline(PipelineName=MODEL, ClientRequestToken="t" * 32)


def delete_object(account, name):
    installed = ledger.installed(MODEL)
    key = f"bundles/{MODEL}/{installed.bundle_digest}/{name}"
    account.client("s3").delete_object(Bucket=account.artefacts, Key=key)


@pytest.mark.parametrize("name", ["bundle.tar.gz", "spec.json"])
def test_a_deleted_part_of_a_push_is_made_again(account, name):
    account.push()
    uri = f"{ledger.installed(MODEL).bundle_uri.rpartition('/')[0]}/{name}"
    before = storage.measured(uri)[0]
    delete_object(account, name)
    tick(account)
    assert storage.measured(uri)[0] == before
    assert len(made_again(account)) == 1
    tick(account, "2030-01-01T00:05:00Z")
    assert len(made_again(account)) == 1


def test_a_deleted_pipeline_is_made_again_as_it_was(account):
    account.push()
    sagemaker = account.client("sagemaker")
    before = sagemaker.describe_pipeline(PipelineName=MODEL)
    account.mails()
    delete_pipeline(account)
    tick(account)
    after = sagemaker.describe_pipeline(PipelineName=MODEL)
    assert after["PipelineDefinition"] == before["PipelineDefinition"]
    assert account.mails() == [f"{MODEL}: installation: made again what somebody deleted"]


def test_a_pipeline_of_a_push_of_before_is_told_and_waits_for_a_push(account):
    account.push()
    delete_object(account, "definition.json")
    delete_pipeline(account)
    account.mails()
    tick(account)
    tick(account, "2030-01-01T00:05:00Z")
    assert account.mails() == [f"{MODEL}: it stands still, and a person must look"]
    account.push()
    assert account.client("sagemaker").describe_pipeline(PipelineName=MODEL)


def test_a_deleted_package_group_is_made_again(account):
    account.push()
    backend = sagemaker_backends["123456789012"]["us-east-1"]
    del backend.model_package_groups[MODEL]
    tick(account)
    assert MODEL in backend.model_package_groups
    assert made_again(account) == [f"the package group {MODEL} was deleted, and was made again"]


def test_a_bundle_whose_push_was_deleted_too_is_made_again_from_a_versions_copy(account):
    account.push()
    installed = ledger.installed(MODEL)
    bucket, key = storage.split(installed.bundle_uri)
    body = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    sealed = f"models/{MODEL}/{installed.bundle_digest}/bundle.tar.gz"
    account.put(f"s3://{account.artefacts}/{sealed}", body)
    account.client("s3").delete_object(Bucket=account.data, Key=f"models/{MODEL}/bundle.tar.gz")
    delete_object(account, "bundle.tar.gz")
    tick(account)
    assert storage.measured(installed.bundle_uri)[0] == installed.bundle_digest


def test_a_bundle_of_which_no_copy_is_left_is_told(account):
    account.push()
    account.client("s3").delete_object(Bucket=account.data, Key=f"models/{MODEL}/bundle.tar.gz")
    delete_object(account, "bundle.tar.gz")
    account.mails()
    tick(account)
    assert account.mails() == [f"{MODEL}: it stands still, and a person must look"]


def test_who_plans_a_release_answers_an_approval_that_no_event_told(account):
    account.push()
    older = account.register()
    newer = account.register(2, approval="Approved")
    plan(account, newer, 2, 1)
    account.client("sagemaker").update_model_package(
        ModelPackageArn=older, ModelApprovalStatus="Approved", ApprovalDescription="better"
    )
    account.mails()
    plan(account, newer, 2, 1)
    assert account.mails() == [f"{MODEL} v1: was approved, and that changes nothing"]


def test_a_pipeline_that_cannot_be_made_again_keeps_nothing_else_from_being_mended(account):
    account.push()
    account.register()
    delete_pipeline(account)
    told = {"Code": "ResourceLimitExceeded", "Message": "The account-level service limit"}
    account.answer(_sagemaker(), "CreatePipeline", 400, Error=told)
    account.mails()
    late = text(NOW + timedelta(days=3000))
    reconcile.handler({"time": late}, account.context)
    assert "flight-delays: it stands still, and a person must look" in account.mails()
    assert len(account.executions("evaluate")) == 1
