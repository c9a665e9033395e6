"""What other teams' resources tell in a shared account: samples of ours, and how theirs differ."""

from typing import Any

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
PIPELINE = "sagemaker-pipeline-execution-failed"
REPRODUCED = "sagemaker-reproduction-ended"
PACKAGE = "sagemaker-model-package-approved"
ENDPOINT = "sagemaker-endpoint-in-service"
MOVING = "sagemaker-endpoint-deployment-canary-baking"
ALARM = "cloudwatch-alarm-endpoint-5xx"
MONITOR = "sagemaker-processing-job-model-monitor-violations"
LONG = "x" * 256


def execution(pipeline: str) -> dict[str, str]:
    arn = f"{ARN}:pipeline/{pipeline}"
    return {"pipelineArn": arn, "pipelineExecutionArn": f"{arn}/execution/abcdefghijkl"}


def group(name: str, version: int = 3) -> dict[str, Any]:
    arn = f"{ARN}:model-package/{name}/{version}"
    return {"ModelPackageGroupName": name, "ModelPackageVersion": version, "ModelPackageArn": arn}


ALONE = {"ModelPackageName": "scorer", "ModelPackageArn": f"{ARN}:model-package/scorer"}
NO_GROUP = {"ModelPackageGroupName": None, "ModelPackageVersion": None}


def metric(**dimensions: str) -> dict[str, Any]:
    stat = {"name": "Invocation5XXErrors", "namespace": "AWS/SageMaker", "dimensions": dimensions}
    return {"configuration": {"metrics": [{"id": "m1", "metricStat": {"metric": stat}}]}}


# What another team has: a sample of ours, and in what theirs differs. A None is not in the event.
FOREIGN: dict[str, tuple[str, dict[str, Any]]] = {
    "a package of the marketplace": (PACKAGE, NO_GROUP | ALONE),
    "a package of no group": (
        PACKAGE,
        {"ModelPackageGroupName": "", "ModelPackageVersion": None} | ALONE,
    ),
    "a package whose group is null": (PACKAGE, {**ALONE, "ModelPackageGroupName": ...}),
    "a group with a long name": (PACKAGE, group("g" * 63)),
    "a group with double hyphens": (PACKAGE, group("fraud--eu")),
    "a group that could be a model": (PACKAGE, group("fraud")),
    "a pipeline with the longest name": (PIPELINE, execution(LONG)),
    "a pipeline with double hyphens": (PIPELINE, execution("fraud--eu")),
    "a pipeline that could be a model's": (PIPELINE, execution("fraud")),
    "a pipeline without display names": (
        PIPELINE,
        {**execution("fraud"), "pipelineExecutionDisplayName": None},
    ),
    "a pipeline that is called like our reproductions": (
        REPRODUCED,
        {**execution("fraud--reproduction"), "pipelineExecutionDisplayName": "by hand"},
    ),
    "a reproduction of a model that is not ours": (
        REPRODUCED,
        {
            **execution("fraud--reproduction"),
            "pipelineExecutionDisplayName": "fraud-v1-again-20261120T101530",
        },
    ),
    "an endpoint with the longest name": (ENDPOINT, {"EndpointName": "e" * 63}),
    "an endpoint that could be a model's": (ENDPOINT, {"EndpointName": "fraud"}),
    "an endpoint under test": (ENDPOINT, {"EndpointName": "fraud-staging"}),
    "an endpoint on its way": (MOVING, {"EndpointName": "fraud--eu"}),
    "an alarm on an endpoint": (ALARM, metric(EndpointName="fraud", VariantName="A")),
    "an alarm on an endpoint with a long name": (ALARM, metric(EndpointName="e" * 63)),
    "an alarm on no endpoint": (ALARM, metric()),
    "an alarm with any name": (ALARM, {"alarmName": "Ä" * 255, **metric(EndpointName="fraud")}),
    "an alarm of another stack": (
        ALARM,
        {"alarmName": "other-fraud-serving-errors", **metric(EndpointName="fraud")},
    ),
    "a monitoring job that is gone": (MONITOR, {}),
    "a monitoring job with a long name": (
        MONITOR,
        {"ProcessingJobName": "model-monitoring-".ljust(256, "x")},
    ),
}


def changed(event: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return an event with other details: a None is left out, an Ellipsis is null."""
    detail = {name: value for name, value in event["detail"].items() if name not in changes}
    for name, value in changes.items():
        if value is not None:
            detail[name] = None if value is ... else value
    return {**event, "detail": detail}
