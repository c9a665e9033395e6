"""What a step sees of the execution of its pipeline."""

from datetime import timedelta
from typing import Protocol

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.sagemaker.resolver import Json, Resolver


class StepScope(Protocol):
    """An execution that steps run in."""

    cloud: Account
    arn: str
    identifier: str
    role_arn: str

    @property
    def stopping(self) -> bool: ...

    def resolver(self, job: str = "") -> Resolver: ...

    def save(self) -> None: ...

    def move(self, told: Json, status: str, *, only_from: str | None = None) -> None: ...

    def follow(self, kind: str, arguments: Json) -> None: ...

    def job_end(self, arn: str) -> Signal: ...

    def choose(self, name: str, outcome: bool) -> None: ...

    def iterate(self, step: Json) -> Json: ...

    def callback(self, told: Json, seconds: float) -> Json: ...

    def earlier(self, name: str, key: str, age: timedelta | None) -> tuple[str, Json] | None: ...

    def left(self, name: str) -> Json | None: ...
