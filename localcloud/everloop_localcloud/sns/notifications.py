"""How a published message reaches subscribers: queues, functions, and files in the mail folder."""

import base64
import json
import re
import uuid
from datetime import datetime
from typing import Any

from everloop_localcloud.delivery.calls import Letter, Sender, call_arn
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

_PRINCIPAL = "sns.amazonaws.com"
# As SNS retries AWS's own endpoints, though it goes on for 23 days: cloud seconds before each try.
_PAUSES = (0, 0, 0, 1, 1, 1, 2, 4, 8, 16, 20, 20, 20, 20)


class Notifications:
    """Deliveries under way; they are kept until they are done, so that a kill loses none."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self._waiting = cloud.store.table("sns.deliveries")
        self._mail = cloud.folder / "mail"

    def start(self) -> None:
        """Take up the deliveries that a kill interrupted."""
        for name in list(self._waiting):
            self._cloud.spawn(self._deliver, name, name="sns delivery")

    def publish(
        self,
        topic: str,
        name: str,
        request: dict[str, Any],
        subscriptions: dict[str, dict[str, Any]],
    ) -> str:
        """Hand a message to all subscriptions; return its id."""
        message_id = str(uuid.uuid4())
        self._count("NumberOfMessagesPublished", topic)
        now = self._cloud.clock.now()
        self._write_mail(message_id, name, now, request, subscriptions)
        for arn, subscription in subscriptions.items():
            if subscription["protocol"] not in ("sqs", "lambda"):
                self._count("NumberOfNotificationsDelivered", topic)
                continue
            delivery = f"{message_id}/{arn}"
            self._waiting[delivery] = {
                "topic": topic,
                "subscription": arn,
                "to": subscription,
                "id": message_id,
                "time": now,
                "message": _text_for(request, subscription["protocol"]),
                "subject": request.get("Subject"),
                "attributes": request.get("MessageAttributes", {}),
            }
            self._cloud.spawn(self._deliver, delivery, name="sns delivery")
        return message_id

    def _deliver(self, name: str) -> None:
        delivery = self._waiting[name]
        trouble: AwsError | None = None
        for pause in _PAUSES:
            self._cloud.clock.sleep(pause)
            try:
                self._hand_over(delivery)
            except AwsError as error:
                trouble = error
                if error.status < 500 and "Throttl" not in error.code:
                    break  # a client's error: SNS does not retry those
            else:
                del self._waiting[name]
                self._count("NumberOfNotificationsDelivered", delivery["topic"])
                return
        self._count("NumberOfNotificationsFailed", delivery["topic"])
        assert trouble is not None
        try:
            self._bury(delivery, trouble)
        finally:
            del self._waiting[name]

    def _count(self, metric: str, topic: str) -> None:
        self._cloud.measure("AWS/SNS", metric, {"TopicName": topic.rpartition(":")[2]})

    def _hand_over(self, delivery: dict[str, Any]) -> None:
        subscription = delivery["to"]
        if subscription["protocol"] == "lambda":
            letter = Letter(json.dumps({"Records": [_record(delivery)]}))
        elif subscription["attributes"].get("RawMessageDelivery") == "true":
            letter = Letter(delivery["message"], attributes=delivery["attributes"])
        else:
            letter = Letter(json.dumps(_envelope(delivery), indent=2))
        self._send(subscription["endpoint"], letter, delivery)

    def _bury(self, delivery: dict[str, Any], trouble: AwsError) -> None:
        """Send what cannot be delivered to the subscription's dead-letter queue, or say so."""
        subscription = delivery["subscription"]
        policy = json.loads(delivery["to"]["attributes"].get("RedrivePolicy") or "{}")
        dead = policy.get("deadLetterTargetArn")
        if not dead:
            message = f"message {delivery['id']} could not be delivered to {subscription}"
            raise RuntimeError(f"{message}, and it has no dead-letter queue: {trouble}")
        self._send(dead, Letter(json.dumps(_envelope(delivery), indent=2)), delivery)

    def _send(self, arn: str, letter: Letter, delivery: dict[str, Any]) -> None:
        call_arn(self._cloud, arn, letter, Sender(None, _PRINCIPAL, delivery["topic"]))

    def _write_mail(
        self,
        message_id: str,
        topic: str,
        now: datetime,
        request: dict[str, Any],
        subscriptions: dict[str, dict[str, Any]],
    ) -> None:
        readers = [
            one["endpoint"] for one in subscriptions.values() if one["protocol"].startswith("email")
        ]
        self._mail.mkdir(parents=True, exist_ok=True)
        name = f"{now:%Y%m%dT%H%M%S}-{re.sub(r'[^A-Za-z0-9_-]', '_', topic)}-{message_id[:8]}.txt"
        lines = [
            f"Time: {now:%Y-%m-%d %H:%M:%S} UTC",
            f"Topic: {topic}",
            f"To: {', '.join(sorted(readers)) or 'nobody subscribed by e-mail'}",
            f"Subject: {request.get('Subject') or 'AWS Notification Message'}",
            "",
            _text_for(request, "email"),
            "",
        ]
        (self._mail / name).write_text("\n".join(lines), encoding="utf-8")


def size_of(request: dict[str, Any]) -> int:
    """Return what counts towards the limit of a message: its text and its attributes."""
    size = len(request.get("Message", "").encode())
    for name, value in request.get("MessageAttributes", {}).items():
        content = value.get("StringValue", "").encode() or value.get("BinaryValue", b"")
        size += len(name.encode()) + len(value.get("DataType", "")) + len(content)
    return size


def _text_for(request: dict[str, Any], protocol: str) -> str:
    if request.get("MessageStructure") != "json":
        return str(request["Message"])
    texts = json.loads(request["Message"])
    return str(texts.get(protocol, texts["default"]))


def _envelope(delivery: dict[str, Any], url: str = "URL") -> dict[str, Any]:
    """Return a message as queues get it; functions get URLs under names spelt otherwise."""
    arn, region = delivery["subscription"], delivery["topic"].split(":")[3]
    host = f"https://sns.{region}.amazonaws.com"
    milliseconds = delivery["time"].microsecond // 1000
    envelope: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": delivery["id"],
        "TopicArn": delivery["topic"],
        "Subject": delivery["subject"],
        "Message": delivery["message"],
        "Timestamp": f"{delivery['time']:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}Z",
        "SignatureVersion": "1",
        "Signature": "",
        f"SigningCert{url}": f"{host}/SimpleNotificationService.pem",
        f"Unsubscribe{url}": f"{host}/?Action=Unsubscribe&SubscriptionArn={arn}",
    }
    if delivery["attributes"]:
        envelope["MessageAttributes"] = _attributes(delivery["attributes"])
    if delivery["subject"] is None and url == "URL":
        del envelope["Subject"]
    return envelope


def _record(delivery: dict[str, Any]) -> dict[str, Any]:
    content = _envelope(delivery, "Url")
    content.setdefault("MessageAttributes", {})
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": delivery["subscription"],
        "Sns": content,
    }


def _attributes(attributes: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    return {
        name: {
            "Type": value["DataType"],
            "Value": value["StringValue"]
            if "StringValue" in value
            else base64.b64encode(value["BinaryValue"]).decode(),
        }
        for name, value in attributes.items()
    }
