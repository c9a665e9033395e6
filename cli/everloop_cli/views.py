"""Facts about a model as people ask for them: versions, what serves, what runs, and why."""

from typing import Any

from everloop.aws import endpoints, registry
from everloop.views.timeline import timeline
from everloop_cli import show
from everloop_cli.site import Site

_STYLES = {"Approved": show.GOOD, "Rejected": show.BAD, "PendingManualApproval": show.WAIT}
# How a decision looks, by what it means.
OUTCOMES = {"good": show.GOOD, "bad": show.BAD, "waiting": show.WAIT, "info": show.QUIET}


def packages(site: Site, model: str) -> list[dict[str, Any]]:
    """Return the registered versions, newest first; none where nothing was ever registered."""
    site.open_door()
    found = [
        {
            "version": package.version,
            "arn": package.arn,
            "approval": package.approval,
            "status": package.status,
            "created": package.modified_at,
        }
        for package in registry.packages(model)
    ]
    return sorted(found, key=lambda package: -int(str(package["version"])))


def serving(site: Site, endpoint: str) -> dict[str, Any] | None:
    """Return what the endpoint says of itself; None where there is none."""
    site.open_door()
    found = endpoints.serving(endpoint)
    if found is None:
        return None
    return {
        "endpoint": endpoint,
        "status": found.status,
        "config": found.config,
        "version": found.version,
        "pending": found.pending_config,
        "since": found.changed_at,
        "failure": found.failure_reason or None,
    }


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


def show_timeline(decisions: list[dict[str, Any]]) -> None:
    rows = [
        (
            each.time[:19].replace("T", " "),
            each.kind,
            show.mark("yes" if each.go else "no", OUTCOMES[each.outcome]),
            each.reason,
        )
        for each in timeline(decisions)
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
