"""Queues of the stack, as a person looks into them: count, receive, send, remove, move."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, translated
from everloop.aws.outside import sqs

_MISSING = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_PER_CALL = 10  # messages that one call may receive


@dataclass(frozen=True)
class Message:
    """A message that was received; `receipt` removes it."""

    id: str
    body: str
    attributes: Mapping[str, str]
    receipt: str


@dataclass(frozen=True)
class Move:
    """How far the moving of a queue's messages to where they came from is."""

    under_way: bool
    moved: int
    failure: str


def find(name: str) -> str | None:
    """Return a queue's URL; None where there is no queue of this name."""
    try:
        with translated(f"queue {name}"):
            return sqs().get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise


def count(url: str) -> int:
    """Return about how many messages a queue holds that nobody has received."""
    name = "ApproximateNumberOfMessages"
    with translated(f"queue {url}"):
        response = sqs().get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[name],  # type: ignore[list-item]
        )
    return int(response["Attributes"][name])  # type: ignore[index]


def receive(url: str, *, most: int, hold: int) -> list[Message]:
    """Receive messages; nobody else sees them for `hold` seconds."""
    with translated(f"queue {url}"):
        answer: Any = sqs().receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(_PER_CALL, most),
            VisibilityTimeout=hold,
            MessageAttributeNames=["All"],
        )
    return [
        Message(
            id=message["MessageId"],
            body=message["Body"],
            attributes={
                name: str(value.get("StringValue") or "")
                for name, value in (message.get("MessageAttributes") or {}).items()
            },
            receipt=message["ReceiptHandle"],
        )
        for message in answer.get("Messages", [])
    ]


def send(url: str, body: str) -> None:
    with translated(f"queue {url}"):
        sqs().send_message(QueueUrl=url, MessageBody=body)


def remove(url: str, receipt: str) -> None:
    """Remove a message that was received."""
    with translated(f"queue {url}"):
        sqs().delete_message(QueueUrl=url, ReceiptHandle=receipt)


def move_back(url: str) -> str:
    """Begin to move dead letters to the queue that they came from; return the queue's ARN."""
    with translated(f"queue {url}"):
        response = sqs().get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = response["Attributes"]["QueueArn"]
        sqs().start_message_move_task(SourceArn=arn)
    return arn


def moving(arn: str) -> Move:
    """Return how far the last moving out of a queue is."""
    with translated(f"queue {arn}"):
        task = sqs().list_message_move_tasks(SourceArn=arn, MaxResults=1)["Results"][0]
    status = task.get("Status", "")
    why = task.get("FailureReason") or status
    return Move(
        under_way=status in ("RUNNING", "CANCELLING"),
        moved=int(task.get("ApproximateNumberOfMessagesMoved") or 0),
        failure="" if status == "COMPLETED" else why,
    )
