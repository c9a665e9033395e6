"""Resource types that carry messages: SQS, SNS, EventBridge, Scheduler."""

import json
from typing import Any, ClassVar

from localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    picked,
    tag_changes,
    tag_map,
)
from localcloud.errors import AwsError


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
    replacing = frozenset({"QueueName", "FifoQueue"})

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
    replacing = frozenset({"TopicName", "FifoTopic", "Subscription"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("TopicName") or site.name(250)
        attributes = {key: _text(given[key]) for key in self._attributes if key in given}
        request = {"Name": name, "Attributes": attributes}
        if given.get("Tags"):
            request["Tags"] = _tag_list(given["Tags"])
        arn = site.call("sns", "CreateTopic", request)["TopicArn"]
        for subscription in given.get("Subscription") or []:
            site.call("sns", "Subscribe", {"TopicArn": arn, **subscription})
        return self._made(arn)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        for key in self._attributes:
            if before.get(key) != given.get(key):
                value = _text(given.get(key, ""))
                request = {"TopicArn": ref, "AttributeName": key, "AttributeValue": value}
                site.call("sns", "SetTopicAttributes", request)
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        if gone:
            site.call("sns", "UntagResource", {"ResourceArn": ref, "TagKeys": gone})
        if new:
            site.call("sns", "TagResource", {"ResourceArn": ref, "Tags": _tag_list(new)})
        return self._made(ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("sns", "DeleteTopic", {"TopicArn": ref})

    @staticmethod
    def _made(arn: str) -> Made:
        return Made(arn, {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})


class TopicPolicy(Kind):
    type = "AWS::SNS::TopicPolicy"
    properties = frozenset({"Topics", "PolicyDocument"})
    required = properties
    replacing = frozenset({"Topics"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        for topic in given["Topics"]:
            policy = document(given["PolicyDocument"])
            request = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": policy}
            site.call("sns", "SetTopicAttributes", request)
        return Made(site.name(128))

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
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
    replacing = frozenset({"TopicArn", "Protocol", "Endpoint"})

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


class EventBus(Kind):
    type = "AWS::Events::EventBus"
    _direct = ("Description", "KmsKeyIdentifier", "DeadLetterConfig")
    properties = frozenset({"Name", "Tags", *_direct})
    required = frozenset({"Name"})
    replacing = frozenset({"Name"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        request = {"Name": given["Name"], **picked(given, self._direct)}
        if given.get("Tags"):
            request["Tags"] = _tag_list(given["Tags"])
        arn = site.call("events", "CreateEventBus", request)["EventBusArn"]
        return Made(given["Name"], {"Arn": arn, "Name": given["Name"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        arn = site.cloud.arn("events", f"event-bus/{ref}")
        if any(before.get(key) != given.get(key) for key in self._direct):
            request = {"Name": ref, **picked(given, self._direct)}
            site.call("events", "UpdateEventBus", request)
        _retag(site, "events", arn, before, given)
        return Made(ref, {"Arn": arn, "Name": ref})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("events", "DeleteEventBus", {"Name": ref})


def _retag(
    site: Site, service: str, arn: str, before: dict[str, Any], given: dict[str, Any]
) -> None:
    new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
    key = "ResourceARN" if service == "events" else "ResourceArn"
    if gone:
        site.call(service, "UntagResource", {key: arn, "TagKeys": gone})
    if new:
        site.call(service, "TagResource", {key: arn, "Tags": _tag_list(new)})


class Rule(Kind):
    type = "AWS::Events::Rule"
    _direct = ("Description", "EventBusName", "ScheduleExpression", "State", "RoleArn")
    properties = frozenset({"Name", "EventPattern", "Targets", "Tags", *_direct})
    replacing = frozenset({"Name", "EventBusName"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        return self._put(site, given.get("Name") or site.name(64), {}, given)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        return self._put(site, ref.rpartition("|")[2], before, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        rule = {"Rule": ref.rpartition("|")[2], **picked(given, ("EventBusName",))}
        targets = [target["Id"] for target in given.get("Targets") or []]
        if targets:
            site.gone("events", "RemoveTargets", {**rule, "Ids": targets})
        name = {"Name": rule.pop("Rule"), **rule}
        site.gone("events", "DeleteRule", name)

    @staticmethod
    def _put(site: Site, name: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        request = {"Name": name, **picked(given, Rule._direct)}
        if "EventPattern" in given:
            request["EventPattern"] = document(given["EventPattern"])
        if given.get("Tags") and not before:
            request["Tags"] = _tag_list(given["Tags"])
        arn = site.call("events", "PutRule", request)["RuleArn"]
        where = {"Rule": name, **picked(given, ("EventBusName",))}
        targets = given.get("Targets") or []
        wanted = {target["Id"] for target in targets}
        gone = [one["Id"] for one in before.get("Targets") or [] if one["Id"] not in wanted]
        if gone:
            site.call("events", "RemoveTargets", {**where, "Ids": gone})
        if targets:
            answer = site.call("events", "PutTargets", {**where, "Targets": targets})
            for failure in answer.get("FailedEntries") or []:
                raise AwsError(failure["ErrorCode"], failure["ErrorMessage"])
        if before:
            _retag(site, "events", arn, before, given)
        bus = str(given.get("EventBusName", "default")).rpartition("/")[2]
        return Made(name if bus == "default" else f"{bus}|{name}", {"Arn": arn})


class ScheduleGroup(Kind):
    type = "AWS::Scheduler::ScheduleGroup"
    properties = frozenset({"Name", "Tags"})
    replacing = frozenset({"Name", "Tags"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("Name") or site.name(64)
        request = {"Name": name, "Tags": _tag_list(given.get("Tags"))}
        arn = site.call("scheduler", "CreateScheduleGroup", request)["ScheduleGroupArn"]
        return Made(name, {"Arn": arn, "State": "ACTIVE"})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("scheduler", "DeleteScheduleGroup", {"Name": ref})


class Schedule(Kind):
    type = "AWS::Scheduler::Schedule"
    _direct = (
        "GroupName",
        "Description",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "FlexibleTimeWindow",
        "State",
        "Target",
        "StartDate",
        "EndDate",
        "KmsKeyArn",
    )
    properties = frozenset({"Name", *_direct})
    required = frozenset({"ScheduleExpression", "FlexibleTimeWindow", "Target"})
    replacing = frozenset({"Name", "GroupName"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("Name") or site.name(64)
        request = {"Name": name, **picked(given, self._direct)}
        answer = site.call("scheduler", "CreateSchedule", request)
        return Made(name, {"Arn": answer["ScheduleArn"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        request = {"Name": ref, **picked(given, self._direct)}
        answer = site.call("scheduler", "UpdateSchedule", request)
        return Made(ref, {"Arn": answer["ScheduleArn"]})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("scheduler", "DeleteSchedule", {"Name": ref, **picked(given, ("GroupName",))})


KINDS: tuple[Kind, ...] = (
    Queue(),
    QueuePolicy(),
    Topic(),
    TopicPolicy(),
    Subscription(),
    EventBus(),
    Rule(),
    ScheduleGroup(),
    Schedule(),
)
