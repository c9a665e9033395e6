"""What a DeploymentConfig asks for: traffic in which steps, which waits, which alarms."""

from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.errors import validation

Record = dict[str, Any]

_LONGEST_EXECUTION_SECONDS = 28800  # what AWS takes if it is not said
_CANARY_PERCENT = (1, 50)
_LINEAR_PERCENT = (10, 50)


@dataclass(frozen=True)
class Policy:
    """A checked DeploymentConfig; times in the cloud's seconds."""

    kind: str
    size: Record
    wait_seconds: int
    termination_seconds: int
    limit_seconds: int
    alarms: tuple[str, ...]

    def shares(self, instances: int) -> list[float]:
        """Return the share of traffic that the new fleet gets, step by step, the last being 1."""
        if self.kind == "ALL_AT_ONCE":
            return [1.0]
        step = self.size["Value"] / 100
        if self.size["Type"] == "INSTANCE_COUNT":
            step = min(1.0, self.size["Value"] / instances)
        if self.kind == "CANARY":
            return [step, 1.0] if step < 1 else [1.0]
        steps = [step * count for count in range(1, int(1 / step) + 1)]
        return [share for share in steps if share < 1 - 1e-9] + [1.0]


def parse(config: Record) -> Policy:
    """Read a DeploymentConfig. Raises AwsError for what AWS refuses, or we cannot do."""
    if "RollingUpdatePolicy" in config:
        raise validation(
            "the local cloud does not take RollingUpdatePolicy; use BlueGreenUpdatePolicy"
        )
    policy = config.get("BlueGreenUpdatePolicy") or {}
    routing = policy.get("TrafficRoutingConfiguration") or {
        "Type": "ALL_AT_ONCE",
        "WaitIntervalInSeconds": 0,
    }
    kind = routing["Type"]
    wait = routing["WaitIntervalInSeconds"]
    end = policy.get("TerminationWaitInSeconds", 0)
    limit = policy.get("MaximumExecutionTimeoutInSeconds", _LONGEST_EXECUTION_SECONDS)
    if limit <= wait + end:
        raise validation(
            f"MaximumExecutionTimeoutInSeconds is {limit}; it must be larger than the waits,"
            f" {wait} + {end}"
        )
    alarms = (config.get("AutoRollbackConfiguration") or {}).get("Alarms", [])
    return Policy(
        kind=kind,
        size=_size(kind, routing),
        wait_seconds=wait,
        termination_seconds=end,
        limit_seconds=limit,
        alarms=tuple(alarm["AlarmName"] for alarm in alarms),
    )


def _size(kind: str, routing: Record) -> Record:
    wanted = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    for member in ("CanarySize", "LinearStepSize"):
        if member in routing and member != wanted:
            raise validation(f"{member} does not go with traffic routing of type {kind}")
    if wanted is None:
        return {}
    if wanted not in routing:
        raise validation(f"traffic routing of type {kind} needs {wanted}")
    size: Record = routing[wanted]
    if size["Type"] == "CAPACITY_PERCENT":
        least, most = _CANARY_PERCENT if kind == "CANARY" else _LINEAR_PERCENT
        _within(f"{wanted}.Value", size["Value"], least, most)
    return size


def _within(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise validation(f"{name} is {value}; it must be {least} to {most}")
    return value
