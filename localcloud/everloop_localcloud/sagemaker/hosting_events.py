"""What AWS tells of models, endpoint configs and endpoints: events, in its casing."""

from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.sagemaker.listing import pick
from everloop_localcloud.sagemaker.tag_store import TagStore

Record = dict[str, Any]

_SOURCE = "aws.sagemaker"


def announce_model(cloud: Account, tags: TagStore, model: Record) -> None:
    container = model.get("PrimaryContainer") or model["Containers"][0]
    told = {"ContainerHostname": None, **container}
    detail = {
        "ModelName": model["ModelName"],
        "PrimaryContainer": told if "PrimaryContainer" in model else None,
        "Containers": [told] if "Containers" in model else None,
        "ExecutionRoleArn": model.get("ExecutionRoleArn"),
        "CreationTime": _milliseconds(model["CreationTime"]),
        "ModelArn": model["ModelArn"],
        "Tags": tags.of(model["ModelArn"]),
    }
    cloud.emit(_SOURCE, "SageMaker Model State Change", detail, [model["ModelArn"]])


def announce_config(cloud: Account, tags: TagStore, config: Record) -> None:
    arn = config["EndpointConfigArn"]
    detail = {
        "EndpointConfigName": config["EndpointConfigName"],
        "EndpointConfigArn": arn,
        "ProductionVariants": config["ProductionVariants"],
        "DataCaptureConfig": config.get("DataCaptureConfig"),
        "KmsKeyId": config.get("KmsKeyId"),
        "CreationTime": _milliseconds(config["CreationTime"]),
        "Tags": tags.of(arn),
    }
    cloud.emit(_SOURCE, "SageMaker Endpoint Config State Change", detail, [arn])


def announce_endpoint(cloud: Account, tags: TagStore, described: Record) -> None:
    """Tell an endpoint's status; `described` is what DescribeEndpoint answers."""
    detail = _endpoint(tags, described)
    detail |= pick(described, "FailureReason")
    arn = described["EndpointArn"]
    cloud.emit(_SOURCE, "SageMaker Endpoint State Change", detail, [arn])


def announce_deployment(cloud: Account, tags: TagStore, described: Record) -> None:
    """Tell how far an update is; the config's name is still that of the old one, as on AWS."""
    detail = _endpoint(tags, described)
    detail["LastModifiedTime"] = _milliseconds(cloud.clock.now())
    if "PendingDeploymentSummary" in described:
        detail["PendingDeploymentSummary"] = _in_milliseconds(described["PendingDeploymentSummary"])
    arn = described["EndpointArn"]
    cloud.emit(_SOURCE, "SageMaker Endpoint Deployment State Change", detail, [arn])


def _endpoint(tags: TagStore, described: Record) -> Record:
    variants = [
        {key: value for key, value in variant.items() if key != "DeployedImages"}
        for variant in described["ProductionVariants"]
    ]
    return {
        **pick(described, "EndpointName", "EndpointArn", "EndpointConfigName"),
        "ProductionVariants": _in_milliseconds(variants),
        "EndpointStatus": _upper_snake(described["EndpointStatus"]),
        "CreationTime": _milliseconds(described["CreationTime"]),
        "LastModifiedTime": _milliseconds(described["LastModifiedTime"]),
        "Tags": tags.of(described["EndpointArn"]),
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _in_milliseconds(value: Any) -> Any:
    if isinstance(value, datetime):
        return _milliseconds(value)
    if isinstance(value, dict):
        kept = {name: item for name, item in value.items() if name != "DeployedImages"}
        return {name: _in_milliseconds(item) for name, item in kept.items()}
    if isinstance(value, list):
        return [_in_milliseconds(item) for item in value]
    return value


def _upper_snake(status: str) -> str:
    return "".join(f"_{c}" if c.isupper() and i else c for i, c in enumerate(status)).upper()
