"""A version's model card: its own at registration, a copy that follows approvals and releases."""

import json
from typing import Any

import pytest
from functions.test_judge_candidate import judge, plan

import finish_release
import on_package_changed
import plan_release
import reconcile
from everloop.aws import approvals, clients
from everloop_localcloud.sagemaker.model_card_content import problems, problems_of_package

MODEL = "flight-delays"
SPEC = """
problem = "binary_classification"
[data]
target = "late"
[card]
purpose = "to plan staff at gates"
owner = "Ground operations"
licence = "CC-BY-4.0"
risk_rating = "Low"
"""
REQUIRED = f'{SPEC}required = ["owner", "slices"]\n[evaluate]\nslices = ["carrier"]\n'


def push(account: Any, spec: str = SPEC) -> None:
    account.push(data=account.bundle(spec))


def own(account: Any, arn: str) -> dict[str, Any]:
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    content = found["ModelCard"]["ModelCardContent"]
    assert problems_of_package(content) == []
    return json.loads(content)


def copy(account: Any, version: int = 1) -> tuple[dict[str, Any], str]:
    found = account.client("sagemaker").describe_model_card(ModelCardName=f"{MODEL}-v{version}")
    assert problems(found["Content"]) == []
    return json.loads(found["Content"]), found["ModelCardStatus"]


def details(account: Any) -> dict[str, str]:
    return copy(account)[0]["additional_information"]["custom_details"]


def approve(account: Any, arn: str, status: str) -> dict[str, Any]:
    """Set an approval, and return the event of it."""
    before = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus=status,
        ApprovalDescription="looked at it",
        CustomerMetadataProperties=before["CustomerMetadataProperties"],
    )
    at = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    event: dict[str, Any] = account.event(
        "sagemaker-model-package-approved",
        ModelPackageArn=arn,
        ModelPackageGroupName=MODEL,
        ModelPackageVersion=1,
        ModelApprovalStatus=status,
        LastModifiedTime=f"{at['LastModifiedTime']:%Y-%m-%dT%H:%M:%SZ}",
    )
    return event


def changed(account: Any, arn: str, status: str) -> dict[str, Any]:
    """Set an approval, and return the answer to the event of it."""
    return on_package_changed.handler(approve(account, arn, status), account.context)


def by_event(account: Any, arn: str, event: dict[str, Any]) -> None:
    on_package_changed.handler(event, account.context)


def by_plan(account: Any, arn: str, event: dict[str, Any]) -> None:
    request = account.request("machine-plan-release", package_arn=arn, version=1, epoch=1)
    plan_release.handler(request, account.context)


def by_end(account: Any, arn: str, event: dict[str, Any]) -> None:
    config = account.serve(1)
    request = account.request("machine-finish-release", package_arn=arn, version=1, epoch=1)
    request["rollout"] = {"started": True, "config": config}
    finish_release.handler(request, account.context)


def by_tick(account: Any, arn: str, event: dict[str, Any]) -> None:
    reconcile.handler({"time": "2030-01-01T00:00:00Z"}, account.context)


def test_a_candidate_gets_a_card_of_what_is_known_and_the_card_a_copy(account):
    push(account)
    arn = account.register()
    plan(account, arn)
    card = own(account, arn)
    assert card["model_overview"]["model_creator"] == "Ground operations"
    assert card["intended_uses"] == {
        "purpose_of_model": "to plan staff at gates",
        "risk_rating": "Low",
    }
    assert card["evaluation_details"][0]["metric_groups"] == [
        {"name": "metrics", "metric_data": [{"name": "auc", "type": "number", "value": 0.71}]}
    ]
    assert card["additional_information"]["custom_details"]["licence"] == "CC-BY-4.0"
    copied, status = copy(account)
    assert copied["model_overview"]["model_id"] == arn
    assert copied["additional_information"]["custom_details"]["dataset-digest"] == "data1"
    assert (details(account)["approval"], status) == ("PendingManualApproval", "PendingReview")


def test_a_card_changes_no_approval_and_planning_again_changes_no_card(account):
    push(account)
    arn = account.register()
    plan(account, arn)
    before = copy(account), own(account, arn)
    plan(account, arn)
    assert (copy(account), own(account, arn)) == before
    assert account.approval(arn) == "PendingManualApproval"
    listed = account.client("sagemaker").list_model_card_versions(ModelCardName=f"{MODEL}-v1")
    assert len(listed["ModelCardVersionSummaryList"]) == 1


def test_a_card_that_a_version_brought_with_it_stays(account):
    push(account)
    arn = account.register()
    theirs = '{"model_overview":{"model_creator":"somebody"}}'
    account.client("sagemaker").update_model_package(
        ModelPackageArn=arn, ModelCard={"ModelCardContent": theirs, "ModelCardStatus": "Draft"}
    )
    plan(account, arn)
    assert own(account, arn) == json.loads(theirs)
    assert copy(account)[0]["model_overview"]["model_owner"] == "somebody"


def test_a_version_that_somebody_approved_before_keeps_who_it_was(account):
    push(account)
    arn = account.register(approval="Approved")
    at = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    plan(account, arn)
    after = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert "ModelCard" not in after
    assert after["LastModifiedTime"] == at["LastModifiedTime"]
    assert copy(account)[1] == "Approved"


@pytest.mark.parametrize(
    ("status", "card"), [("Approved", "Approved"), ("Rejected", "PendingReview")]
)
def test_an_approval_is_copied_with_who_gave_it_and_is_one_word(account, status, card):
    push(account)
    arn = account.register()
    plan(account, arn)
    changed(account, arn, status)
    word = approvals.all_of(MODEL)[1]
    assert (word.status, word.words) == (status, "looked at it")
    told = details(account)
    assert (told["approval"], told["decided by"]) == (status, word.by)
    assert told["decided because"] == "looked at it"
    assert copy(account)[1] == card
    spoken = [each for each in account.decisions() if each["kind"] == "approve"]
    assert len(spoken) == 1


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "deleted"])
@pytest.mark.parametrize("look", [by_event, by_plan, by_end, by_tick])
def test_whoever_sees_an_approval_first_copies_it_also_where_the_copy_was_deleted(
    account, look, deleted
):
    push(account)
    arn = account.register()
    plan(account, arn)
    event = approve(account, arn, "Approved")
    if deleted:
        account.client("sagemaker").delete_model_card(ModelCardName=f"{MODEL}-v1")
    look(account, arn, event)
    assert details(account)["approval"] == "Approved"
    assert copy(account)[1] == "Approved"


def test_a_plan_that_is_made_again_copies_what_was_decided_meanwhile(account):
    push(account)
    arn = account.register()
    plan(account, arn)
    approve(account, arn, "Approved")
    plan(account, arn)
    assert details(account)["approval"] == "Approved"


def test_a_release_is_copied_when_it_has_ended(account):
    push(account)
    arn = account.register()
    plan(account, arn)
    changed(account, arn, "Approved")
    config = account.serve(1)
    request = account.request("machine-finish-release", package_arn=arn, version=1, epoch=1)
    request["rollout"] = {"started": True, "config": config}
    assert finish_release.handler(request, account.context)["ok"]
    assert "released" in details(account)["last release"]
    assert details(account)["came into production"]


def test_the_event_of_a_card_is_no_approval(account):
    push(account)
    arn = account.register()
    plan(account, arn)
    event = account.event(
        "sagemaker-model-package-approved",
        ModelPackageArn=arn,
        ModelPackageGroupName=MODEL,
        ModelPackageVersion=1,
        UpdatedModelPackageFields=["ModelCard"],
    )
    answer = on_package_changed.handler(event, account.context)
    assert answer == {"go": False, "reason": "the approval is as it was"}
    assert approvals.all_of(MODEL) == {}


def test_what_aws_refuses_of_a_card_holds_no_judgement_up(account):
    push(account)
    arn = account.register()
    account.answer(
        clients.sagemaker(),
        "CreateModelCard",
        400,
        Error={"Code": "ValidationException", "Message": "no such schema"},
    )
    assert plan(account, arn)["compare"] is False
    assert own(account, arn)["intended_uses"]["risk_rating"] == "Low"
    assert judge(account, arn, champion=None, comparison_uri=None)["verdict"] == "ask"


@pytest.mark.parametrize(
    ("required", "verdict"), [('required = ["owner"]\n', "ask"), ("", "approved")]
)
def test_where_a_card_is_required_and_aws_takes_none_a_person_decides(account, required, verdict):
    push(account, f'{SPEC}{required}[approve]\nby = "policy"\nfirst = "policy"\n')
    arn = account.register()
    refused = {"Code": "ValidationException", "Message": "no such schema"}
    account.answer(clients.sagemaker(), "UpdateModelPackage", 400, Error=refused)
    plan(account, arn)
    account.answer_as_before()
    answer = judge(account, arn, champion=None, comparison_uri=None)
    assert answer["verdict"] == verdict
    assert ("AWS took no model card of it" in answer["reason"]) == bool(required)


def test_a_card_of_somebody_elses_by_the_same_name_stays(account):
    push(account)
    arn = account.register()
    theirs = '{"model_overview":{"model_id":"another"}}'
    account.client("sagemaker").create_model_card(
        ModelCardName=f"{MODEL}-v1", Content=theirs, ModelCardStatus="Draft"
    )
    plan(account, arn)
    assert copy(account) == (json.loads(theirs), "Draft")


def test_a_version_that_lacks_what_its_card_requires_is_refused(account):
    push(account, REQUIRED)
    arn = account.register()
    answer = judge(account, arn, champion=None, comparison_uri=None)
    assert answer["verdict"] == "rejected"
    assert answer["reason"] == (
        "its card lacks slices, which card.required names: the evaluation has none"
    )
    assert account.approval(arn) == "Rejected"
