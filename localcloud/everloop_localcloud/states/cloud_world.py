"""The world of executions that run in the local cloud."""

import random
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import Timer
from everloop_localcloud.states import integrations
from everloop_localcloud.states.jobs import Jobs
from everloop_localcloud.states.tokens import Tokens
from everloop_localcloud.states.world import Signal, TaskCall, Waiting


class CloudWorld:
    """Time, threads and APIs of one cloud."""

    def __init__(self, cloud: Account, tokens: Tokens) -> None:
        self._cloud = cloud
        self._tokens = tokens
        self._jobs = Jobs(cloud, self._call)

    def _call(
        self, service: str, operation: str, request: dict[str, Any], role: str
    ) -> dict[str, Any]:
        return self._cloud.call(service, operation, request, role_arn=role)

    def now(self) -> datetime:
        return self._cloud.clock.now()

    def signal(self) -> Signal:
        return self._cloud.clock.signal()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        return self._cloud.clock.after(seconds, action)

    def spawn(self, action: Callable[[], None]) -> None:
        self._cloud.spawn(action, name="execution")

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def random(self) -> float:
        return random.random()

    def submit(self, call: TaskCall) -> Any:
        if call.resumed and call.resource.waits_for_job:
            known = self._jobs.existing(call)
            if known is not None:
                return known
        submitted = integrations.submit(call, self._call)
        if call.resource.waits_for_job and call.resource.service == "sagemaker":
            # AWS finds out by its tags whether a job is its own.
            arn = next(value for name, value in submitted.items() if name.endswith("Arn"))
            permits = self._cloud.roles.permits
            permits(call.role_arn, "sagemaker", "ListTags", ResourceArn=arn)
        return submitted

    def follow(self, call: TaskCall, submitted: Any, stopped: Signal) -> Any:
        return self._jobs.follow(call, submitted, stopped)

    def halt(self, call: TaskCall, submitted: Any) -> None:
        self._jobs.halt(call, submitted)

    def expect(self, token: str, execution_arn: str) -> Waiting:
        return self._tokens.expect(token, execution_arn)

    def forget(self, token: str) -> None:
        self._tokens.forget(token)
