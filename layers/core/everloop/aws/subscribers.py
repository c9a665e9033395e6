"""Who hears what the stack tells people."""

from dataclasses import dataclass

from everloop.aws.clients import sns, translated
from everloop.aws.settings import settings


@dataclass(frozen=True)
class Subscriber:
    """An address of the stack's topic; AWS sends nothing to one that was not confirmed."""

    address: str
    confirmed: bool
    protocol: str


def subscribers(topic: str = "") -> list[Subscriber]:
    """Return who hears a topic, the stack's own where none is named."""
    topic = topic or settings().notification_topic
    with translated(f"topic {topic}"):
        pages = sns().get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
        return [
            Subscriber(
                subscription["Endpoint"],
                subscription["SubscriptionArn"].startswith("arn:"),
                subscription["Protocol"],
            )
            for page in pages
            for subscription in page["Subscriptions"]
        ]
