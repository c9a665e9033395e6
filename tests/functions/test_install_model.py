"""A push becomes an installed model, or nothing at all and a reason."""

import gzip
import json
import tarfile
from pathlib import Path

import pytest

import install_model
from everloop.aws import ledger
from everloop.bundle import contents, pack, packed
from everloop.chain import verify
from everloop.errors import BadInput
from everloop.views.timeline import timeline
from everloop.views.version import RegisteredVersion, version

AIR_TIME = Path(__file__).parents[2] / "models" / "air-time"

SPEC = 'problem = "regression"\ndata = { target = "price" }\n'


def test_a_push_installs_bundle_pipeline_group_schedule_and_spec(account):
    account.push()

    installed = ledger.installed("flight-delays")
    names = {
        o["Key"] for o in account.client("s3").list_objects_v2(Bucket=account.artefacts)["Contents"]
    }
    assert f"bundles/flight-delays/{installed.bundle_digest}/bundle.tar.gz" in names
    assert f"bundles/flight-delays/{installed.bundle_digest}/spec.json" in names
    assert any(name.startswith("jobs/") and name.endswith("/compare.py") for name in names)
    sagemaker = account.client("sagemaker")
    definition = json.loads(
        sagemaker.describe_pipeline(PipelineName="flight-delays")["PipelineDefinition"]
    )
    assert installed.jobs_uri in json.dumps(definition)
    assert sagemaker.describe_model_package_group(ModelPackageGroupName="flight-delays")
    schedule = account.client("scheduler").get_schedule(
        GroupName="everloop", Name="everloop-flight-delays-monitor"
    )
    assert json.loads(schedule["Target"]["Input"])["model"] == "flight-delays"
    assert ledger.models() == ["flight-delays"]


def test_a_script_of_the_jobs_that_was_deleted_comes_with_the_next_push(account):
    account.push()
    s3 = account.client("s3")
    found = s3.list_objects_v2(Bucket=account.artefacts, Prefix="jobs/")["Contents"]
    key = next(entry["Key"] for entry in found if entry["Key"].endswith("/compare.py"))
    before = s3.get_object(Bucket=account.artefacts, Key=key)["Body"].read()
    s3.delete_object(Bucket=account.artefacts, Key=key)
    event = account.event("s3-object-created-bundle", bucket__name=account.data)
    s3.put_object(
        Bucket=account.data, Key="models/flight-delays/bundle.tar.gz", Body=account.bundle(SPEC)
    )
    assert install_model.handler(event, account.context)["go"]
    assert s3.get_object(Bucket=account.artefacts, Key=key)["Body"].read() == before


def test_a_version_that_aws_has_no_image_to_serve_with_is_refused(account):
    answer = account.push(data=account.bundle(SPEC + 'train.version = "1.4-2"\n'))
    assert not answer["go"]
    assert "'1.4-2', of which AWS has no image for inference" in answer["reason"]
    assert ledger.models() == []


def test_the_same_push_twice_is_one_installation(account):
    data = account.bundle()
    key = "models/flight-delays/bundle.tar.gz"
    account.client("s3").put_object(Bucket=account.data, Key=key, Body=data)
    event = account.event("s3-object-created-bundle", bucket__name=account.data)

    install_model.handler(event, account.context)
    install_model.handler(event, account.context)

    assert [decision["kind"] for decision in account.decisions()] == ["install"]


def test_a_topic_that_the_stack_may_not_publish_to_is_refused(account):
    topic = "arn:aws:sns:us-east-1:123456789012:elsewhere"
    answer = account.push(data=account.bundle(f'{SPEC}[notify]\ntopic = "{topic}"\n'))
    assert not answer["go"]
    assert f"notify.topic is '{topic}', which this stack may not publish to" in answer["reason"]
    assert account.mails() == ["flight-delays: was not installed"]


def pushed_as(account, key: str, data: bytes = b"x"):
    account.client("s3").put_object(Bucket=account.data, Key=key, Body=data)
    event = account.event("s3-object-created-bundle", bucket__name=account.data, object__key=key)
    return install_model.handler(event, account.context)


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("models/flight_delays/bundle.tar.gz", "a push: was not installed"),
        ("models/flight-delays/bundle.zip", "flight-delays: was not installed"),
        ("models/flight-delays/model.toml", "flight-delays: was not installed"),
        ("models/flights/x/bundle.tar.gz", "flights: was not installed"),
        ("models/bundle.tar.gz", "a push: was not installed"),
        ("models/flight-delays/train.py", None),
    ],
)
def test_what_looks_like_a_push_and_is_none_is_told_once(account, key, told):
    for _ in range(2):
        assert not pushed_as(account, key)["go"]
    assert account.mails() == ([told] if told else [])


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        pytest.param("x = " + "[" * 30_000 + "]" * 30_000, "nested too deeply", id="deep"),
        pytest.param("[" + ".".join(["a"] * 5000) + "]", "model.toml", id="deep tables"),
        pytest.param("x = " + "9" * 5000, "is no TOML", id="a number of 5000 digits"),
        pytest.param("\n".join(f"k{i} = 1" for i in range(9000)), "characters more", id="many"),
    ],
)
def test_a_push_that_is_refused_always_says_so(account, toml, said):
    answer = account.push(data=account.bundle(f"{SPEC}{toml}"))
    decision = account.decisions()[-1]
    assert not answer["go"] and not decision["go"]
    assert said in decision["reason"]
    assert account.mails() == ["flight-delays: was not installed"]


def test_a_bundle_that_breaks_its_reader_is_refused_and_told(account):
    header = tarfile.TarInfo("x" * 90)
    header.type = tarfile.XHDTYPE
    chain = header.tobuf(tarfile.USTAR_FORMAT) * 3000
    last = tarfile.TarInfo("train.py").tobuf(tarfile.PAX_FORMAT)
    account.push(data=gzip.compress(chain + last + bytes(1024)))
    assert account.mails() == ["flight-delays: was not installed"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        pytest.param(b"no archive", "no tar.gz", id="no tar.gz"),
        pytest.param(None, "unknown_key is not a key", id="unknown key"),
    ],
)
def test_a_bad_push_changes_nothing_and_says_why(account, data, said):
    account.push()
    before = ledger.installed("flight-delays")
    data = data or account.bundle('problem = "regression"\n[data]\ntarget = "x"\nunknown_key = 1\n')

    answer = account.push(data=data)

    assert answer["go"] is False
    assert ledger.installed("flight-delays") == before
    decision = account.decisions()[-1]
    assert not decision["go"]
    assert said in decision["reason"]
    assert account.mails() == ["flight-delays: was not installed"]
    assert verify(account.decisions()) == []


def test_a_folders_own_pipeline_is_what_is_installed(account):
    account.push("air-time", pack(AIR_TIME))

    sagemaker = account.client("sagemaker")
    definition = json.loads(
        sagemaker.describe_pipeline(PipelineName="air-time")["PipelineDefinition"]
    )
    assert [step["Name"] for step in definition["Steps"]] == [
        "Preprocess", "Tune", "Evaluate", "MeetsBars",
    ]  # fmt: skip
    assert ledger.installed("air-time").bundle_digest in json.dumps(definition)


def test_an_uncompiled_pipeline_installs_nothing_and_says_what_compiles_it(account):
    files = contents(AIR_TIME)
    files.pop("pipeline.json")

    answer = account.push("air-time", packed(files))

    assert answer["go"] is False
    assert "push the folder with  everloop push" in answer["reason"]
    assert account.client("sagemaker").list_pipelines()["PipelineSummaries"] == []


def test_an_event_of_another_version_is_refused_by_name(account):
    event = {**account.event("s3-object-created-bundle"), "version": "1"}
    with pytest.raises(BadInput, match="version: '1'"):
        install_model.handler(event, account.context)


def test_another_object_beside_the_bundle_is_no_push(account):
    event = account.event(
        "s3-object-created-bundle", bucket__name=account.data, object__key="models/x/notes.txt"
    )
    assert install_model.handler(event, account.context)["go"] is False


def test_data_that_came_before_its_model_is_trained_on(account):
    account.drop(account.arrival("data/flight-delays/2013-01.csv"))
    assert account.executions("train") == []
    assert account.decisions()[0]["kind"] == "collect"

    account.push()

    assert account.executions("train") == ["flight-delays-w1-a1"]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ({"git-commit": "a" * 40, "git-changed": "2"}, {"commit": "a" * 40, "changed_files": 2}),
        ({"git-commit": "a" * 40, "git-changed": "many"}, {"commit": "a" * 40, "changed_files": 0}),
        ({"git-commit": "<script>"}, {}),
        ({}, {}),
    ],
)
def test_the_commit_that_a_push_names_is_kept(account, told, kept):
    key = "models/flight-delays/bundle.tar.gz"
    body = account.bundle()
    account.client("s3").put_object(Bucket=account.data, Key=key, Body=body, Metadata=told)
    event = account.event("s3-object-created-bundle", bucket__name=account.data, object__key=key)
    assert install_model.handler(event, account.context)["go"] is True
    (decision,) = account.decisions()
    known = {name: decision["facts"].get(name) for name in ("commit", "changed_files")}
    assert known == {"commit": None, "changed_files": None, **kept}

    digest = decision["facts"]["bundle_digest"]
    arn = account.register(1, **{"bundle-digest": digest})
    told_of = version(
        1,
        RegisteredVersion(arn, "Approved", {"bundle-digest": digest}),
        None,
        None,
        timeline([decision]),
    )
    note = ", with 2 files not as committed" if kept.get("changed_files") else ""
    assert told_of.made_of.get("commit") == (f"{kept['commit']}{note}" if kept else None)
