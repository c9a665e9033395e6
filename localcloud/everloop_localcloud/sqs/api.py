"""SQS: what other parts use, and what brings its operations together."""

from typing import Any, ClassVar

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.sqs.message_operations import MessageOperations
from everloop_localcloud.sqs.moves import Moves
from everloop_localcloud.sqs.queue_operations import QueueOperations
from everloop_localcloud.sqs.reads import READS
from everloop_localcloud.sqs.registry import Registry


class Sqs(Api):
    service = "sqs"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "ReceiveMessage": "ReceiveRequestAttemptId is accepted and not remembered",
        "CreateQueue": "KmsMasterKeyId is stored; nothing is encrypted",
    }
    without_effect: ClassVar[dict[str, str]] = {
        "ReceiveRequestAttemptId": "a repeated receive is a new one",
    }

    def __init__(self, cloud: Account) -> None:
        self.registry = Registry(cloud)
        parts = QueueOperations(cloud, self.registry), MessageOperations(cloud, self.registry)
        super().__init__(cloud, parts)
        self.moves = Moves(self.registry)

    def start(self) -> None:
        self.registry.start()
        self.moves.resume()

    def stop(self) -> None:
        self.registry.stop()

    def wait_for_messages(self, queue_arn: str, seconds: float) -> bool:
        """Wait at most `seconds` of cloud time until the queue has a visible message."""
        return self.registry.wait(self.registry.by_arn(queue_arn), seconds)

    @operation
    def start_message_move_task(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self.moves.begin(call, request)

    @operation
    def list_message_move_tasks(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self.moves.listed(request)

    @operation
    def cancel_message_move_task(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self.moves.cancel(request)
