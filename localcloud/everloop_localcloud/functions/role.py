"""What Lambda does with a function's role beside running its code: logs, traces, queues.

Some of it AWS asks for when it is configured, and refuses the configuration; logs it leaves out.
"""

from typing import Any

from everloop_localcloud.functions.records import invalid
from everloop_localcloud.kernel.account import Account

_POLLING = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_SENDING = {"sqs": "SendMessage", "sns": "Publish", "lambda": "Invoke", "events": "PutEvents"}


def check_tracing(cloud: Account, record: dict[str, Any]) -> None:
    """Raise AwsError where traces are wanted that the role may not write."""
    if record.get("TracingConfig", {}).get("Mode") != "Active":
        return
    for operation in ("PutTraceSegments", "PutTelemetryRecords"):
        if not cloud.roles.permits(record["Role"], "xray", operation):
            raise invalid(
                f"The provided execution role does not have permissions to call {operation} on XRAY"
            )


def check_polling(cloud: Account, record: dict[str, Any], queue_arn: str) -> None:
    """Raise AwsError where Lambda could not poll the queue with the role."""
    for operation in _POLLING:
        request = {"QueueUrl": queue_arn.rpartition(":")[2]}
        if not cloud.roles.permits(record["Role"], "sqs", operation, **request):
            raise invalid(
                f"The provided execution role does not have permissions to call {operation} on SQS"
            )


def check_destinations(cloud: Account, record: dict[str, Any], config: dict[str, Any]) -> None:
    """Raise AwsError where Lambda could not send to a destination with the role."""
    for outcome in ("OnSuccess", "OnFailure"):
        arn = str((config.get(outcome) or {}).get("Destination") or "")
        if not arn:
            continue
        service, name = arn.split(":")[2], arn.rpartition(":")[2]
        by_service: dict[str, dict[str, Any]] = {
            "sqs": {"QueueUrl": name},
            "sns": {"TopicArn": arn},
            "lambda": {"FunctionName": arn},
            "events": {"Entries": [{"EventBusName": arn}]},
        }
        operation, request = _SENDING.get(service), by_service.get(service)
        if operation is None or request is None:
            raise invalid(f"{arn} is no queue, topic, function or bus")
        if not cloud.roles.permits(record["Role"], service, operation, **request):
            raise invalid(
                "The function's execution role does not have permissions to call "
                f"{operation} on {arn}"
            )


def has_group(cloud: Account, group: str) -> bool:
    logs: Any = cloud.apis.get("logs")
    return logs is not None and bool(logs.has_group(group))


def may_log(cloud: Account, role_arn: str, group: str, stream: str) -> bool:
    """Tell whether an environment's log is kept; where it may not be written, AWS drops it."""
    logs: Any = cloud.apis.get("logs")
    if logs is None:
        return False
    permits, there = cloud.roles.permits, {"logGroupName": group}
    if not logs.has_group(group) and not permits(role_arn, "logs", "CreateLogGroup", **there):
        return False
    return all(
        permits(role_arn, "logs", operation, **there, logStreamName=stream)
        for operation in ("CreateLogStream", "PutLogEvents")
    )
