"""Model cards: versions, statuses, and content that AWS's schema allows."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

CONTENT = {
    "model_overview": {"model_id": "delays", "model_version": 1},
    "intended_uses": {"risk_rating": "Low"},
}


@pytest.fixture
def sagemaker(cloud_with: Any) -> Any:
    return cloud_with("events", "sagemaker")[1]("sagemaker")


def error(action: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        action(**request)
    told = raised.value.response["Error"]
    return told["Code"], told["Message"]


def create(sagemaker: Any, name: str = "card", content: Any = CONTENT) -> None:
    sagemaker.create_model_card(
        ModelCardName=name, Content=json.dumps(content), ModelCardStatus="Draft"
    )


def test_new_content_is_a_new_version_and_a_new_status_is_not(sagemaker: Any) -> None:
    create(sagemaker)
    sagemaker.update_model_card(ModelCardName="card", ModelCardStatus="PendingReview")
    changed = {**CONTENT, "business_details": {"business_problem": "late flights"}}
    sagemaker.update_model_card(ModelCardName="card", Content=json.dumps(changed))
    told = sagemaker.describe_model_card(ModelCardName="card")
    assert (told["ModelCardVersion"], told["ModelCardStatus"]) == (2, "PendingReview")
    assert json.loads(told["Content"]) == changed
    first = sagemaker.describe_model_card(ModelCardName="card", ModelCardVersion=1)
    assert json.loads(first["Content"]) == CONTENT
    listed = sagemaker.list_model_card_versions(ModelCardName="card")
    versions = [each["ModelCardVersion"] for each in listed["ModelCardVersionSummaryList"]]
    assert versions == [2, 1]
    assert error(sagemaker.describe_model_card, ModelCardName="card", ModelCardVersion=3)[0] == (
        "ResourceNotFound"
    )


def test_cards_are_listed_by_status_and_name_and_deleted(sagemaker: Any) -> None:
    for name in ("one", "two"):
        create(sagemaker, name)
    sagemaker.update_model_card(ModelCardName="two", ModelCardStatus="Approved")
    assert error(create, sagemaker=sagemaker, name="one")[0] == "ConflictException"

    def names(**filters: Any) -> list[str]:
        found = sagemaker.list_model_cards(SortBy="Name", SortOrder="Ascending", **filters)
        return [each["ModelCardName"] for each in found["ModelCardSummaries"]]

    assert names() == ["one", "two"]
    assert names(ModelCardStatus="Approved") == ["two"]
    assert names(NameContains="on") == ["one"]
    sagemaker.delete_model_card(ModelCardName="one")
    assert names() == ["two"]
    assert error(sagemaker.delete_model_card, ModelCardName="one")[0] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        pytest.param({"colour": "red"}, "colour", id="unknown section"),
        pytest.param({"model_overview": {"model_version": 0}}, "model_version", id="too small"),
        pytest.param({"intended_uses": {"risk_rating": "Huge"}}, "High", id="not a choice"),
        pytest.param({"model_overview": {"model_owner": 3}}, "model_owner", id="another type"),
        pytest.param({"evaluation_details": [{}]}, "name", id="missing key"),
        pytest.param({"model_overview": {"model_description": "x" * 1025}}, "1025", id="too long"),
        pytest.param([], "object", id="no object"),
    ],
)
def test_content_that_the_schema_does_not_allow_is_refused(
    sagemaker: Any, content: Any, named: str
) -> None:
    code, message = error(create, sagemaker=sagemaker, content=content)
    assert (code, named in message) == ("ValidationException", True)
    assert sagemaker.list_model_cards()["ModelCardSummaries"] == []


def test_content_and_status_are_not_updated_in_one_call(sagemaker: Any) -> None:
    create(sagemaker)
    code, message = error(
        sagemaker.update_model_card,
        ModelCardName="card",
        Content="{}",
        ModelCardStatus="Approved",
    )
    assert (code, "one call" in message) == ("ValidationException", True)
