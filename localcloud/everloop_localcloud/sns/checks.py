"""What SNS refuses, and with which words."""

import json
import re
from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sns.notifications import size_of

LIMIT = 256 * 1024
NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TOPIC_ATTRIBUTES = (
    *("DisplayName", "Policy", "KmsMasterKeyId", "SignatureVersion", "TracingConfig"),
    *("DeliveryPolicy", "FifoTopic", "ContentBasedDeduplication"),
)
_SUBSCRIPTION_ATTRIBUTES = (
    *("RawMessageDelivery", "RedrivePolicy", "FilterPolicy", "FilterPolicyScope"),
    "DeliveryPolicy",
)
_PROTOCOLS = ("sqs", "lambda", "email", "email-json")


def invalid(name: str, reason: str) -> AwsError:
    return AwsError("InvalidParameter", f"Invalid parameter: {name} Reason: {reason}")


def check_topic_attribute(name: str, value: str) -> None:
    if name not in _TOPIC_ATTRIBUTES:
        raise invalid("AttributeName", f"{name} is no attribute that can be set")
    if name == "DeliveryPolicy" and value:
        raise AwsError("NotImplemented", "DeliveryPolicy is of HTTP subscriptions only", 501)
    if name == "Policy" and value:
        check_json("Policy", value)


def check_json(name: str, value: str) -> dict[str, Any]:
    try:
        found = json.loads(value)
    except ValueError as error:
        raise invalid(name, f"no valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise invalid(name, f"{value} is no JSON object")
    return found


def check_endpoint(protocol: str, endpoint: str) -> None:
    if protocol not in _PROTOCOLS:
        message = f"the local cloud does not deliver notifications by {protocol}"
        raise AwsError("NotImplemented", message, 501)
    service = {"sqs": "arn:aws:sqs:", "lambda": "arn:aws:lambda:"}.get(protocol)
    if service and not endpoint.startswith(service):
        raise invalid("Endpoint", f"{endpoint!r} is no ARN for {protocol}")
    if not service and "@" not in endpoint:
        raise invalid("Email address", f"{endpoint!r} is none")


def check_subscription_attribute(name: str, value: str) -> None:
    if name not in _SUBSCRIPTION_ATTRIBUTES:
        raise invalid("AttributeName", f"{name} is no attribute of a subscription")
    if name in ("FilterPolicy", "DeliveryPolicy") and value not in ("", "{}"):
        raise AwsError("NotImplemented", f"the local cloud does not honour {name}", 501)
    if name == "RawMessageDelivery" and value not in ("", "true", "false"):
        raise invalid("RawMessageDelivery", f"{value!r} is neither true nor false")
    if name == "RedrivePolicy" and value:
        dead = check_json(name, value).get("deadLetterTargetArn", "")
        if not str(dead).startswith("arn:aws:sqs:"):
            raise invalid(name, f"deadLetterTargetArn {dead!r} is no queue")


def check_message(request: dict[str, Any]) -> None:
    if not request.get("Message"):
        raise invalid("Message", "Empty message")
    if size_of(request) > LIMIT:
        raise invalid("Message", f"Message too long: at most {LIMIT} bytes")
    subject = request.get("Subject")
    if subject is not None and not re.fullmatch(r"[^\x00-\x1f\x7f]{1,100}", subject):
        raise invalid("Subject", f"{subject!r} must be one line of 1 to 100 characters")
    if request.get("MessageDeduplicationId"):
        raise invalid("MessageDeduplicationId", "only FIFO topics take one")
    structure = request.get("MessageStructure")
    if structure not in (None, "", "json"):
        raise invalid("MessageStructure", f"{structure!r} is not json")
    if structure == "json" and "default" not in check_json("Message", request["Message"]):
        raise invalid("Message Structure", "No default entry in JSON message body")
