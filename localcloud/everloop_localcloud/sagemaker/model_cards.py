"""Model cards: what a model is for and how it did, in versions, with a status."""

import json
import threading
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.clock import stamp
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.jobs import created_by
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.model_card_content import problems
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.tag_store import TagStore

Record = dict[str, Any]
_EVENT = "SageMaker Model Card State Change"


class ModelCards(Part):
    """Operations on model cards."""

    def __init__(self, cloud: Account, tags: TagStore) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._model_cards_lock = threading.RLock()
        # Cards by name; a card's `versions` are all that it was, the newest last.
        self._model_cards = cloud.store.table("sagemaker.model-cards")

    def records(self) -> dict[str, Records]:
        return {"model-card": self._model_cards}

    @operation
    def create_model_card(self, call: Call, request: Record) -> Record:
        name = request["ModelCardName"]
        _check_content(request["Content"])
        arn = self.cloud.arn("sagemaker", f"model-card/{name}")
        version = {
            "ModelCardArn": arn,
            "ModelCardName": name,
            "ModelCardVersion": 1,
            **pick(request, "Content", "ModelCardStatus", "SecurityConfig"),
            "CreationTime": call.time,
            "CreatedBy": created_by(call),
            "LastModifiedTime": call.time,
            "LastModifiedBy": created_by(call),
        }
        with self._model_cards_lock:
            if name in self._model_cards:
                raise AwsError("ConflictException", f"Model card {name} already exists: {arn}")
            self._model_cards[name] = {"ModelCardName": name, "versions": [version]}
        self._announce_card(version)
        return {"ModelCardArn": arn}

    @operation
    def describe_model_card(self, call: Call, request: Record) -> Record:
        version = self._card_version(request)
        if request.get("IncludedData") == "MetadataOnly":
            version = {**version, "Content": ""}
        return version

    @operation
    def update_model_card(self, call: Call, request: Record) -> Record:
        if "Content" in request and "ModelCardStatus" in request:
            raise validation(
                "Content and ModelCardStatus cannot be updated in one call: update the content"
                " first, then the status"
            )
        if "Content" not in request and "ModelCardStatus" not in request:
            raise validation("give Content or ModelCardStatus: there is nothing to update")
        if "Content" in request:
            _check_content(request["Content"])
        with self._model_cards_lock:
            card = self._model_card(request["ModelCardName"])
            latest = card["versions"][-1]
            if latest["ModelCardStatus"] == "Archived" and "Content" in request:
                raise AwsError(
                    "ConflictException",
                    f"Model card {card['ModelCardName']} is Archived: its content stays as it is",
                )
            version = {
                **latest,
                **pick(request, "Content", "ModelCardStatus"),
                "LastModifiedTime": call.time,
                "LastModifiedBy": created_by(call),
            }
            if "Content" in request:
                version["ModelCardVersion"] = latest["ModelCardVersion"] + 1
                version["CreationTime"] = call.time
                versions = [*card["versions"], version]
            else:
                versions = [*card["versions"][:-1], version]
            self._model_cards[card["ModelCardName"]] = {**card, "versions": versions}
        self._announce_card(version)
        return {"ModelCardArn": version["ModelCardArn"]}

    @operation
    def delete_model_card(self, call: Call, request: Record) -> None:
        with self._model_cards_lock:
            card = self._model_card(request["ModelCardName"])
            del self._model_cards[card["ModelCardName"]]
        self._tags.drop(card["versions"][-1]["ModelCardArn"])

    @operation
    def list_model_cards(self, call: Call, request: Record) -> Record:
        return page(
            [
                {**card["versions"][-1], "CreationTime": card["versions"][0]["CreationTime"]}
                for card in self._model_cards.values()
            ],
            {**request, "StatusEquals": request.get("ModelCardStatus")},
            member="ModelCardSummaries",
            status="ModelCardStatus",
            name="ModelCardName",
            summary=lambda card: pick(
                card,
                "ModelCardName",
                "ModelCardArn",
                "ModelCardStatus",
                "CreationTime",
                "LastModifiedTime",
            ),
        )

    @operation
    def list_model_card_versions(self, call: Call, request: Record) -> Record:
        return page(
            self._model_card(request["ModelCardName"])["versions"],
            {**request, "StatusEquals": request.get("ModelCardStatus")},
            member="ModelCardVersionSummaryList",
            status="ModelCardStatus",
            sort=lambda version: version["ModelCardVersion"],
            summary=lambda version: pick(
                version,
                "ModelCardName",
                "ModelCardArn",
                "ModelCardStatus",
                "ModelCardVersion",
                "CreationTime",
                "LastModifiedTime",
            ),
        )

    def _card_version(self, request: Record) -> Record:
        card = self._model_card(request["ModelCardName"])
        wanted = request.get("ModelCardVersion", card["versions"][-1]["ModelCardVersion"])
        for version in card["versions"]:
            if version["ModelCardVersion"] == wanted:
                return dict(version)
        raise AwsError(
            "ResourceNotFound", f"Model card {card['ModelCardName']} has no version {wanted}."
        )

    def _model_card(self, name: str) -> Record:
        found: Record | None = self._model_cards.get(name.rpartition("/")[2])
        if found is None:
            raise AwsError("ResourceNotFound", f"Model card {name} does not exist.")
        return found

    def _announce_card(self, version: Record) -> None:
        overview = json.loads(version["Content"]).get("model_overview", {})
        detail = {
            **pick(version, "ModelCardVersion", "ModelCardName", "ModelCardStatus"),
            "CreationTime": stamp(version["CreationTime"]),
            "CreatedBy": version["CreatedBy"],
            "LastModifiedTime": stamp(version["LastModifiedTime"]),
            "LastModifiedBy": version["LastModifiedBy"],
            "ModelId": overview.get("model_id"),
            "AccountId": self.cloud.account,
            "SecurityConfig": version.get("SecurityConfig", {}),
        }
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [version["ModelCardArn"]])


def _check_content(text: str) -> None:
    found = problems(text)
    if found:
        raise validation(f"Model card content is invalid: {'; '.join(found[:5])}")
