"""Feature groups of a push, and a run that waits until the records of its drop are offline."""

import json

import pytest
from functions.test_shortages import LISTED, RUN, STEPS, failed_at, finish, freeze, start

from everloop.aws import arrivals, ledger
from everloop.aws.clients import sagemaker
from everloop.records.lease import TRAINING

M = "flight-delays"
SPEC = """
problem = "binary_classification"
[data]
target = "late"
key = "id"
timestamp = "at"
[data.tables.planes]
prefix = "planes/"
keys = ["plane"]
[features.planes]
table = "planes"
id = "plane"
event_time = "seen"
columns = { flights = "integer" }
"""
OTHERS = SPEC.replace('table = "planes"', 'group = "everloop-a-planes"').replace(
    '[data.tables.planes]\nprefix = "planes/"\nkeys = ["plane"]\n', ""
)
NOTE = f"runs/{M}/abc/files/features.json"
THERE = {
    "FeatureGroupArn": "arn:aws:sagemaker:us-east-1:123456789012:feature-group/everloop-a-planes",
    "FeatureGroupName": "everloop-a-planes",
    "RecordIdentifierFeatureName": "plane",
    "EventTimeFeatureName": "seen",
    "FeatureDefinitions": [
        {"FeatureName": "plane", "FeatureType": "String"},
        {"FeatureName": "seen", "FeatureType": "String"},
        {"FeatureName": "flights", "FeatureType": "Integral"},
    ],
    "OnlineStoreConfig": {"EnableOnlineStore": True},
    "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://lake/fs"}},
    "FeatureGroupStatus": "Created",
    "CreationTime": 0,
    "NextToken": "",
}


def bundle(account, spec=SPEC):
    (account.folder / "model").mkdir(exist_ok=True)
    (account.folder / "model" / "everloop_features.py").write_text("# put there by a push\n")
    return account.bundle(spec)


def refuse(account, code, message="x"):
    error = {"Code": code, "Message": message}
    return account.answer(sagemaker(), "DescribeFeatureGroup", 400, Error=error)


def there(account, **changes):
    return account.answer(sagemaker(), "DescribeFeatureGroup", 200, **{**THERE, **changes})


def test_a_push_makes_the_group_of_its_table(account):
    refuse(account, "ResourceNotFound")
    made = account.answer(sagemaker(), "CreateFeatureGroup", 200, FeatureGroupArn="arn:made")

    assert account.push(data=bundle(account))["go"]

    (request,) = [json.loads(each) if isinstance(each, str | bytes) else each for each in made]
    assert request["FeatureGroupName"] == f"everloop-{M}-planes"
    place = request["OfflineStoreConfig"]["S3StorageConfig"]["S3Uri"]
    assert place == f"s3://{account.artefacts}/features"
    assert ledger.installed(M).spec["features"]["planes"]["group"] == f"everloop-{M}-planes"


def test_a_column_that_a_later_push_names_is_added(account):
    there(account, FeatureDefinitions=THERE["FeatureDefinitions"][:2])
    asked = account.answer(sagemaker(), "UpdateFeatureGroup", 200, FeatureGroupArn="arn:made")

    assert account.push(data=bundle(account))["go"]

    (request,) = [json.loads(each) if isinstance(each, str | bytes) else each for each in asked]
    assert request["FeatureAdditions"] == [{"FeatureName": "flights", "FeatureType": "Integral"}]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ResourceNotFound", "there is no such feature group in this account and region"),
        ("AccessDeniedException", "added to the stack's parameter FeatureGroups"),
    ],
)
def test_a_group_of_others_that_is_not_there_or_not_ours_is_refused(account, code, said):
    refuse(account, code)

    answer = account.push(data=bundle(account, OTHERS))

    assert not answer["go"] and "model.toml: features.planes.group" in answer["reason"]
    assert said in answer["reason"]
    assert ledger.models() == []


def test_a_group_of_others_that_lacks_a_feature_is_refused(account):
    there(account, FeatureDefinitions=THERE["FeatureDefinitions"][:2])

    answer = account.push(data=bundle(account, OTHERS))

    assert not answer["go"]
    assert (
        "feature group everloop-a-planes has no feature 'flights'; it has plane, seen"
        in answer["reason"]
    )


@pytest.fixture
def training(account):
    there(account)
    account.push(data=bundle(account, OTHERS))
    account.drop(account.bring(f"data/{M}/a.csv"))
    freeze(account)
    account.answer(sagemaker(), "ListPipelineExecutions", 200, PipelineExecutionSummaries=LISTED)
    account.answer(sagemaker(), "ListPipelineExecutionSteps", 200, PipelineExecutionSteps=STEPS)
    LISTED.clear()
    STEPS.clear()
    start(account, 0)
    account.mails()
    return account


def note(account, **document):
    body = json.dumps({"version": 1, **document}).encode()
    account.client("s3").put_object(Bucket=account.artefacts, Key=NOTE, Body=body)


def test_a_run_whose_records_are_on_their_way_waits_and_goes_on(training):
    note(training, waits=True, why="4 of 4 records of planes are not in the offline store yet")

    answer = finish(training, 5, "AlgorithmError: 4 of 4", failed_step="Preprocess")

    assert (answer["outcome"], answer["ok"]) == ("waits", True)
    assert 60 <= answer["wait_seconds"] <= 180
    assert "4 of 4 records of planes" in answer["reason"]
    assert ledger.lease(M, TRAINING).holder and training.mails() == []
    failed_at(training, "4 of 4")
    STEPS[0]["StepName"] = "Preprocess"
    asked = training.answer(sagemaker(), "RetryPipelineExecution", 200, PipelineExecutionArn=RUN)

    training.answer(sagemaker(), "StartPipelineExecution", 200, PipelineExecutionArn=RUN)

    start(training, 8)

    assert len(asked) == 1


def test_a_run_that_put_down_nothing_of_features_does_not_go_on(training):
    failed_at(training, "AlgorithmError: x")
    STEPS[0]["StepName"] = "Preprocess"
    asked = training.answer(sagemaker(), "RetryPipelineExecution", 200, PipelineExecutionArn=RUN)
    training.answer(sagemaker(), "StartPipelineExecution", 200, PipelineExecutionArn=RUN)

    start(training, 8)

    assert asked == []


def test_people_are_told_after_half_an_hour_and_it_is_held_after_hours(training):
    note(training, waits=True, why="records are not in the offline store yet")
    for minutes in (5, 10, 40):
        assert finish(training, minutes, "x", failed_step="Preprocess")["wait_seconds"] > 0
    assert training.mails() == [f"{M}: a training waits for AWS: OfflineStore"]

    held = finish(training, 200, "x", failed_step="Preprocess")

    assert held["wait_seconds"] == 0
    assert training.mails() == [f"{M}: a training is held: OfflineStore"]


@pytest.mark.parametrize(
    ("step", "document"),
    [("Train", {"waits": True}), ("Preprocess", {"waits": False}), ("Preprocess", {"waits": "y"})],
)
def test_what_failed_for_another_reason_is_a_failure(training, step, document):
    note(training, **document)

    assert finish(training, 5, "AlgorithmError: x", failed_step=step)["outcome"] == "failed"
    closed = arrivals.closed_window(M, 1)
    assert closed is not None and closed.outcome == "failed"


def test_the_ledger_says_which_records_a_version_learned_from(training):
    group = {"name": "planes", "group": "planes", "records": 4, "digest": "d", "files": 2}
    note(training, waits=False, groups=[{**group, "written_until": "2026-11-20T10:00:00.000Z"}])
    package = training.register()

    finish(training, 5, status="Succeeded", package_arn=package)

    (ended,) = [each for each in training.decisions() if each["kind"] == "train-end"]
    assert ended["facts"]["features"] == {
        "planes": {
            "group": "planes",
            "records": 4,
            "digest": "d",
            "written_until": "2026-11-20T10:00:00.000Z",
        }
    }
