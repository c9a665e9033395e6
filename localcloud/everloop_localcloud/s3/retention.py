"""How long a version is kept from being deleted for good, by its bucket's Object Lock."""

from datetime import datetime, timedelta
from typing import Any

from everloop_localcloud.s3.errors import S3Error
from everloop_localcloud.s3.index import Version

_MODES = ("GOVERNANCE", "COMPLIANCE")
_YEAR_DAYS = 365
_MOST_YEARS = 100  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html


def retention(bucket: dict[str, Any], request: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return how long a version that is put now is kept: as its request says, else its bucket."""
    mode, until = request.get("ObjectLockMode"), request.get("ObjectLockRetainUntilDate")
    if mode is not None or until is not None:
        _check_given(bucket, mode, until, now)
        return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until}
    configuration = bucket.get("object_lock") or {}
    days = days_of(configuration)
    if days is None:
        return {}
    mode = configuration["Rule"]["DefaultRetention"]["Mode"]
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": now + timedelta(days=days)}


def _check_given(bucket: dict[str, Any], mode: Any, until: Any, now: datetime) -> None:
    if bucket.get("object_lock") is None:
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")
    if mode is None or until is None:
        names = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode"
        raise S3Error("InvalidArgument", f"{names} must both be supplied")
    if mode not in _MODES:
        raise S3Error("InvalidArgument", "Unknown wormMode directive.")
    if until <= now:
        raise S3Error("InvalidArgument", "The retain until date must be in the future!")


def check_delete(version: Version, now: datetime, *, bypass: bool) -> None:
    """Raise AccessDenied where a version's retention forbids to delete it for good."""
    until = version.fields.get("ObjectLockRetainUntilDate")
    if until is None or until <= now:
        return
    if bypass and version.fields["ObjectLockMode"] == "GOVERNANCE":
        return
    raise S3Error("AccessDenied", "Access Denied because object protected by object lock.", 403)


def days_of(configuration: dict[str, Any]) -> int | None:
    """Return for how many days versions are kept by default; None where there is no rule."""
    rule = (configuration.get("Rule") or {}).get("DefaultRetention")
    if rule is None:
        return None
    given = [name for name in ("Days", "Years") if rule.get(name) is not None]
    if rule.get("Mode") not in _MODES or len(given) != 1 or rule[given[0]] < 1:
        raise S3Error("MalformedXML", "DefaultRetention takes a Mode, and Days or Years above 0")
    most = _MOST_YEARS * (_YEAR_DAYS if given[0] == "Days" else 1)
    if rule[given[0]] > most:
        message = f"Default retention period is at most {most} {given[0].lower()}"
        raise S3Error("InvalidRetentionPeriod", message)
    return int(rule[given[0]]) * (1 if given[0] == "Days" else _YEAR_DAYS)
