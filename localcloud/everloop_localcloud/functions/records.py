"""The record of a function: checked when it is written, shown as Lambda shows it."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from everloop_localcloud.functions.names import LATEST
from everloop_localcloud.kernel.errors import AwsError

# Members of CreateFunction and UpdateFunctionConfiguration that are kept and shown as they came.
_KEPT = (
    "Role",
    "Handler",
    "Runtime",
    "Description",
    "Timeout",
    "MemorySize",
    "DeadLetterConfig",
    "Environment",
    "TracingConfig",
    "EphemeralStorage",
    "LoggingConfig",
    "KMSKeyArn",
)
_DEFAULTS: dict[str, Any] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "TracingConfig": {"Mode": "PassThrough"},
    "EphemeralStorage": {"Size": 512},
}
# What changes how a function runs, and is not here, is refused by name.
_REFUSED = {
    "VpcConfig": ("SubnetIds", "SecurityGroupIds"),
    "FileSystemConfigs": None,
    "ImageConfig": None,
    "CodeSigningConfigArn": None,
    "CapacityProviderConfig": None,
    "DurableConfig": None,
    "TenancyConfig": None,
}
_RESERVED = re.compile(
    r"^(_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_REGION|REGION|EXECUTION_ENV|ACCESS_KEY|ACCESS_KEY_ID"
    r"|SECRET_ACCESS_KEY|SESSION_TOKEN|LAMBDA_(FUNCTION_NAME|FUNCTION_MEMORY_SIZE|FUNCTION_VERSION"
    r"|INITIALIZATION_TYPE|LOG_GROUP_NAME|LOG_STREAM_NAME|RUNTIME_API))"
    r"|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR)$"
)


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def refuse_unsupported(request: dict[str, Any]) -> None:
    """Raise AwsError for members that this cloud would not honour."""
    for name, parts in _REFUSED.items():
        given = request.get(name)
        if given and (parts is None or any(given.get(part) for part in parts)):
            raise invalid(f"the local cloud does not support {name} of a function")
    if request.get("PackageType", "Zip") != "Zip":
        raise invalid("the local cloud runs functions of PackageType Zip only, not Image")
    if request.get("Publish"):
        raise invalid(f"the local cloud keeps only {LATEST}: Publish is not supported")
    if (request.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
        raise invalid("the local cloud does not support SnapStart of a function")


def check(record: dict[str, Any]) -> None:
    """Raise AwsError where a function's configuration cannot be run."""
    if not re.match(r"^python3\.\d+$", str(record.get("Runtime", ""))):
        raise invalid(
            f"the local cloud runs Python functions only; Runtime is {record.get('Runtime')!r}"
        )
    if not record.get("Handler"):
        raise invalid("Handler is missing: give it as module.function")
    variables = record.get("Environment", {}).get("Variables", {})
    taken = sorted(name for name in variables if _RESERVED.match(name))
    if taken:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            f"for modification. Reserved keys used in this request: {', '.join(taken)}"
        )
    size = sum(len(name) + len(value) for name, value in variables.items())
    if size > 4096:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the 4KB limit: {size} bytes"
        )


def new(request: dict[str, Any], arn: str) -> dict[str, Any]:
    """Return the record of a function just created, without its code."""
    record: dict[str, Any] = {
        **_DEFAULTS,
        "FunctionName": request["FunctionName"],
        "FunctionArn": arn,
        "Architectures": request.get("Architectures", ["x86_64"]),
        "Tags": request.get("Tags", {}),
    }
    merge(record, request)
    return record


def merge(record: dict[str, Any], request: dict[str, Any]) -> None:
    for name in _KEPT:
        if name in request:
            record[name] = request[name]


def touch(record: dict[str, Any], now: datetime) -> None:
    """Note a change: a new revision, and new environments with it."""
    record["LastModified"] = now
    record["RevisionId"] = str(uuid.uuid4())


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """Return a function's configuration as Lambda answers it."""
    name = record["FunctionName"]
    logging = {
        "LogFormat": "Text",
        "LogGroup": f"/aws/lambda/{name}",
        **record.get("LoggingConfig", {}),
    }
    moment = record["LastModified"].astimezone(UTC)
    answer: dict[str, Any] = {
        "FunctionName": name,
        "FunctionArn": record["FunctionArn"],
        "CodeSize": record["CodeSize"],
        "CodeSha256": record["CodeSha256"],
        "Architectures": record["Architectures"],
        "LastModified": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000",
        "RevisionId": record["RevisionId"],
        "Version": LATEST,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": logging,
    }
    for kept in _KEPT:
        if kept not in answer and record.get(kept) is not None:
            answer[kept] = record[kept]
    if record.get("Layers"):
        answer["Layers"] = [
            {"Arn": layer["Arn"], "CodeSize": layer["CodeSize"]} for layer in record["Layers"]
        ]
    return answer


def check_revision(latest: str | None, request: dict[str, Any], reader: str) -> None:
    """Raise AwsError where a change is meant for another revision than the latest one."""
    wanted = request.get("RevisionId")
    if wanted and wanted != latest:
        raise AwsError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId. Call the "
            f"{reader} API to retrieve the latest RevisionId",
            412,
            Type="User",
        )
