"""How long a version is kept from being deleted for good, by its bucket's Object Lock."""

from datetime import datetime, timedelta
from typing import Any

from localcloud.s3.errors import S3Error
from localcloud.s3.index import Version

_MODES = ("GOVERNANCE", "COMPLIANCE")
_YEAR_DAYS = 365


def retention(bucket: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return what a version that is put now gets of its bucket's lock, as GetObject tells it."""
    configuration = bucket.get("object_lock") or {}
    days = days_of(configuration)
    if days is None:
        return {}
    mode = configuration["Rule"]["DefaultRetention"]["Mode"]
    return {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": now + timedelta(days=days)}


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
    return int(rule[given[0]]) * (1 if given[0] == "Days" else _YEAR_DAYS)
