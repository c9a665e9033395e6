"""A person's word on a version: approve or reject it in the Model Registry."""

from typing import Any

from botocore.exceptions import ClientError

from console.site import Site
from console.trouble import Trouble


def decide(site: Site, model: str, version: int | None, status: str, reason: str) -> dict[str, Any]:
    """Set the approval of a version; without a version, of the newest that waits for a person."""
    arn = _package(site, model, version)
    site.sagemaker.update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus=status,  # type: ignore[arg-type]
        ApprovalDescription=reason[:1024],  # the API's limit
    )
    return {"model": model, "version": int(arn.rpartition("/")[2]), "status": status, "arn": arn}


def _package(site: Site, model: str, version: int | None) -> str:
    try:
        pages = site.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=model, SortBy="CreationTime", SortOrder="Descending"
        )
        packages = [found for page in pages for found in page["ModelPackageSummaryList"]]
    except ClientError as error:
        raise Trouble(f"no model {model!r} is registered here: {error}") from error
    if version is None:
        waiting = [p for p in packages if p["ModelApprovalStatus"] == "PendingManualApproval"]
        if not waiting:
            raise Trouble(f"no version of {model!r} waits for approval; name one: --version N")
        return waiting[0]["ModelPackageArn"]
    for package in packages:
        if package.get("ModelPackageVersion") == version:
            return package["ModelPackageArn"]
    known = sorted(package.get("ModelPackageVersion", 0) for package in packages)
    raise Trouble(f"{model!r} has no version {version}; it has {known}")
