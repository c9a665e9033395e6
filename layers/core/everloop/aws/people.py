"""People: what they are notified of. The only place of the product that publishes to a topic.

A message is sent first and written down then: whoever dies in between sends it once more, and
nobody is left without it. What is written down is kept for longer than anything is tried again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from everloop import messages
from everloop.aws import table
from everloop.aws.clients import code_of, sns, translated
from everloop.aws.settings import settings
from everloop.messages import Message
from everloop.records import notification
from everloop.spec import policy


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
    with translated("notification"):
        sns().publish(
            TopicArn=topic,
            Subject=messages.subject(message),
            Message=before + messages.body(message, settings().region),
        )
    return topic
