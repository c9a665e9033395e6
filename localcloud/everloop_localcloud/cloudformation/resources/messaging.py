"""Resource types that carry messages: SQS and SNS."""

import json
from typing import Any, ClassVar

from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    picked,
    tag_changes,
    tag_map,
)


def _tag_list(given: Any) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tag_map(given).items()]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict) else str(value)


class Queue(Kind):
    type = "AWS::SQS::Queue"
    _attributes = (
        "VisibilityTimeout",
        "MessageRetentionPeriod",
        "DelaySeconds",
        "MaximumMessageSize",
        "ReceiveMessageWaitTimeSeconds",
        "RedrivePolicy",
        "RedriveAllowPolicy",
        "FifoQueue",
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoThroughputLimit",
        "KmsMasterKeyId",
        "KmsDataKeyReusePeriodSeconds",
        "SqsManagedSseEnabled",
    )
    # What a property goes back to when a template drops it.
    _defaults: ClassVar[dict[str, str]] = {
        "VisibilityTimeout": "30",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "ReceiveMessageWaitTimeSeconds": "0",
        "RedrivePolicy": "",
        "RedriveAllowPolicy": "",
        "KmsMasterKeyId": "",
        "SqsManagedSseEnabled": "true",
        "ContentBasedDeduplication": "false",
    }
    properties = frozenset({"QueueName", "Tags", *_attributes})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        fifo = _text(given.get("FifoQueue", "false")) == "true"
        name = given.get("QueueName") or site.name(75) + (".fifo" if fifo else "")
        attributes = {key: _text(given[key]) for key in self._attributes if key in given}
        if not fifo:
            attributes.pop("FifoQueue", None)  # SQS takes "true" only
        request = {"QueueName": name, "Attributes": attributes}
        if given.get("Tags"):
            request["tags"] = tag_map(given["Tags"])
        url = site.call("sqs", "CreateQueue", request)["QueueUrl"]
        return self._made(site, url)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        changes = {
            key: _text(given[key]) if key in given else self._defaults.get(key, "")
            for key in self._attributes
            if before.get(key) != given.get(key)
        }
        if changes:
            site.call("sqs", "SetQueueAttributes", {"QueueUrl": ref, "Attributes": changes})
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        if gone:
            site.call("sqs", "UntagQueue", {"QueueUrl": ref, "TagKeys": gone})
        if new:
            site.call("sqs", "TagQueue", {"QueueUrl": ref, "Tags": new})
        return self._made(site, ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("sqs", "DeleteQueue", {"QueueUrl": ref})

    @staticmethod
    def _made(site: Site, url: str) -> Made:
        name = url.rpartition("/")[2]
        arn = site.cloud.arn("sqs", name)
        return Made(url, {"Arn": arn, "QueueName": name, "QueueUrl": url})


class QueuePolicy(Kind):
    type = "AWS::SQS::QueuePolicy"
    properties = frozenset({"Queues", "PolicyDocument"})
    required = properties

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        for queue in given["Queues"]:
            policy = {"Policy": document(given["PolicyDocument"])}
            site.call("sqs", "SetQueueAttributes", {"QueueUrl": queue, "Attributes": policy})
        return Made(site.name(128))

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        left = [queue for queue in before["Queues"] if queue not in given["Queues"]]
        self.delete(site, ref, {"Queues": left})
        self.create(site, given)
        return Made(ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        for queue in given["Queues"]:
            request = {"QueueUrl": queue, "Attributes": {"Policy": ""}}
            site.gone("sqs", "SetQueueAttributes", request)


class Topic(Kind):
    type = "AWS::SNS::Topic"
    _attributes = (
        "DisplayName",
        "KmsMasterKeyId",
        "FifoTopic",
        "ContentBasedDeduplication",
        "SignatureVersion",
        "TracingConfig",
    )
    properties = frozenset({"TopicName", "Subscription", "Tags", *_attributes})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("TopicName") or site.name(250)
        attributes = {key: _text(given[key]) for key in self._attributes if key in given}
        request = {"Name": name, "Attributes": attributes}
        if given.get("Tags"):
            request["Tags"] = _tag_list(given["Tags"])
        arn = site.call("sns", "CreateTopic", request)["TopicArn"]
        self._subscribe(site, arn, None, given.get("Subscription"))
        return self._made(arn)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        for key in self._attributes:
            if before.get(key) != given.get(key):
                value = _text(given.get(key, ""))
                request = {"TopicArn": ref, "AttributeName": key, "AttributeValue": value}
                site.call("sns", "SetTopicAttributes", request)
        self._subscribe(site, ref, before.get("Subscription"), given.get("Subscription"))
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        if gone:
            site.call("sns", "UntagResource", {"ResourceArn": ref, "TagKeys": gone})
        if new:
            site.call("sns", "TagResource", {"ResourceArn": ref, "Tags": _tag_list(new)})
        return self._made(ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("sns", "DeleteTopic", {"TopicArn": ref})

    @staticmethod
    def _subscribe(site: Site, topic: str, before: Any, given: Any) -> None:
        gone = [each for each in before or [] if each not in (given or [])]
        if gone:
            request = {"TopicArn": topic}
            found = site.call("sns", "ListSubscriptionsByTopic", request)["Subscriptions"]
            for one in found:
                if {"Protocol": one["Protocol"], "Endpoint": one["Endpoint"]} in gone:
                    arn = {"SubscriptionArn": one["SubscriptionArn"]}
                    site.gone("sns", "Unsubscribe", arn)
        for each in given or []:
            if each not in (before or []):
                site.call("sns", "Subscribe", {"TopicArn": topic, **each})

    @staticmethod
    def _made(arn: str) -> Made:
        return Made(arn, {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})


class TopicPolicy(Kind):
    type = "AWS::SNS::TopicPolicy"
    properties = frozenset({"Topics", "PolicyDocument"})
    required = properties

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        for topic in given["Topics"]:
            policy = document(given["PolicyDocument"])
            request = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
            site.call("sns", "SetTopicAttributes", request)
        return Made(site.name(128))

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        left = [topic for topic in before["Topics"] if topic not in given["Topics"]]
        self.delete(site, ref, {"Topics": left})
        self.create(site, given)
        return Made(ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        for topic in given["Topics"]:
            owner = f"arn:aws:iam::{site.cloud.account}:root"
            statement = {
                "Effect": "Allow",
                "Principal": {"AWS": owner},
                "Action": "sns:*",
                "Resource": topic,
            }
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            request = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
            site.gone("sns", "SetTopicAttributes", request)


class Subscription(Kind):
    type = "AWS::SNS::Subscription"
    _attributes = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
    properties = frozenset({"TopicArn", "Protocol", "Endpoint", *_attributes})
    required = frozenset({"TopicArn", "Protocol"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        attributes = {key: _text(given[key]) for key in self._attributes if key in given}
        request = {**picked(given, ("TopicArn", "Protocol", "Endpoint")), "Attributes": attributes}
        arn = site.call("sns", "Subscribe", {**request, "ReturnSubscriptionArn": True})
        return Made(arn["SubscriptionArn"], {"Arn": arn["SubscriptionArn"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        for key in self._attributes:
            if before.get(key) != given.get(key):
                value = _text(given.get(key, ""))
                request = {"SubscriptionArn": ref, "AttributeName": key, "AttributeValue": value}
                site.call("sns", "SetSubscriptionAttributes", request)
        return Made(ref, {"Arn": ref})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("sns", "Unsubscribe", {"SubscriptionArn": ref})


KINDS: tuple[Kind, ...] = (Queue(), QueuePolicy(), Topic(), TopicPolicy(), Subscription())
