"""The Model Registry: packages, their approval, and who gave it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, sagemaker, translated
from everloop.decisions import seals
from everloop.decisions.approvals import PENDING, PIN
from everloop.decisions.releases import Package
from everloop.errors import BadInput, Conflict, NotReady
from everloop.moments import moment

LONGEST_DESCRIPTION = 1024  # the API's limit


@dataclass(frozen=True)
class PackageDescription:
    """A package with all that a release or a judgement needs of it."""

    package: Package
    image: str
    model_data_url: str
    environment: Mapping[str, str]
    metadata: Mapping[str, str]
    approval_description: str
    stage_words: str = ""  # what was written beside its stage
    card: str = ""  # its model card, as JSON; empty where it has none
    image_digest: str = ""  # as the registry resolved the image's tag; empty where it does not say

    def uri(self, name: str) -> str:
        """Return one of the package's own properties. Raises BadInput where it lacks it."""
        return seals.uri(self.metadata, name, self.package.arn)

    @property
    def evaluation_uri(self) -> str:
        """Where evaluation.json lies, whether the package names the file or its folder."""
        uri = self.uri("evaluation-uri")
        return uri if uri.endswith(".json") else f"{uri.rstrip('/')}/evaluation.json"


def describe(arn: str) -> PackageDescription:
    """Read a package as it is now. Raises BadInput if there is none."""
    try:
        with translated(arn):
            description: Any = sagemaker().describe_model_package(ModelPackageName=arn)
    except ClientError as error:
        if code_of(error) in ("ValidationException", "ResourceNotFound"):
            raise BadInput(f"{arn}: {error}") from error
        raise
    containers = (description.get("InferenceSpecification") or {}).get("Containers") or [{}]
    return PackageDescription(
        package=_package(
            description, description.get("LastModifiedTime") or description["CreationTime"]
        ),
        image=str(containers[0].get("Image") or ""),
        model_data_url=str(containers[0].get("ModelDataUrl") or ""),
        environment=dict(containers[0].get("Environment") or {}),
        metadata=dict(description.get("CustomerMetadataProperties") or {}),
        approval_description=str(description.get("ApprovalDescription") or ""),
        stage_words=str((description.get("ModelLifeCycle") or {}).get("StageDescription") or ""),
        card=str((description.get("ModelCard") or {}).get("ModelCardContent") or ""),
        image_digest=str(containers[0].get("ImageDigest") or ""),
    )


def find(arn: str) -> PackageDescription | None:
    """Read a package as it is now; None if there is none, or it was deleted."""
    try:
        return describe(arn)
    except BadInput:
        return None


def packages(model: str) -> list[Package]:
    """Return all versions of a model, the newest first; none for a model without a group.

    The list says neither when a version was modified, nor by whom, nor whether it is pinned.
    """
    try:
        with translated(f"versions of {model}"):
            pages = (
                sagemaker()
                .get_paginator("list_model_packages")
                .paginate(
                    ModelPackageGroupName=model, SortBy="CreationTime", SortOrder="Descending"
                )
            )
            summaries: list[Any] = [
                summary for page in pages for summary in page["ModelPackageSummaryList"]
            ]
    except ClientError as error:
        if code_of(error) in ("ValidationException", "ResourceNotFound"):
            return []
        raise
    return [_package(summary, summary["CreationTime"]) for summary in summaries]


def set_approval(arn: str, status: str, reason: str) -> None:
    """Approve or reject a package. The approval is what triggers a release."""
    with translated(arn):
        sagemaker().update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus=status,  # type: ignore[arg-type]
            ApprovalDescription=reason[:LONGEST_DESCRIPTION],
        )


def set_card(arn: str, content: str, status: str) -> None:
    """Give a package its model card. Whoever changed the package before is overwritten."""
    card: Any = {"ModelCardContent": content, "ModelCardStatus": status}
    with translated(arn):
        sagemaker().update_model_package(ModelPackageArn=arn, ModelCard=card)


def change(
    arn: str,
    *,
    approval: str = "",
    words: str = "",
    metadata: Mapping[str, str] | None = None,
    without: Sequence[str] = (),
    stage: tuple[str, str] | None = None,
) -> None:
    """Change a package in one call, which is one event: its approval, and properties of it.

    `metadata` are all of them from here on; those in `without` are taken away. `stage` is one of
    its life cycle with its status, and has the words where there is no approval.
    """
    request: Any = {}
    if approval:
        request["ModelApprovalStatus"] = approval
        request["ApprovalDescription"] = words[:LONGEST_DESCRIPTION]
    if metadata is not None:
        request["CustomerMetadataProperties"] = dict(metadata)
    if without:
        request["CustomerMetadataPropertiesToRemove"] = list(without)
    if stage is not None:
        cycle = {"Stage": stage[0], "StageStatus": stage[1]}
        if words and not approval:
            cycle["StageDescription"] = " ".join(words.split())[:LONGEST_DESCRIPTION]
        request["ModelLifeCycle"] = cycle
    with translated(arn):
        sagemaker().update_model_package(ModelPackageArn=arn, **request)


def ensure_group(model: str) -> bool:
    """Create a model's package group if it has none; return whether it had none."""
    try:
        with translated(f"package group {model}"):
            sagemaker().describe_model_package_group(ModelPackageGroupName=model)
            return False
    except ClientError as error:
        if code_of(error) not in ("ValidationException", "ResourceNotFound"):
            raise
    try:
        with translated(f"package group {model}"):
            sagemaker().create_model_package_group(
                ModelPackageGroupName=model,
                ModelPackageGroupDescription=f"Versions of {model}, kept by Everloop.",
            )
    except ClientError as error:
        # The first answer was lost and botocore tried again, or somebody was faster: it is there.
        if code_of(error) not in ("ValidationException", "ConflictException", "ResourceInUse") or (
            "already exist" not in str(error).lower()
        ):
            raise
    return True


def delete_version(arn: str) -> bool:
    """Delete a version; False where it is gone."""
    try:
        with translated(arn):
            sagemaker().delete_model_package(ModelPackageName=arn)
    except ClientError as error:
        if code_of(error) in ("ValidationException", "ResourceNotFound"):
            return False
        raise
    return True


def delete_group(model: str) -> bool:
    """Delete a model's package group, which has no versions any more; False where it is gone.

    Raises NotReady while it has one.
    """
    try:
        with translated(f"package group {model}"):
            sagemaker().delete_model_package_group(ModelPackageGroupName=model)
    except Conflict as conflict:
        raise NotReady(str(conflict)) from conflict
    except ClientError as error:
        if code_of(error) in ("ValidationException", "ResourceNotFound"):
            return False
        raise
    return True


def _package(description: Mapping[str, Any], modified_at: datetime) -> Package:
    return Package(
        model=str(description["ModelPackageGroupName"]),
        version=int(description["ModelPackageVersion"]),
        arn=str(description["ModelPackageArn"]),
        status=str(description["ModelPackageStatus"]),
        approval=str(description.get("ModelApprovalStatus") or PENDING),
        modified_at=moment(modified_at),
        modified_by=_who(description.get("LastModifiedBy") or {}),
        modified_source=_source(description.get("LastModifiedBy") or {}),
        stage=_stage(description.get("ModelLifeCycle") or {}),
        pinned=str((description.get("CustomerMetadataProperties") or {}).get(PIN) or ""),
    )


def _who(user_context: Mapping[str, Any]) -> str:
    identity = user_context.get("IamIdentity") or {}
    return str(
        user_context.get("UserProfileName")
        or user_context.get("UserProfileArn")
        or identity.get("Arn")
        or ""
    )


def _source(user_context: Mapping[str, Any]) -> str:
    return str((user_context.get("IamIdentity") or {}).get("SourceIdentity") or "")


def _stage(cycle: Mapping[str, Any]) -> str:
    return f"{cycle['Stage']}/{cycle['StageStatus']}" if cycle else ""
