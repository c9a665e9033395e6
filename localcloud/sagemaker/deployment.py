"""A blue/green deployment: a new fleet beside the old, traffic in steps, alarms that take it back."""

from typing import TYPE_CHECKING, Any

from localcloud.sagemaker.fleet import Fleet, NotHealthy

if TYPE_CHECKING:
    from localcloud.sagemaker.endpoints import Endpoints

Record = dict[str, Any]
_WATCH_SECONDS = 0.1  # real: how often alarms are looked at while a fleet bakes


class Deployment:
    """One update of one endpoint, from starting the new fleet to ending the old."""

    def __init__(self, api: "Endpoints", name: str, pending: Record) -> None:
        self._api = api
        self._cloud = api.cloud
        self._name = name
        self._config = pending["EndpointConfigName"]
        plan = pending["DeploymentConfig"]
        policy = plan.get("BlueGreenUpdatePolicy") or {}
        routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE"}
        self._kind = routing["Type"]
        self._wait = routing.get("WaitIntervalInSeconds", 0)
        self._size = routing.get("CanarySize") or routing.get("LinearStepSize") or {}
        self._end_wait = policy.get("TerminationWaitInSeconds", 0)
        self._limit = policy.get("MaximumExecutionTimeoutInSeconds", 28800)
        alarms = (plan.get("AutoRollbackConfiguration") or {}).get("Alarms", [])
        self._alarms = [alarm["AlarmName"] for alarm in alarms]
        self._began = self._cloud.clock.now()

    def run(self) -> str | None:
        """Deploy; returns None when the new config serves, else why the old one still does."""
        fired = self._alarm()
        if fired:
            return f"The alarm {fired} is in ALARM already; nothing was changed."
        try:
            fleet = self._api.fleet(self._name, self._config)
        except NotHealthy as error:
            return str(error)
        host = self._api.hosts[self._name]
        host.incoming = fleet
        for share in self._shares(fleet):
            host.share = share
            percent = f"{share:.0%} of traffic"
            self._api.announce_deployment(self._name, "ActivatingTraffic", percent)
            last = share >= 1
            self._api.announce_deployment(self._name, "Baking", f"{percent} is baking")
            trouble = self._bake(self._end_wait if last else self._wait)
            if trouble:
                host.share, host.incoming = 0.0, None
                fleet.stop()
                return f"{trouble} The deployment was rolled back."
        old = host.fleet
        host.fleet, host.incoming, host.share = fleet, None, 0.0
        old.stop()
        return None

    def _shares(self, fleet: Fleet) -> list[float]:
        if self._kind == "ALL_AT_ONCE":
            return [1.0]
        step = self._size["Value"] / 100
        if self._size["Type"] == "INSTANCE_COUNT":
            variants = fleet.config["ProductionVariants"]
            step = self._size["Value"] / sum(v["InitialInstanceCount"] for v in variants)
        if self._kind == "CANARY":
            return [min(step, 1.0), 1.0]
        steps = [step * count for count in range(1, int(1 / step) + 1)]
        return [share for share in steps if share < 1 - 1e-9] + [1.0]

    def _bake(self, seconds: float) -> str | None:
        """Wait, watching alarms; returns what went wrong."""
        clock = self._cloud.clock
        begin = clock.now()
        while True:
            fired = self._alarm()
            if fired:
                return f"The alarm {fired} went into ALARM."
            now = clock.now()
            if (now - self._began).total_seconds() > self._limit:
                return f"The deployment took longer than {self._limit} seconds."
            left = seconds - (now - begin).total_seconds()
            if left <= 0:
                return None
            clock.sleep(min(left, _WATCH_SECONDS * clock.speed))

    def _alarm(self) -> str | None:
        cloudwatch: Any = self._cloud.apis.get("cloudwatch")
        for name in self._alarms:
            if cloudwatch is not None and cloudwatch.alarm_state(name) == "ALARM":
                return name
        return None
