"""What a call needs: the IAM actions, the resources they are on, and the context of conditions.

An operation is the action of its name, but for those listed here; see AWS's Service Authorization
Reference. Where a resource is not known here, `resource` is None and only the action is judged.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from everloop_localcloud.kernel.task_tokens import execution_of

Params = dict[str, Any]


@dataclass(frozen=True)
class Demand:
    """One action on one resource that a role must be allowed."""

    action: str
    resource: str | None
    context: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """The account and region whose resources a call names."""

    account: str
    region: str

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


_PREFIX = {
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
}
_ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:HeadObject": "s3:GetObject",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:UploadPartCopy": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}
# SageMaker: the parameter that names the resource, and the resource's path.
_SAGEMAKER = {
    "PipelineExecutionArn": "",
    "PipelineName": "pipeline/",
    "ModelPackageArn": "",
    "ModelPackageName": "model-package/",
    "ModelPackageGroupName": "model-package-group/",
    "EndpointName": "endpoint/",
    "EndpointConfigName": "endpoint-config/",
    "TransformJobName": "transform-job/",  # its ModelName is a condition key, no resource
    "ModelName": "model/",
    "ProcessingJobName": "processing-job/",
    "TrainingJobName": "training-job/",
    "HyperParameterTuningJobName": "hyper-parameter-tuning-job/",
    "FeatureGroupName": "feature-group/",
    "ModelCardName": "model-card/",
    "TrialComponentName": "experiment-trial-component/",
    "ResourceArn": "",
}
_ITEM_ACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_PASSED = ("RoleArn", "ExecutionRoleArn", "roleArn", "Role")
_PASSED_WITHIN = ("TrainingJobDefinition",)  # of a tuning job
# SageMaker: members of a request that are condition keys, too.
_SAGEMAKER_KEYS = {"ModelApprovalStatus": "sagemaker:modelapprovalstatus"}
_STAGE_KEYS = {
    "Stage": "sagemaker:modellifecycle:stage",
    "StageStatus": "sagemaker:modellifecycle:stagestatus",
}


def demands(service: str, operation: str, params: Params, place: Place) -> list[Demand]:
    """Return everything that a caller must be allowed for this call."""
    prefix = _PREFIX.get(service, service)
    named = f"{prefix}:{operation}"
    action = _ACTIONS.get(named, named)
    found = list(_RULES.get(prefix, _unknown)(action, operation, params, place))
    return [*found, *_tags(prefix, operation, params, found), *_passes(prefix, params)]


def _unknown(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    yield Demand(action, None)


def passed(service: str, params: Params) -> list[str]:
    """Return the roles that a call hands to the service it calls."""
    if service == "sts":
        return []
    given = [params.get(name) for name in _PASSED]
    if isinstance(params.get("Target"), dict):  # Scheduler
        given.append(params["Target"].get("RoleArn"))
    given += [t.get("RoleArn") for t in params.get("Targets") or () if isinstance(t, dict)]
    for nested in _PASSED_WITHIN:
        given += [v.get("RoleArn") for v in (params.get(nested),) if isinstance(v, dict)]
    return [role for role in given if isinstance(role, str) and ":role/" in role]


def _passes(prefix: str, params: Params) -> Iterator[Demand]:
    """A call that hands a role to a service needs iam:PassRole on it."""
    for role in passed(prefix, params):
        context = {"iam:passedtoservice": [f"{prefix}.amazonaws.com"]}
        yield Demand("iam:PassRole", role, context)


def _tags(prefix: str, operation: str, params: Params, found: list[Demand]) -> Iterator[Demand]:
    if prefix == "sagemaker" and operation.startswith("Create") and params.get("Tags"):
        yield Demand("sagemaker:AddTags", found[0].resource)


def _s3(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    bucket = f"arn:aws:s3:::{params.get('Bucket', '')}"
    if operation == "ListBuckets":
        yield Demand(action, "*")
    elif operation == "DeleteObjects":
        for item in (params.get("Delete") or {}).get("Objects", ()):
            yield Demand(action, f"{bucket}/{item.get('Key')}")
    elif "Key" in params:
        versioned = params.get("VersionId") and action in ("s3:GetObject", "s3:DeleteObject")
        yield Demand(f"{action}Version" if versioned else action, f"{bucket}/{params['Key']}")
        if params.get("BypassGovernanceRetention"):
            yield Demand("s3:BypassGovernanceRetention", f"{bucket}/{params['Key']}")
        source = params.get("CopySource")
        if source:
            text = source if isinstance(source, str) else f"{source['Bucket']}/{source['Key']}"
            place_, _, version = text.removeprefix("/").partition("?versionId=")
            version = version or (not isinstance(source, str) and source.get("VersionId")) or ""
            yield Demand(f"s3:GetObject{'Version' * bool(version)}", f"arn:aws:s3:::{place_}")
    else:
        prefix = params.get("Prefix")
        context = {"s3:prefix": [str(prefix)]} if prefix is not None else {}
        yield Demand(action, bucket, context)


def _dynamodb(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    def table(name: str) -> str:
        return name if name.startswith("arn:") else place.arn("dynamodb", f"table/{name}")

    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in params.get("TransactItems") or ():
            for kind, inner in item.items():
                name = f"dynamodb:{_ITEM_ACTIONS.get(kind, kind)}"
                yield Demand(name, table(str(inner.get("TableName"))))
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for name in params.get("RequestItems") or {}:
            yield Demand(action, table(name))
    elif "TableName" in params:
        arn = table(params["TableName"])
        index = params.get("IndexName")
        yield Demand(action, f"{arn}/index/{index}" if index else arn)
    else:
        yield Demand(action, "*" if operation.startswith("List") else None)


def _sagemaker(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    if operation.startswith("List") and operation not in (
        "ListPipelineExecutions",
        "ListPipelineExecutionSteps",
        "ListPipelineParametersForExecution",
        "ListTags",
        "ListTrainingJobsForHyperParameterTuningJob",
    ):
        yield Demand(action, "*")
        return
    each = [params, *(params.get("Identifiers") or ()), *(params.get("Entries") or ())]
    found = [
        value if str(value).startswith("arn:") else place.arn("sagemaker", path + str(value))
        for given in each
        for name, path in _SAGEMAKER.items()
        if isinstance(given, dict) and (value := given.get(name))
    ]
    if operation == "CreateModelPackage" and found:
        found.append(found[0].replace(":model-package-group/", ":model-package/") + "/1")
    if operation not in (
        *("CreateEndpoint", "UpdateEndpoint", "CreateModelPackage"),
        *("BatchGetRecord", "BatchWriteRecord"),
    ):
        found = found[:1]
    context = {
        key: [str(params[name])] for name, key in _SAGEMAKER_KEYS.items() if params.get(name)
    }
    stage = params.get("ModelLifeCycle")
    if isinstance(stage, dict):
        context |= {key: [str(stage[name])] for name, key in _STAGE_KEYS.items() if name in stage}
    for resource in found or [None]:
        yield Demand(action, resource, context)


def _states(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    if "taskToken" in params:
        execution = execution_of(params["taskToken"]) or ""
        machine = execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        yield Demand(action, machine or None)
        return
    named = params.get("executionArn") or params.get("stateMachineArn")
    yield Demand(action, named or ("*" if operation.startswith("List") else None))


def _named(
    parameter: str, service: str, path: str
) -> Callable[[str, str, Params, Place], Iterator[Demand]]:
    """Return the rule of a service whose resources one parameter names, by name or by ARN."""

    def rule(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
        value = params.get(parameter)
        if value is None:
            yield Demand(action, "*" if operation.startswith(("List", "Describe")) else None)
        elif str(value).startswith("arn:"):
            yield Demand(action, str(value))
        else:
            name = str(value).rpartition("/")[2] if parameter == "QueueUrl" else str(value)
            yield Demand(action, place.arn(service, path + name))

    return rule


def _events(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    if operation == "PutEvents":
        buses = {entry.get("EventBusName") or "default" for entry in params.get("Entries") or ()}
        for bus in sorted(buses):
            arn = bus if bus.startswith("arn:") else place.arn("events", f"event-bus/{bus}")
            yield Demand(action, arn)
        return
    name = params.get("Rule") or (params.get("Name") if operation.endswith("Rule") else None)
    bus = params.get("EventBusName") or "default"
    path = f"rule/{name}" if bus == "default" else f"rule/{bus.rpartition('/')[2]}/{name}"
    yield Demand(action, place.arn("events", path) if name else None)


def _cloudformation(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    name = str(params.get("StackName") or "")
    if name and not name.startswith("arn:"):  # AWS, too, asks for a named stack whatever its id
        name = place.arn("cloudformation", f"stack/{name}/*")
    yield Demand(action, name or None)


def _scheduler(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    name, group = params.get("Name"), params.get("GroupName") or "default"
    if operation.endswith("Schedule") and name:
        yield Demand(action, place.arn("scheduler", f"schedule/{group}/{name}"))
    elif operation.endswith("ScheduleGroup") and name:
        yield Demand(action, place.arn("scheduler", f"schedule-group/{name}"))
    else:
        yield Demand(action, "*")


def _cloudwatch(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    if operation == "PutMetricData":
        yield Demand(action, "*", {"cloudwatch:namespace": [str(params.get("Namespace"))]})
    elif operation == "DescribeAlarms" and not params.get("AlarmNames"):
        yield Demand(action, "*")
    elif params.get("AlarmName") or params.get("AlarmNames"):
        for name in params.get("AlarmNames") or [params["AlarmName"]]:
            yield Demand(action, place.arn("cloudwatch", f"alarm:{name}"))
    else:
        yield Demand(action, "*")


def _logs(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    group = params.get("logGroupName") or params.get("logGroupIdentifier")
    stream = params.get("logStreamName")
    rest = f"log-group:{group}:log-stream:{stream}" if stream else f"log-group:{group}:*"
    yield Demand(action, place.arn("logs", rest) if group else "*")


def _ecr(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    name = params.get("repositoryName")
    there = Place(params.get("registryId") or place.account, place.region)
    yield Demand(action, there.arn("ecr", f"repository/{name}") if name else "*")


def _xray(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    yield Demand(action, "*")


def _autoscaling(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    """AWS asks who scales for the right to what it does with a variant and its alarms, too."""
    if operation.startswith("Describe"):
        yield Demand(action, "*")
        return
    namespace = str(params.get("ServiceNamespace"))
    context = {"application-autoscaling:service-namespace": [namespace]}
    target = place.arn("application-autoscaling", f"scalable-target/{params.get('ResourceId')}")
    yield Demand(action, target, context)
    endpoint = place.arn("sagemaker", "/".join(str(params.get("ResourceId")).split("/")[:2]))
    alarm = place.arn("cloudwatch", f"alarm:TargetTracking-{params.get('ResourceId')}-AlarmHigh")
    if operation == "RegisterScalableTarget":
        yield Demand("sagemaker:DescribeEndpoint", endpoint)
        yield Demand("sagemaker:UpdateEndpointWeightsAndCapacities", endpoint)
        path = "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com"
        role = f"{path}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
        made_for = {"iam:awsservicename": ["sagemaker.application-autoscaling.amazonaws.com"]}
        yield Demand(
            "iam:CreateServiceLinkedRole", f"arn:aws:iam::{place.account}:{role}", made_for
        )
    elif operation == "PutScalingPolicy":
        yield Demand("cloudwatch:PutMetricAlarm", alarm)
        yield Demand("cloudwatch:DescribeAlarms", alarm)
    else:
        yield Demand("cloudwatch:DeleteAlarms", alarm)


def _sts(action: str, operation: str, params: Params, place: Place) -> Iterator[Demand]:
    if operation != "GetCallerIdentity":  # everybody may ask who they are
        yield Demand(action, params.get("RoleArn"))


_RULES: dict[str, Callable[[str, str, Params, Place], Iterator[Demand]]] = {
    "s3": _s3,
    "dynamodb": _dynamodb,
    "sagemaker": _sagemaker,
    "states": _states,
    "events": _events,
    "cloudformation": _cloudformation,
    "scheduler": _scheduler,
    "cloudwatch": _cloudwatch,
    "logs": _logs,
    "ecr": _ecr,
    "xray": _xray,
    "application-autoscaling": _autoscaling,
    "sts": _sts,
    "lambda": _named("FunctionName", "lambda", "function:"),
    "sqs": _named("QueueUrl", "sqs", ""),
    "sns": _named("TopicArn", "sns", ""),
    "ssm": _named("Name", "ssm", "parameter/"),
    "kms": _named("KeyId", "kms", "key/"),
    "secretsmanager": _named("SecretId", "secretsmanager", "secret:"),
}
