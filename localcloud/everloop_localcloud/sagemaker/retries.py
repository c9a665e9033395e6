"""When a pipeline's step is tried again: its retry policies, and those that every step has."""

from datetime import datetime, timedelta
from typing import Any

from everloop_localcloud.kernel.errors import validation

Json = dict[str, Any]
# AWS retries these for every step; a step's own policy for them goes first.
_EVERY_STEP: Json = {"ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"]}
# AWS's guide and its SDK name this one differently.
_SAME = {"SageMaker.JOB_CAPACITY_ERROR": "SageMaker.CAPACITY_ERROR"}
_KNOWN = {
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
    "Emr.RESOURCE_LIMIT",
}


def check(step: str, policies: list[Json]) -> None:
    """Raise AwsError ValidationException for a policy that cannot be."""
    for policy in policies:
        given = policy.get("ExceptionType", [])
        given = given if isinstance(given, list) else [given]
        if not all(isinstance(each, str) for each in given):
            raise validation(
                f"Invalid pipeline definition: step {step} has a retry policy for {given}; "
                f"ExceptionType takes {sorted(_KNOWN)}"
            )
        unknown = [kind for kind in _kinds(policy) if kind not in _KNOWN]
        if unknown or not _kinds(policy):
            raise validation(
                f"Invalid pipeline definition: step {step} has a retry policy for"
                f" {unknown or 'nothing'}; ExceptionType takes {sorted(_KNOWN)}"
            )
        if "MaxAttempts" in policy and "ExpireAfterMin" in policy:
            raise validation(
                f"Invalid pipeline definition: step {step} has a retry policy with MaxAttempts and"
                " ExpireAfterMin: give one"
            )
        for name in ("MaxAttempts", "ExpireAfterMin", "IntervalSeconds", "BackoffRate"):
            number = policy.get(name, 1)
            if isinstance(number, bool) or not isinstance(number, int | float) or not number > 0:
                raise validation(
                    f"Invalid pipeline definition: step {step} has a retry policy with {name}"
                    f" {str(number)[:50]}; a number above 0 belongs there"
                )


def wait_before_retry(
    policies: list[Json], exception: str | None, attempt: int, started: datetime, now: datetime
) -> float | None:
    """Return the seconds until attempt number `attempt` + 1; None if there is none."""
    for policy in [*policies, _EVERY_STEP]:
        if exception not in _kinds(policy):
            continue
        if "ExpireAfterMin" in policy:
            if now >= started + timedelta(minutes=policy["ExpireAfterMin"]):
                return None
        elif attempt > policy.get("MaxAttempts", 5):
            return None
        first, rate = policy.get("IntervalSeconds", 1), policy.get("BackoffRate", 2.0)
        return float(first * rate ** (attempt - 1))
    return None


def _kinds(policy: Json) -> list[str]:
    given = policy.get("ExceptionType", [])
    return [_SAME.get(kind, kind) for kind in ([given] if isinstance(given, str) else given)]
