"""A blue/green deployment: a new fleet beside the old, traffic in steps, back on alarms."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.deployment_policy import Policy
from everloop_localcloud.sagemaker.fleet import Fleet
from everloop_localcloud.sagemaker.host import Host
from everloop_localcloud.sagemaker.instance import ANSWER_SECONDS, NotHealthy

Record = dict[str, Any]
Progress = Callable[[str, str, float], None]

_WATCH_SECONDS = 0.1  # real: how often alarms are looked at while a fleet bakes


class Interrupted(Exception):
    """The cloud stops; the deployment begins again when it starts."""


class RolledBack(Exception):
    """The old fleet serves on; the text says why, and becomes the endpoint's FailureReason."""


class Deployment:
    """One update of one endpoint, from starting the new fleet to ending the old.

    `progress` is told each step: a variant's status, a sentence, the share of traffic.
    """

    def __init__(
        self, cloud: Account, host: Host, fleet: Fleet, policy: Policy, progress: Progress
    ) -> None:
        self._cloud = cloud
        self._host = host
        self._fleet = fleet
        self._policy = policy
        self._progress = progress

    def run(self, stopping: Signal) -> None:
        """Deploy. Raises RolledBack, with the old fleet in service, or Interrupted."""
        for variant in self._fleet.variants.values():
            try:
                Behalf(self._cloud, variant.get("RoleArn")).check_alarms(self._policy.alarms)
            except AwsError as error:
                raise RolledBack(f"The alarms cannot be watched: {error.message}") from error
        self._check_alarms("before the deployment; no traffic was shifted")
        self._progress("Creating", "the new fleet is starting", 0.0)
        self._cloud.starts.await_fleet(self._fleet.instance_types, stopping)
        try:
            self._fleet.start()
        except NotHealthy as error:
            if stopping.is_set():
                raise Interrupted from error
            raise RolledBack(str(error)) from error
        # The limit counts from here: how long processes take to start is real time, and at a
        # speed of 120 ten seconds of it would be twenty minutes.
        began = self._cloud.clock.now()
        try:
            self._shift(began, stopping)
        except RolledBack:
            self._host.shift(None, 0.0)
            self._end(self._fleet)
            raise
        old = self._host.serve(self._fleet)
        if old is not None:
            self._end(old)

    def _shift(self, began: datetime, stopping: Signal) -> None:
        policy = self._policy
        for share in policy.shares:
            whole = share >= 1
            traffic = "all traffic" if whole else f"{share:.0%} of the traffic"
            self._progress("ActivatingTraffic", f"{traffic} goes to the new fleet", share)
            self._host.shift(self._fleet, share)
            wait = policy.wait_seconds + (policy.termination_seconds if whole else 0)
            self._progress("Baking", f"{traffic} bakes for {wait} s", share)
            self._bake(wait, began, stopping)

    def _bake(self, seconds: float, began: datetime, stopping: Signal) -> None:
        """Wait, watching alarms. Raises RolledBack for what went wrong."""
        clock = self._cloud.clock
        begin = clock.now()
        while True:
            self._check_alarms("during the deployment; it was rolled back")
            now = clock.now()
            if (now - began).total_seconds() > self._policy.limit_seconds:
                raise RolledBack(
                    f"The deployment took longer than {self._policy.limit_seconds} seconds;"
                    " it was rolled back."
                )
            left = seconds - (now - begin).total_seconds()
            if left <= 0:
                return
            if stopping.wait(min(left, _WATCH_SECONDS * clock.speed)):
                raise Interrupted

    def _check_alarms(self, when: str) -> None:
        cloudwatch: Any = self._cloud.apis.get("cloudwatch")
        for name in self._policy.alarms:
            try:
                state = cloudwatch.alarm_state(name) if cloudwatch else "missing"
            except AwsError:
                state = "missing"
            if state == "missing":
                raise RolledBack(f"There is no alarm {name} to watch {when}.")
            if state == "ALARM":
                raise RolledBack(f"The alarm {name} was in state ALARM {when}.")

    @staticmethod
    def _end(fleet: Fleet) -> None:
        fleet.drain(ANSWER_SECONDS)
        fleet.stop()
