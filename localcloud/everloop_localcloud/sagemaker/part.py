"""A part of SageMaker: one subject's operations and records."""

from collections.abc import Mapping
from typing import Any

from everloop_localcloud.kernel.account import Account

Record = dict[str, Any]
Records = Mapping[str, Record]


class Part:
    """Knows the account that it lives in, and the parts that it is given; its tables are its own.

    `records` shows others what there is of each kind, by what ARNs call the kind.
    """

    def __init__(self, cloud: Account) -> None:
        self.cloud = cloud

    def records(self) -> dict[str, Records]:
        return {}

    def start(self) -> None:
        """Take up what was under way when the cloud last ended."""

    def stop(self) -> None:
        """Let go of threads and processes."""
