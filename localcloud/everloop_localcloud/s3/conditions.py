"""Conditional requests and ranges, as RFC 9110 and S3 read them."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from everloop_localcloud.s3.errors import S3Error, no_such_key, precondition_failed
from everloop_localcloud.s3.index import Version


def _names(header: str, etag: str) -> bool:
    wanted = [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]
    return etag in wanted or "*" in wanted


def check_read(request: dict[str, Any], version: Version, prefix: str = "If") -> None:
    """Raise 412 or 304 where a condition on reading fails; `prefix` is CopySourceIf for copies."""
    match, none_match = request.get(f"{prefix}Match"), request.get(f"{prefix}NoneMatch")
    since, until = request.get(f"{prefix}ModifiedSince"), request.get(f"{prefix}UnmodifiedSince")
    if match is not None:
        if not _names(match, version.etag):
            raise precondition_failed("If-Match")
    elif until is not None and version.time > until:
        raise precondition_failed("If-Unmodified-Since")
    unchanged = None
    if none_match is not None:
        if _names(none_match, version.etag):
            unchanged = "If-None-Match"
    elif since is not None and version.time <= since:
        unchanged = "If-Modified-Since"
    if unchanged and prefix != "If":
        raise precondition_failed(unchanged)
    if unchanged:
        headers = {"ETag": f'"{version.etag}"', "Last-Modified": http_date(version.time)}
        raise S3Error("304", "Not Modified", 304, headers)


def check_write(request: dict[str, Any], current: Version | None) -> None:
    """Raise where If-Match or If-None-Match of a write does not hold for what is there now."""
    there = current if current is not None and not current.is_marker else None
    match, none_match = request.get("IfMatch"), request.get("IfNoneMatch")
    if none_match is not None:
        if none_match.strip('"') != "*":
            message = "A header you provided implies functionality that is not implemented"
            raise S3Error("NotImplemented", message, 501, Header="If-None-Match")
        if there is not None:
            raise precondition_failed("If-None-Match")
    if match is not None:
        if there is None:
            raise no_such_key(request["Key"])
        if not _names(match, there.etag):
            raise precondition_failed("If-Match")


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, length) of a Range header, None for the whole.

    S3 takes one range; several, or what is none, are answered with the whole object.
    """
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").strip())
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size - 1
        satisfiable = int(last) > 0 and size > 0
    else:
        start = int(first)
        end = min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
        satisfiable = start < size
    if not satisfiable:
        raise S3Error(
            "InvalidRange",
            "The requested range is not satisfiable",
            416,
            {"Content-Range": f"bytes */{size}"},
            RangeRequested=header,
            ActualObjectSize=size,
        )
    return start, end - start + 1


def http_date(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)
