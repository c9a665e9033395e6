"""Listings: objects in both versions of the API, and versions."""

import base64
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.s3.buckets import owner
from everloop_localcloud.s3.errors import invalid_argument
from everloop_localcloud.s3.index import Keys, Version
from everloop_localcloud.s3.part import Part
from everloop_localcloud.s3.storage import max_count


class Listing(Part):
    """Operations that list what a bucket holds."""

    @operation
    def list_objects_v2(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        token = request.get("ContinuationToken")
        after = request.get("StartAfter", "") if token is None else _read_token(token)
        page = self._page(request, after)
        code = encoder(request)
        answer = self._head(request, page, code)
        with_owner = bool(request.get("FetchOwner"))
        answer["Contents"] = [_entry(call, item, code, with_owner) for item in page.versions]
        answer["KeyCount"] = len(page.versions) + len(page.prefixes)
        if token is not None:
            answer["ContinuationToken"] = token
        if "StartAfter" in request:
            answer["StartAfter"] = code(request["StartAfter"])
        if page.truncated:
            answer["NextContinuationToken"] = base64.urlsafe_b64encode(page.last.encode()).decode()
        return _without_empty(answer)

    @operation
    def list_objects(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        page = self._page(request, request.get("Marker", ""))
        code = encoder(request)
        answer = self._head(request, page, code)
        answer["Marker"] = code(request.get("Marker", ""))
        answer["Contents"] = [_entry(call, item, code, True) for item in page.versions]
        if page.truncated and request.get("Delimiter"):
            answer["NextMarker"] = code(page.last)
        return _without_empty(answer)

    @operation
    def list_object_versions(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        after, after_version = request.get("KeyMarker", ""), request.get("VersionIdMarker")
        if after_version and not after:
            message = "A version-id marker cannot be specified without a key marker."
            raise invalid_argument("version-id-marker", after_version, message)
        limit = max_count(request, "MaxKeys")
        code = encoder(request)
        versions: list[dict[str, Any]] = []
        markers: list[dict[str, Any]] = []
        prefixes: list[str] = []
        last: tuple[str, str | None] | None = None
        truncated = False
        with self.storage.lock:
            self.storage.bucket(request)
            keys = self.storage.index.keys(request["Bucket"])
            for key, prefix in _walk(keys, request, after, inclusive=bool(after_version)):
                if len(versions) + len(markers) + len(prefixes) >= limit:
                    truncated = limit > 0
                    break
                if prefix is not None:
                    prefixes.append(prefix)
                    last = (prefix, None)
                    continue
                newest_first = list(reversed(keys.versions[key]))
                ids = [version.version_id for version in newest_first]
                skip = ids.index(after_version) + 1 if key == after and after_version in ids else 0
                for position, version in list(enumerate(newest_first))[skip:]:
                    if len(versions) + len(markers) + len(prefixes) >= limit:
                        truncated = limit > 0
                        break
                    entry = _version_entry(call, version, code, position == 0)
                    (markers if version.is_marker else versions).append(entry)
                    last = (key, version.version_id)
                if truncated:
                    break
        answer = {
            "Name": request["Bucket"],
            "Prefix": code(request.get("Prefix", "")),
            "KeyMarker": code(after),
            "VersionIdMarker": after_version or "",
            "MaxKeys": max_count(request, "MaxKeys"),
            "IsTruncated": truncated,
            "Versions": versions,
            "DeleteMarkers": markers,
            "CommonPrefixes": [{"Prefix": code(prefix)} for prefix in prefixes],
            "Delimiter": code(request.get("Delimiter", "")),
            "EncodingType": request.get("EncodingType"),
        }
        if truncated and last:
            answer["NextKeyMarker"] = code(last[0])
            if last[1] is not None:
                answer["NextVersionIdMarker"] = last[1]
        return _without_empty(answer)

    def _page(self, request: dict[str, Any], after: str) -> "_Page":
        limit = max_count(request, "MaxKeys")
        page = _Page()
        with self.storage.lock:
            self.storage.bucket(request)
            keys = self.storage.index.keys(request["Bucket"])
            for key, prefix in _walk(keys, request, after, visible=True):
                if len(page.versions) + len(page.prefixes) >= limit:
                    page.truncated = limit > 0
                    break
                if prefix is not None:
                    page.prefixes.append(prefix)
                else:
                    page.versions.append(keys.versions[key][-1])
                page.last = prefix or key
        return page

    @staticmethod
    def _head(request: dict[str, Any], page: "_Page", code: Callable[[str], str]) -> dict[str, Any]:
        return {
            "Name": request["Bucket"],
            "Prefix": code(request.get("Prefix", "")),
            "Delimiter": code(request.get("Delimiter", "")),
            "MaxKeys": max_count(request, "MaxKeys"),
            "IsTruncated": page.truncated,
            "EncodingType": request.get("EncodingType"),
            "CommonPrefixes": [{"Prefix": code(prefix)} for prefix in page.prefixes],
        }


class _Page:
    """What one answer of a listing holds."""

    def __init__(self) -> None:
        self.versions: list[Version] = []
        self.prefixes: list[str] = []
        self.truncated = False
        self.last = ""


def _walk(
    keys: Keys,
    request: dict[str, Any],
    after: str,
    *,
    visible: bool = False,
    inclusive: bool = False,
) -> Iterator[tuple[str, str | None]]:
    """Yield (key, None), or (first key, common prefix), in order after a marker.

    With `visible`, keys whose newest version is a delete marker are not there.
    """
    prefix, delimiter = request.get("Prefix", ""), request.get("Delimiter", "")
    start = max(prefix, after)
    if after and _group(after, prefix, delimiter) == after:
        start = max(prefix, _successor(after))  # the marker is a common prefix: past all of it
        inclusive = True
    while True:
        jump = None
        for key in keys.from_(start):
            if not key.startswith(prefix):
                return
            if key == after and not inclusive:
                continue
            if visible and keys.versions[key][-1].is_marker:
                continue
            group = _group(key, prefix, delimiter)
            if group is None:
                yield key, None
                continue
            if not after.startswith(group) or after == group or visible or key > after:
                yield key, group
            jump = _successor(group)
            break
        if jump is None:
            return
        start = jump


def _group(key: str, prefix: str, delimiter: str) -> str | None:
    """Return the common prefix under which a key is listed."""
    if not delimiter or not key.startswith(prefix):
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]


def _successor(prefix: str) -> str:
    """Return the least text above everything that starts with `prefix`."""
    text = prefix
    while text and ord(text[-1]) == 0x10FFFF:
        text = text[:-1]
    return text[:-1] + chr(ord(text[-1]) + 1)


def _read_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        message = "The continuation token provided is incorrect"
        raise invalid_argument("continuation-token", token, message) from error


def encoder(request: dict[str, Any]) -> Callable[[str], str]:
    kind = request.get("EncodingType")
    if kind is None:
        return str
    if kind != "url":
        message = "Invalid Encoding Method specified in Request"
        raise invalid_argument("encoding-type", kind, message)
    return lambda text: quote(text, safe="/")


def _entry(
    call: Call, version: Version, code: Callable[[str], str], with_owner: bool
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Key": code(version.key),
        "LastModified": version.time,
        "ETag": f'"{version.etag}"',
        "Size": version.size,
        "StorageClass": version.fields.get("StorageClass", "STANDARD"),
    }
    algorithms = [name.removeprefix("Checksum") for name in version.checksums]
    if "Type" in algorithms:
        algorithms.remove("Type")
        entry |= {
            "ChecksumAlgorithm": algorithms,
            "ChecksumType": version.checksums["ChecksumType"],
        }
    if with_owner:
        entry["Owner"] = owner(call)
    return entry


def _version_entry(
    call: Call, version: Version, code: Callable[[str], str], is_latest: bool
) -> dict[str, Any]:
    named = {"VersionId": version.version_id, "IsLatest": is_latest}
    if version.is_marker:
        marker = {"Key": code(version.key), "LastModified": version.time, "Owner": owner(call)}
        return {**marker, **named}
    return {**_entry(call, version, code, True), **named}


def _without_empty(answer: dict[str, Any]) -> dict[str, Any]:
    kept = ("Prefix", "KeyMarker", "VersionIdMarker", "Marker", "MaxKeys", "IsTruncated")
    return {
        name: value
        for name, value in answer.items()
        if name in kept or (value not in (None, "", []))
    }
