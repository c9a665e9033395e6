"""People: what they are notified of. The only place of the product that publishes to a topic.

A message is sent first and written down then: whoever dies in between sends it once more, and
nobody is left without it. What is written down is kept for longer than anything is tried again.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from everloop import chat, messages
from everloop.aws import table
from everloop.aws.clients import code_of, sns, translated
from everloop.aws.settings import settings
from everloop.messages import Message
from everloop.moments import text
from everloop.records import notification
from everloop.records.notification import Notified
from everloop.spec import policy

_MOST = 250_000  # bytes of a publication; SNS takes 262,144


def notify(message: Message, spec: Mapping[str, Any] | None, time: datetime) -> bool:
    """Notify people once, as the spec has it; True if this call sent the message.

    `spec` is the installed one; None where there is none, then everything is sent that is sent by
    default. `time` is the request's.
    """
    wishes = policy.notify(spec)
    if not wishes.includes(message.kind):
        return False
    known = table.get(notification.key(message))
    if known is not None and notification.counts(known, time):
        return False
    topic = _publish(message, wishes.topic)
    table.write(notification.put(message, topic, time))
    return True


def notified(model: str) -> list[Notified]:
    """Return what people were notified of about a model, as far as kept; the newest first."""
    found = [notification.of(item) for item in table.query(notification.all_of(model))]
    return sorted(found, key=lambda each: each.at, reverse=True)


def topic_of(spec: Mapping[str, Any] | None) -> str:
    """Return the topic that hears of a model, or of all where there is no spec."""
    return policy.notify(spec).topic or settings().notification_topic


def send_test(topic: str, *, model: str | None, by: str, time: datetime) -> None:
    """Send a message that only tries whether messages arrive; nothing is written down."""
    message = Message(
        kind="test",
        model=model or settings().stack,
        happened="messages arrive",
        why=f"{by} tried it at {text(time)}. Nothing happened.",
        id=f"test-{text(time)}",
        to_do=("See who else is notified:", "  everloop notify"),
    )
    _send(topic, message)


def _publish(message: Message, topic: str | None) -> str:
    """Publish to the model's own topic, or to the stack's where that takes nothing."""
    own = settings().notification_topic
    if topic is None or topic == own:
        return _send(own, message)
    try:
        return _send(topic, message)
    except ClientError as error:  # it is gone, or lets us in no more: others must hear of that
        return _send(own, message, f"{topic} did not take this message: {code_of(error)}\n\n")


def _send(topic: str, message: Message, before: str = "") -> str:
    region = settings().region
    with translated("notification"):
        sns().publish(
            TopicArn=topic,
            Subject=messages.subject(message),
            MessageStructure="json",
            Message=_forms(
                default=before + messages.body(message, region),
                https=json.dumps(chat.document(message, region), ensure_ascii=False),
            ),
        )
    return topic


def _forms(*, default: str, https: str) -> str:
    """Return a message for each protocol: chats subscribe by HTTPS, and read a form of their own.

    Control characters of a log take six bytes in JSON: then the text is cut once more.
    """
    while True:
        forms = json.dumps({"default": default, "https": https}, ensure_ascii=False)
        if len(forms.encode("utf-8", "replace")) <= _MOST or not default:
            return forms.encode("utf-8", "replace").decode()
        default = default[: len(default) // 2]
