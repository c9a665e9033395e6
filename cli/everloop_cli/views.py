"""Facts about a model as people ask for them: versions, what serves, what runs, and why."""

from typing import Any

from botocore.exceptions import ClientError

from everloop_cli import show
from everloop_cli.site import Site

_STYLES = {"Approved": show.GOOD, "Rejected": show.BAD, "PendingManualApproval": show.WAIT}


def packages(site: Site, model: str) -> list[dict[str, Any]]:
    """Return the registered versions, newest first."""
    found = []
    pages = site.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=model, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for package in page["ModelPackageSummaryList"]:
            found.append(
                {
                    "version": package.get("ModelPackageVersion", 0),
                    "arn": package["ModelPackageArn"],
                    "approval": package["ModelApprovalStatus"],
                    "status": package["ModelPackageStatus"],
                    "created": package["CreationTime"],
                }
            )
    return sorted(found, key=lambda package: -int(package["version"]))


def serving(site: Site, endpoint: str) -> dict[str, Any] | None:
    """Return what the endpoint says of itself; None where there is none."""
    try:
        told = site.sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return None
        raise
    config = told.get("EndpointConfigName", "")
    return {
        "endpoint": endpoint,
        "status": told["EndpointStatus"],
        "config": config,
        "version": version_of(config, endpoint),
        "pending": told.get("PendingDeploymentSummary", {}).get("EndpointConfigName"),
        "since": told.get("LastModifiedTime"),
        "failure": told.get("FailureReason"),
    }


def version_of(config: str, model: str) -> int | None:
    """Return the version in an endpoint config's name, `<model>-v<version>-…`; None if foreign."""
    rest = config.removeprefix(f"{model}-v")
    number = rest.partition("-")[0]
    return int(number) if rest != config and number.isdigit() else None


def pipeline_progress(site: Site, pipeline: str) -> str:
    """Return the steps of the newest execution in one line; empty where there is none."""
    runs = site.sagemaker.list_pipeline_executions(PipelineName=pipeline, MaxResults=1)
    newest = runs["PipelineExecutionSummaries"]
    if not newest:
        return ""
    steps = site.sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=newest[0]["PipelineExecutionArn"], SortOrder="Ascending"
    )["PipelineExecutionSteps"]
    return ", ".join(f"{step['StepName']} {step['StepStatus'].lower()}" for step in steps)


def endpoint_progress(site: Site, model: str) -> str:
    """Return the state of staging and production in one line."""
    told = []
    for name in (f"{model}-staging", model):
        found = serving(site, name)
        if found:
            pending = f" (coming: {found['pending']})" if found["pending"] else ""
            told.append(f"{name} {found['status']}{pending}")
    return ", ".join(told)


def about(decision: dict[str, Any]) -> int | None:
    """Return the version that a decision is about; None where it is about none."""
    named = (decision.get("facts") or {}).get("version")
    if isinstance(named, int):
        return named
    subject = str(decision.get("subject", ""))
    number = subject.rpartition("/")[2]
    return int(number) if ":model-package/" in subject and number.isdigit() else None


def show_timeline(decisions: list[dict[str, Any]]) -> None:
    rows = [
        (
            str(decision["time"])[:19].replace("T", " "),
            decision["kind"],
            show.mark("yes", show.GOOD) if decision["go"] else show.mark("no", show.WAIT),
            decision["reason"],
        )
        for decision in decisions
    ]
    show.table("Decisions", ("time", "what", "go", "why"), rows)


def show_status(rows: list[dict[str, Any]]) -> None:
    """Print models with what serves and what waits."""
    show.table(
        "Models",
        ("model", "serves", "endpoint", "newest", "approval", "training", "last decision"),
        [
            (
                row["model"],
                row["serves"] or "-",
                row["endpoint"],
                row["newest"] or "-",
                show.mark(row["approval"] or "-", _STYLES.get(row["approval"], show.QUIET)),
                row["training"],
                row["last"],
            )
            for row in rows
        ],
    )
