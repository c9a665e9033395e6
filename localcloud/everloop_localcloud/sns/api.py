"""SNS: topics, subscriptions and publishing; messages also land as text files, to be read."""

import json
import threading
import uuid
from typing import Any, ClassVar

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sns.checks import (
    LIMIT,
    NAME,
    check_endpoint,
    check_message,
    check_subscription_attribute,
    check_topic_attribute,
    invalid,
)
from everloop_localcloud.sns.notifications import Notifications, size_of
from everloop_localcloud.sns.reads import READS

_PAGE = 100


class Sns(Api):
    """Standard topics. E-mail is written to files instead of sent, and needs no confirmation."""

    service = "sns"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "Subscribe": "sqs, lambda, email; e-mail subscriptions are confirmed at once",
        "SetTopicAttributes": "KmsMasterKeyId, TracingConfig and SignatureVersion have no effect",
        "Publish": "messages carry no valid signature",
    }
    without_effect: ClassVar[dict[str, str]] = {
        "ReturnSubscriptionArn": "the ARN is always returned",
    }

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._topics = cloud.store.table("sns.topics")
        self._subscriptions = cloud.store.table("sns.subscriptions")
        self._notifications = Notifications(cloud)

    def start(self) -> None:
        self._notifications.start()

    @operation
    def create_topic(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        if not NAME.fullmatch(name.removesuffix(".fifo")):
            raise invalid("Topic Name", f"{name!r} is none: letters, digits, hyphens, underscores")
        attributes = dict(request.get("Attributes", {}))
        if name.endswith(".fifo") or attributes.get("FifoTopic") == "true":
            raise AwsError("NotImplemented", "the local cloud has no FIFO topics", 501)
        if request.get("DataProtectionPolicy"):
            raise AwsError("NotImplemented", "the local cloud has no DataProtectionPolicy", 501)
        for key, value in attributes.items():
            check_topic_attribute(key, value)
        tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        arn = self.cloud.arn("sns", name)
        with self._lock:
            known = self._topics.get(arn)
            if known is None:
                self._topics[arn] = {"name": name, "attributes": attributes, "tags": tags}
            elif any(known["attributes"].get(k) != v for k, v in attributes.items()):
                raise invalid("Attributes", "Topic already exists with different attributes")
            elif tags and known["tags"] != tags:
                raise invalid("Tags", "Topic already exists with different tags")
        return {"TopicArn": arn}

    @operation
    def delete_topic(self, call: Call, request: dict[str, Any]) -> None:
        arn = request["TopicArn"]
        with self._lock:
            self._topics.pop(arn, None)
            for key, one in list(self._subscriptions.items()):
                if one["topic"] == arn:
                    del self._subscriptions[key]

    @operation
    def get_topic_attributes(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["TopicArn"]
        with self._lock:
            topic = self._topic(arn)
            count = len(self._of(arn))
        attributes = {
            "TopicArn": arn,
            "Owner": self.cloud.account,
            "DisplayName": "",
            "Policy": self._owner_policy(arn),
            "SubscriptionsConfirmed": str(count),
            "SubscriptionsPending": "0",
            "SubscriptionsDeleted": "0",
            **topic["attributes"],
        }
        return {"Attributes": attributes}

    @operation
    def set_topic_attributes(self, call: Call, request: dict[str, Any]) -> None:
        name, value = request["AttributeName"], request.get("AttributeValue", "")
        check_topic_attribute(name, value)
        with self._lock:
            attributes = self._topic(request["TopicArn"])["attributes"]
            if value:
                attributes[name] = value
            else:
                attributes.pop(name, None)
            self._topics.save(request["TopicArn"])

    @operation
    def list_topics(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            arns = sorted(self._topics)
        page, token = _page(arns, request)
        return {"Topics": [{"TopicArn": arn} for arn in page], **token}

    @operation
    def subscribe(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        topic, protocol = request["TopicArn"], request["Protocol"]
        endpoint = request.get("Endpoint", "")
        check_endpoint(protocol, endpoint)
        attributes = dict(request.get("Attributes", {}))
        for key, value in attributes.items():
            check_subscription_attribute(key, value)
        with self._lock:
            self._topic(topic)
            for arn, one in self._of(topic).items():
                if (one["protocol"], one["endpoint"]) == (protocol, endpoint):
                    if attributes and one["attributes"] != attributes:
                        reason = "Subscription already exists with different attributes"
                        raise invalid("Attributes", reason)
                    return {"SubscriptionArn": arn}
            arn = f"{topic}:{uuid.uuid4()}"
            self._subscriptions[arn] = {
                "topic": topic,
                "protocol": protocol,
                "endpoint": endpoint,
                "attributes": attributes,
            }
        return {"SubscriptionArn": arn}

    @operation
    def unsubscribe(self, call: Call, request: dict[str, Any]) -> None:
        with self._lock:
            self._subscriptions.pop(request["SubscriptionArn"], None)

    @operation
    def get_subscription_attributes(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["SubscriptionArn"]
        with self._lock:
            one = self._subscription(arn)
        attributes = {
            "SubscriptionArn": arn,
            "TopicArn": one["topic"],
            "Owner": self.cloud.account,
            "Protocol": one["protocol"],
            "Endpoint": one["endpoint"],
            "PendingConfirmation": "false",
            "ConfirmationWasAuthenticated": "true",
            "SubscriptionPrincipal": f"arn:aws:iam::{self.cloud.account}:root",
            "RawMessageDelivery": "false",
            **one["attributes"],
        }
        return {"Attributes": attributes}

    @operation
    def set_subscription_attributes(self, call: Call, request: dict[str, Any]) -> None:
        name, value = request["AttributeName"], request.get("AttributeValue", "")
        check_subscription_attribute(name, value)
        with self._lock:
            attributes = self._subscription(request["SubscriptionArn"])["attributes"]
            if value:
                attributes[name] = value
            else:
                attributes.pop(name, None)
            self._subscriptions.save(request["SubscriptionArn"])

    @operation
    def list_subscriptions(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            found = dict(self._subscriptions.items())
        return self._listed(found, request)

    @operation
    def list_subscriptions_by_topic(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._topic(request["TopicArn"])
            found = self._of(request["TopicArn"])
        return self._listed(found, request)

    @operation
    def publish(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("PhoneNumber"):
            raise AwsError("NotImplemented", "the local cloud sends no text messages", 501)
        arn = request.get("TopicArn") or request.get("TargetArn")
        if not arn:
            raise invalid("TopicArn or TargetArn", "no value for required parameter")
        return {"MessageId": self._publish(arn, request)}

    @operation
    def publish_batch(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        entries = request["PublishBatchRequestEntries"]
        names = [entry["Id"] for entry in entries]
        if not entries:
            raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
        if len(entries) > 10:
            message = "The batch request contains more entries than permissible (10)."
            raise AwsError("TooManyEntriesInBatchRequest", message)
        if len(set(names)) != len(names):
            message = "Two or more batch entries in the request have the same Id."
            raise AwsError("BatchEntryIdsNotDistinct", message)
        if sum(size_of(entry) for entry in entries) > LIMIT:
            message = f"The batch is longer than {LIMIT} bytes."
            raise AwsError("BatchRequestTooLong", message)
        self._topic(request["TopicArn"])
        done, failed = [], []
        for entry in entries:
            try:
                message_id = self._publish(request["TopicArn"], entry)
            except AwsError as error:
                why = {"Code": error.code, "Message": error.message, "SenderFault": True}
                failed.append({"Id": entry["Id"], **why})
            else:
                done.append({"Id": entry["Id"], "MessageId": message_id})
        return {"Successful": done, "Failed": failed}

    @operation
    def tag_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            tags = self._topic(request["ResourceArn"])["tags"]
            tags |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            self._topics.save(request["ResourceArn"])
        return {}

    @operation
    def untag_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            tags = self._topic(request["ResourceArn"])["tags"]
            for key in request["TagKeys"]:
                tags.pop(key, None)
            self._topics.save(request["ResourceArn"])
        return {}

    @operation
    def list_tags_for_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            tags = dict(self._topic(request["ResourceArn"])["tags"])
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _publish(self, arn: str, request: dict[str, Any]) -> str:
        check_message(request)
        with self._lock:
            topic = self._topic(arn)
            subscriptions = self._of(arn)
        return self._notifications.publish(arn, topic["name"], request, subscriptions)

    def _topic(self, arn: str) -> dict[str, Any]:
        found = self._topics.get(arn)
        if found is None:
            if arn.count(":") != 5 or not arn.startswith("arn:aws:sns:"):
                raise invalid("TopicArn", f"{arn} is no ARN of a topic")
            raise AwsError("NotFound", "Topic does not exist", 404)
        return found

    def _subscription(self, arn: str) -> dict[str, Any]:
        found = self._subscriptions.get(arn)
        if found is None:
            raise AwsError("NotFound", "Subscription does not exist", 404)
        return found

    def _of(self, topic: str) -> dict[str, dict[str, Any]]:
        return {arn: one for arn, one in self._subscriptions.items() if one["topic"] == topic}

    def _listed(self, found: dict[str, dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
        page, token = _page(sorted(found), request)
        listed = [
            {
                "SubscriptionArn": arn,
                "Owner": self.cloud.account,
                "Protocol": found[arn]["protocol"],
                "Endpoint": found[arn]["endpoint"],
                "TopicArn": found[arn]["topic"],
            }
            for arn in page
        ]
        return {"Subscriptions": listed, **token}

    def _owner_policy(self, arn: str) -> str:
        statement = {
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes"],
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceOwner": self.cloud.account}},
        }
        policy = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
        return json.dumps(policy)


def _page(items: list[str], request: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    after = request.get("NextToken", "")
    left = [item for item in items if item > after]
    token = {"NextToken": left[_PAGE - 1]} if len(left) > _PAGE else {}
    return left[:_PAGE], token
