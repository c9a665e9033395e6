"""What AWS has no room for: quotas that are used up, no capacity, jobs that AWS itself breaks.

Drawn by dice of its own, so that histories without it are what they were.
"""

from typing import Any

from everloop_localcloud.kernel.errors import AwsError

_LIMIT = (
    "The account-level service limit 'ml.m5.large for {} usage' is {} Instances, with current "
    "utilization of {} Instances and a request delta of 1 Instances. Please use AWS Service Quotas "
    "to request an increase for this quota."
)
_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
_CALLED = "ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: "
_BROKEN = "InternalServerError: We encountered an internal error.  Please try again."
_SPOT = "MaxWaitTimeExceeded: the job stopped because it exceeded the maximum allowed wait time"


class Room:
    def __init__(self, account: Any) -> None:
        self._faults = account.faults
        self._dice = account.kernel.chance("what there is no room for")

    def check(self, what: str) -> None:
        """Raise AwsError where a quota lets nothing more of this be made."""
        if self._faults.lacks_room():
            raise AwsError("ResourceLimitExceeded", self._quota(what))

    def lacks(self, *, pipeline: bool = False) -> str:
        """Return why AWS could not run what it had begun with; empty where it could."""
        if not self._faults.lacks_room():
            return ""
        if not pipeline:
            return str(self._dice.choice((_CAPACITY, _CAPACITY, _BROKEN)))
        quota = f"{_CALLED}{self._quota('training job')}"
        return str(self._dice.choice((quota, quota, f"CapacityError: {_CAPACITY}", _BROKEN, _SPOT)))

    def _quota(self, what: str) -> str:
        # Without the tick nobody would take up what a quota of 0 holds.
        none = self._faults.tick and self._dice.random() < 0.15
        return _LIMIT.format(what, *((0, 0) if none else (4, 4)))


def is_no_verdict(reason: str) -> bool:
    """Whether a reason is AWS's own trouble, by the words that are used here."""
    return any(
        part in reason
        for part in ("account-level service limit", _CAPACITY[:40], _BROKEN, "MaxWaitTimeExceeded")
    )
