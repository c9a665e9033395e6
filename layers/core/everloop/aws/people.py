"""People: what they are told, on the notification topic."""

from everloop.aws.clients import sns, translated
from everloop.aws.settings import settings


def tell(subject: str, message: str) -> None:
    """Tell people; the subject is cut to what mail allows (100 ASCII characters, one line)."""
    line = " ".join(subject.split()).encode("ascii", "replace").decode()[:100]
    with translated("notification"):
        sns().publish(TopicArn=settings().notification_topic, Subject=line, Message=message)
