"""A version is sealed when it is first seen; what was changed since is never released."""

import hashlib
from contextlib import contextmanager

import pytest

import finish_release
import plan_comparison
import plan_release
import start_rollout
from everloop.aws import clients, ledger, storage, table
from everloop.errors import BadInput, EverloopError, Tampered
from everloop.moments import moment
from everloop.records import seal as seals
from everloop.records.writes import Update

NOW = moment("2026-11-20T10:20:31Z")


def seal(account, arn):
    return plan_comparison.handler(
        account.request("machine-plan-comparison", package_arn=arn), account.context
    )


def plan(account, arn, version=1, epoch=1):
    return plan_release.handler(
        account.request("machine-plan-release", package_arn=arn, version=version, epoch=epoch),
        account.context,
    )


def start(account, arn, stage="production", version=1, epoch=1):
    request = account.request(
        "machine-start-rollout", package_arn=arn, version=version, epoch=epoch, stage=stage
    )
    return start_rollout.handler(request, account.context)


def model_uri(account, version=1):
    return f"s3://{account.artefacts}/runs/flight-delays/r{version}/model/model.tar.gz"


def change_model(account):
    account.put(model_uri(account), b"modeL 1")


def change_bundle(account):
    account.put(f"s3://{account.artefacts}/bundles/flight-delays/b/bundle.tar.gz", b"another")


def remove_model(account):
    remove(account, model_uri(account))


def remove(account, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    account.client("s3").delete_object(Bucket=bucket, Key=key)


def remove_all(account):
    remove_model(account)
    remove(account, ledger.seal("flight-delays", 1).model_uri)


def change_copy(account):
    found = ledger.seal("flight-delays", 1)
    account.put(found.model_uri, b"modeL 1")


def test_a_candidate_is_sealed_before_it_is_judged(account):
    account.push()
    seal(account, account.register())
    found = ledger.seal("flight-delays", 1)
    assert found.model_digest == hashlib.sha256(b"model 1").hexdigest()
    copy = account.client("s3").get_object(
        Bucket=account.artefacts, Key=found.model_uri.partition(f"{account.artefacts}/")[2]
    )
    assert copy["Body"].read() == b"model 1"
    (told,) = [d for d in account.decisions() if d["kind"] == "seal"]
    assert told["facts"]["model_digest"] == found.model_digest


def test_a_seal_is_of_what_was_seen_first_and_stays(account):
    account.push()
    arn = account.register()
    seal(account, arn)
    first = ledger.seal("flight-delays", 1)
    change_model(account)
    seal(account, arn)
    assert ledger.seal("flight-delays", 1) == first
    assert len([d for d in account.decisions() if d["kind"] == "seal"]) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(change_model, "model.tar.gz was changed: its sha256 is", id="one bit flipped"),
        pytest.param(remove_all, "model.tar.gz is gone", id="deleted, and its copy"),
        pytest.param(change_bundle, "bundle.tar.gz was changed", id="bundle"),
        pytest.param(change_copy, "models/flight-delays/", id="the sealed copy itself"),
    ],
)
@pytest.mark.parametrize("step", [plan, start])
def test_what_was_changed_since_it_was_registered_is_not_released(account, step, change, said):
    account.push()
    arn = account.register(approval="Approved")
    seal(account, arn)
    change(account)
    with pytest.raises(Tampered, match="version 1 is not what was registered") as refused:
        step(account, arn)
    assert said in str(refused.value)
    assert account.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert account.client("sagemaker").list_models()["Models"] == []


@pytest.mark.parametrize("which", ["model_uri", "bundle_uri", "bundle_copy_uri"])
def test_a_copy_that_was_deleted_is_made_again_from_the_other(account, which):
    account.push()
    arn = account.register(approval="Approved")
    seal(account, arn)
    uri = getattr(ledger.seal("flight-delays", 1), which)
    before = storage.measured(uri)
    remove(account, uri)
    assert plan(account, arn)["go"] is True
    assert storage.measured(uri)[0] == before[0]
    start(account, arn)


@contextmanager
def reads(account):
    """Yield the keys whose bytes are read meanwhile."""
    found = []

    def note(params, **_):
        found.append(params["Key"])

    events = clients.s3().meta.events
    events.register("before-parameter-build.s3.GetObject", note)
    try:
        yield found
    finally:
        events.unregister("before-parameter-build.s3.GetObject", note)


def test_bytes_are_read_to_their_end_once_and_asked_for_their_version_then(account):
    account.push()
    arn = account.register(approval="Approved")
    with reads(account) as first:
        seal(account, arn)
        plan(account, arn)
    with reads(account) as then:
        plan(account, arn)
        start(account, arn, stage="staging")
        start(account, arn)
    sealed = ledger.seal("flight-delays", 1)
    places = (sealed.source_uri, sealed.model_uri, sealed.bundle_uri, sealed.bundle_copy_uri)
    keys = [uri.partition(f"{account.artefacts}/")[2] for uri in places]
    assert max(first.count(key) for key in keys) == 1
    assert not set(keys) & set(then)


def test_what_is_written_again_is_read_again_though_it_is_the_same(account):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    before = ledger.seal("flight-delays", 1).versions[model_uri(account)]
    account.put(model_uri(account), b"model 1")
    plan(account, arn)
    assert ledger.seal("flight-delays", 1).versions[model_uri(account)] != before
    start(account, arn)


def test_a_seal_of_before_that_knows_no_versions_learns_them(account):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    whole = ledger.seal("flight-delays", 1).versions
    table.write(Update(seals.key("flight-delays", 1), "REMOVE #versions"))
    plan(account, arn)
    assert ledger.seal("flight-delays", 1).versions == whole


def test_the_output_of_a_training_may_go_once_it_is_sealed(account):
    account.push()
    arn = account.register(approval="Approved")
    seal(account, arn)
    remove_model(account)
    assert plan(account, arn)["go"] is True
    start(account, arn)


def test_what_is_deleted_between_plan_and_rollout_is_for_the_next_plan_to_restore(account):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    remove(account, ledger.seal("flight-delays", 1).model_uri)
    with pytest.raises(EverloopError, match="was deleted; a plan restores it") as refused:
        start(account, arn)
    assert not isinstance(refused.value, Tampered)  # it is an error, and tried again


def test_what_an_endpoint_serves_is_the_sealed_copy(account):
    account.push()
    arn = account.register(approval="Approved")
    plan(account, arn)
    start(account, arn)
    (model,) = account.client("sagemaker").list_models()["Models"]
    made = account.client("sagemaker").describe_model(ModelName=model["ModelName"])
    found = ledger.seal("flight-delays", 1)
    assert made["PrimaryContainer"]["ModelDataUrl"] == found.model_uri
    assert found.model_digest in found.model_uri


def test_a_version_that_nobody_planned_is_not_rolled_out(account):
    account.push()
    arn = account.register(approval="Approved")
    with pytest.raises(BadInput, match="never sealed"):
        start(account, arn)


def test_a_bundle_that_is_not_what_the_package_says_is_not_sealed(account):
    account.push()
    arn = account.register()
    change_bundle(account)
    with pytest.raises(Tampered, match="the package says"):
        seal(account, arn)
    assert ledger.seal("flight-delays", 1) is None


def test_a_candidate_whose_model_is_gone_is_not_sealed(account):
    account.push()
    arn = account.register()
    remove_model(account)
    with pytest.raises(BadInput, match=r"there is no s3://.*model\.tar\.gz"):
        seal(account, arn)
    assert ledger.seal("flight-delays", 1) is None


def test_model_data_outside_the_stacks_bucket_is_not_sealed(account):
    account.push()
    arn = account.register(**{"bundle-uri": "s3://somebody-elses/bundle.tar.gz"})
    with pytest.raises(BadInput, match="only what lies in"):
        seal(account, arn)


def test_a_tampered_release_is_told_once_and_not_tried_again_until_approved_again(account):
    account.push()
    account.register(approval="Approved")
    arn = account.register(2, approval="Approved")
    account.serve(1)
    cause = '{"errorMessage": "version 2 is not what was registered", "errorType": "Tampered"}'
    request = account.request(
        "machine-finish-release",
        package_arn=arn,
        version=2,
        epoch=1,
        rollout=None,
        error={"Error": "Tampered", "Cause": cause},
    )
    answer = finish_release.handler(request, account.context)
    assert answer["outcome"] == "tampered"
    assert (
        "Tampered: version 2 is not what was registered; production is as it was"
        in (answer["reason"])
    )
    (told,) = [d for d in account.decisions() if d["kind"] == "rollback"]
    assert not told["go"] and told["facts"]["outcome"] == "tampered"
    assert account.mails() == ["flight-delays v2: was not released, and is not tried again"]
    assert account.executions("deploy") == []
