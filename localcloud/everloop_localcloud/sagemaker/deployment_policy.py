"""What a DeploymentConfig asks for: traffic in which steps, which waits, which alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.errors import validation

Record = dict[str, Any]

_LONGEST_EXECUTION_SECONDS = 28800  # what AWS takes if it is not said
_CANARY_PERCENT = (1, 50)
_LINEAR_PERCENT = (10, 50)


@dataclass(frozen=True)
class Policy:
    """A checked DeploymentConfig; times in the cloud's seconds.

    `shares` is which share of the traffic the new fleet gets, step by step, the last being 1.
    """

    shares: tuple[float, ...]
    wait_seconds: int
    termination_seconds: int
    limit_seconds: int
    alarms: tuple[str, ...]


def parse(config: Record, counts: Sequence[int]) -> Policy:
    """Read a DeploymentConfig for variants of so many instances each.

    Raises AwsError for what AWS refuses, or we cannot do. Steps are of whole instances.
    """
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
        shares=_shares(kind, routing, counts),
        wait_seconds=wait,
        termination_seconds=end,
        limit_seconds=limit,
        alarms=tuple(alarm["AlarmName"] for alarm in alarms),
    )


def _shares(kind: str, routing: Record, counts: Sequence[int]) -> tuple[float, ...]:
    wanted = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    for member in ("CanarySize", "LinearStepSize"):
        if member in routing and member != wanted:
            raise validation(f"{member} does not go with traffic routing of type {kind}")
    if wanted is None:
        return (1.0,)
    if wanted not in routing:
        raise validation(f"traffic routing of type {kind} needs {wanted}")
    size: Record = routing[wanted]
    if size["Type"] == "CAPACITY_PERCENT":
        least, most = _CANARY_PERCENT if kind == "CANARY" else _LINEAR_PERCENT
        _within(f"{wanted}.Value", size["Value"], least, most)
    whole = sum(_whole(wanted, size, count) for count in counts)
    step = whole / sum(counts)
    if kind == "CANARY":
        return (step, 1.0)
    steps = [step * number for number in range(1, -(-sum(counts) // whole))]
    return (*steps, 1.0)


def _whole(member: str, size: Record, count: int) -> int:
    """Return how many instances of a variant a step is; AWS takes a half of them at most.

    "Value must be less than or equal to 50% of the variant's total instance count" (CanarySize),
    "10-50%" (LinearStepSize): TrafficRoutingConfig in SageMaker's API.
    """
    is_percent = size["Type"] == "CAPACITY_PERCENT"
    whole = max(1, count * int(size["Value"]) // 100) if is_percent else int(size["Value"])
    least = -(-count // 10) if member == "LinearStepSize" and not is_percent else 1
    if whole * 2 > count or whole < least:
        allowed = "10-50%" if member == "LinearStepSize" else "less than or equal to 50%"
        raise validation(
            f"{member} of {size['Value']} {size['Type']} is {whole} of {count} instances; Value "
            f"must be {allowed} of the variant's total instance count"
        )
    return whole


def _within(name: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise validation(f"{name} is {value}; it must be {least} to {most}")
    return value
