"""S3: objects by bucket and key, and what they hold."""

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, s3, translated
from everloop.contents import Contents, contents_of
from everloop.decisions.objects import ListedVersion
from everloop.errors import BadInput, EverloopError, NotReady

_PIECE = 1024 * 1024
_SOURCE = "everloop-source"  # what a copy was made of
_MISSING = ("NoSuchKey", "404", "NotFound", "NoSuchVersion")


_CONDITIONAL_TRIES = 3
_DENIED = ("AccessDenied", "403", "Forbidden")


@contextmanager
def _named(subject: str) -> Iterator[None]:
    """Translate S3's errors; what it denies is named, which its own words do not do.

    To who may not list a bucket S3 says of a missing object that access to it is denied.
    """
    try:
        with translated(subject):
            yield
    except ClientError as error:
        if code_of(error) not in _DENIED:
            raise
        causes = (
            "it may be gone, or this role (or the bucket's policy, or its key's) does not allow"
        )
        raise EverloopError(f"{subject}: {causes} {error.operation_name}: {error}") from error


def split(uri: str) -> tuple[str, str]:
    """Return bucket and key of an s3:// URI. Raises BadInput."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not key:
        raise BadInput(f"{uri!r} is no URI of an object; s3://bucket/key is")
    return bucket, key


def read(bucket: str, key: str, version_id: str | None = None) -> bytes:
    """Return an object's bytes. Raises NotReady where it is not (yet) there."""
    version = {"VersionId": version_id} if version_id and version_id != "null" else {}
    try:
        with _named(f"s3://{bucket}/{key}"):
            return s3().get_object(Bucket=bucket, Key=key, **version)["Body"].read()  # type: ignore[arg-type]
    except ClientError as error:
        if code_of(error) in _MISSING:
            raise NotReady(f"s3://{bucket}/{key} is not there") from error
        raise


@dataclass(frozen=True)
class Latest:
    """An object's newest version: its first bytes, and what whoever wrote it says of it."""

    data: bytes
    version_id: str
    metadata: Mapping[str, str]


def read_latest(bucket: str, key: str, most: int) -> Latest:
    """Return an object's newest version, with at most so many of its bytes."""
    with _named(f"s3://{bucket}/{key}"):
        answer = s3().get_object(Bucket=bucket, Key=key)
        data, version = answer["Body"].read(most), str(answer.get("VersionId") or "null")
        return Latest(data, version, dict(answer.get("Metadata") or {}))


def read_range(uri: str, first_bytes: int) -> bytes:
    """Return at most the first bytes of an object."""
    bucket, key = split(uri)
    with _named(uri):
        answer = s3().get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{first_bytes - 1}")
        return answer["Body"].read()


def measured(uri: str) -> tuple[str, str] | None:
    """Read an object to its end; return its sha256 (hex) and which version that is of.

    None where there is no such object.
    """
    bucket, key = split(uri)
    made = hashlib.sha256()
    try:
        with _named(uri):
            answer = s3().get_object(Bucket=bucket, Key=key)
            for piece in answer["Body"].iter_chunks(_PIECE):
                made.update(piece)
    except ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise
    return made.hexdigest(), str(answer.get("VersionId") or "null")


def contents(uri: str) -> tuple[Contents, str] | None:
    """Read an archive to its end; return what it holds, and which version that is of.

    None where there is no such object.
    """
    bucket, key = split(uri)
    try:
        with _named(uri):
            answer: Any = s3().get_object(Bucket=bucket, Key=key)
            found = contents_of(answer["Body"])
    except ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise
    return found, str(answer.get("VersionId") or "null")


def newest_version(uri: str) -> str | None:
    """Return the newest version of an object, without its bytes; None where there is no object."""
    bucket, key = split(uri)
    try:
        with _named(uri):
            answer = s3().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise
    return str(answer.get("VersionId") or "null")


@dataclass(frozen=True)
class Copy:
    """A copy, and what S3 says of it: its version, and the sha256 (hex) of its bytes.

    Both are empty where the target was there, or S3 does not say.
    """

    uri: str
    version_id: str = ""
    sha256: str = ""


def copy_once(source: str, version_id: str, bucket: str, key: str) -> Copy:
    """Copy one version of an object unless the target is there; S3 takes the copy's checksum.

    Raises BadInput for more than 5 GB, which S3 does not copy in one piece, and NotReady where this
    version is gone.
    """
    source_bucket, source_key = split(source)
    copy_source: Any = {"Bucket": source_bucket, "Key": source_key}
    if version_id != "null":
        copy_source["VersionId"] = version_id
    try:
        copy = {"Bucket": bucket, "Key": key, "CopySource": copy_source}
        answer: Any = _unless_there(
            source, s3().copy_object, {**copy, "ChecksumAlgorithm": "SHA256"}
        )
    except ClientError as error:
        if code_of(error) == "InvalidRequest":
            raise BadInput(f"{source} cannot be copied: {error}") from error
        if code_of(error) in _MISSING:
            raise NotReady(f"version {version_id} of {source} was deleted") from error
        if code_of(error) != "PreconditionFailed":
            raise
        return Copy(f"s3://{bucket}/{key}")
    made = str(answer["CopyObjectResult"].get("ChecksumSHA256") or "")
    whole = "-" not in made  # of the object, and not of its parts' checksums
    sha256 = base64.b64decode(made).hex() if whole else ""
    return Copy(f"s3://{bucket}/{key}", str(answer.get("VersionId") or ""), sha256)


def copy_new(source: str, bucket: str, key: str) -> bool:
    """Copy an object over another, unless that is its copy already; whether it was copied now.

    A source that is gone is not copied.
    """
    source_bucket, source_key = split(source)
    try:
        with _named(f"s3://{bucket}/{key}"):
            head = s3().head_object(Bucket=bucket, Key=key)
            if head["Metadata"].get(_SOURCE) == source_key:
                return False
    except ClientError as error:
        if code_of(error) not in _MISSING:
            raise
    try:
        with _named(source):
            s3().copy_object(
                Bucket=bucket,
                Key=key,
                CopySource={"Bucket": source_bucket, "Key": source_key},
                MetadataDirective="REPLACE",
                Metadata={_SOURCE: source_key},
                ContentType="text/csv",
            )
    except ClientError as error:
        if code_of(error) not in _MISSING:
            raise
        return False
    return True


def read_json(uri: str) -> dict[str, Any]:
    """Return the JSON object that lies at a URI. Raises BadInput if it holds something else."""
    bucket, key = split(uri)
    return _json(uri, read(bucket, key))


def _json(uri: str, data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{uri} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{uri} holds {type(value).__name__} where an object belongs")
    return value


def find_json(uri: str) -> dict[str, Any] | None:
    """Return the JSON object at a URI; None where nothing lies there. Raises BadInput."""
    bucket, key = split(uri)
    try:
        with _named(uri):
            data = s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise
    return _json(uri, data)


def write(
    bucket: str, key: str, data: bytes, content_type: str, metadata: Mapping[str, str] | None = None
) -> str:
    """Write an object and return its URI; the same bytes at the same key are the same effect."""
    write_version(bucket, key, data, content_type, metadata)
    return f"s3://{bucket}/{key}"


def write_version(
    bucket: str, key: str, data: bytes, content_type: str, metadata: Mapping[str, str] | None = None
) -> str:
    """Write an object of a bucket that keeps versions, and return which version this one is."""
    with _named(f"s3://{bucket}/{key}"):
        answer = s3().put_object(
            Bucket=bucket, Key=key, Body=data, ContentType=content_type, Metadata=metadata or {}
        )
    return answer.get("VersionId", "")


def write_once(bucket: str, key: str, data: bytes, content_type: str) -> str:
    """Write an object unless one is there, and return its URI: what a name says stays as it is."""
    put: Any = {"Bucket": bucket, "Key": key, "Body": data, "ContentType": content_type}
    try:
        _unless_there(f"s3://{bucket}/{key}", s3().put_object, put)
    except ClientError as error:
        if code_of(error) != "PreconditionFailed":
            raise
    return f"s3://{bucket}/{key}"


def _unless_there(subject: str, call: Callable[..., Any], request: Mapping[str, Any]) -> Any:
    """Write unless something is there; again, where S3 answers 409: another write is under way.

    Raises ClientError PreconditionFailed where something is there, and NotReady where others write
    all the while.
    """
    for _ in range(_CONDITIONAL_TRIES):
        try:
            with _named(subject):
                return call(**request, IfNoneMatch="*")
        except ClientError as error:
            if code_of(error) != "ConditionalRequestConflict":
                raise
    raise NotReady(f"{subject}: another write is under way, {_CONDITIONAL_TRIES} times in a row")


def actual_key(bucket: str, key: str) -> str:
    """Return the key under which an object lies, or lay, as its event may have encoded it.

    EventBridge's events have keys as they are: so it is taken where neither form is known.
    """
    forms = dict.fromkeys((key, unquote_plus(key)))
    return next((form for form in forms if versions_of(bucket, form)), key)


def listed(bucket: str, prefix: str, *, after: str = "") -> Iterator[tuple[str, Any]]:
    """Yield keys behind `after`, in order, and when each was last modified; a page at a time."""
    start: Any = {"StartAfter": after} if after else {}
    with _named(f"s3://{bucket}/{prefix}"):
        pages = s3().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, **start):
            for entry in page.get("Contents", []):
                yield entry["Key"], entry["LastModified"]


def size(bucket: str, prefix: str, most: int) -> tuple[int, int, bool]:
    """Return how many object versions lie below a prefix, their bytes, and whether these are all.

    After `most` of them it stops: each thousand is a call.
    """
    count, total = 0, 0
    with translated(f"s3://{bucket}/{prefix}"):
        pages = s3().get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            versions = page.get("Versions", [])
            count, total = count + len(versions), total + sum(each["Size"] for each in versions)
            if count >= most and page["IsTruncated"]:
                return count, total, False
    return count, total, True


def versions_of(bucket: str, key: str) -> list[ListedVersion]:
    """Return all versions and delete markers of one key."""
    return versions_among(bucket, key, [key]).get(key, [])


def versions_among(
    bucket: str, prefix: str, keys: Collection[str]
) -> dict[str, list[ListedVersion]]:
    """Return the versions and delete markers of these keys, which all begin with `prefix`.

    A page holds a thousand, and each but the first begins before a requested key: there are never
    more calls than the prefix has pages, nor many more than there are keys.
    """
    return versions_within(bucket, prefix, keys, None)[0]


def versions_within(
    bucket: str, prefix: str, keys: Collection[str], calls: int | None
) -> tuple[dict[str, list[ListedVersion]], set[str]]:
    """Return what `versions_among` does in at most so many calls, and the keys left for later."""
    versions: dict[str, list[ListedVersion]] = {}
    ordered = sorted(set(keys))
    position, start = 0, dict[str, str]()
    while position < len(ordered):
        if calls is not None:
            if calls == 0:
                break
            calls -= 1
        page, following = _page(bucket, prefix, start)
        pending = set(ordered[position:])
        for one in page:
            if one.key in pending:
                versions.setdefault(one.key, []).append(one)
        last = following.get("KeyMarker")
        if last is None:
            position = len(ordered)
            break
        while position < len(ordered) and ordered[position] < last:
            position += 1
        if position < len(ordered):
            # The page may have ended amid the versions of a requested key.
            amid = ordered[position] == last
            # Else what lies between is left out, but never what the page had: it would come again.
            skipped = {"KeyMarker": max(last, _before(ordered[position]))}
            start = following if amid else skipped
    left = set(ordered[position:])
    return {key: listed for key, listed in versions.items() if key not in left}, left


def versions_after(bucket: str, prefix: str, after: str) -> tuple[list[ListedVersion], str]:
    """Return a page of versions and delete markers behind a key, and the key that it ends with.

    All that the page shows of a key is there, except of one with more than a thousand versions,
    whose newest are. At the end the key is empty.
    """
    page, following = _page(bucket, prefix, {"KeyMarker": after} if after else {})
    last = following.get("KeyMarker", "")
    whole = [one for one in page if one.key != last]
    if last and whole:
        return whole, max(one.key for one in whole)
    return page, last


def _page(
    bucket: str, prefix: str, start: dict[str, str]
) -> tuple[list[ListedVersion], dict[str, str]]:
    with _named(f"s3://{bucket}/{prefix}"):
        answer: Any = s3().list_object_versions(Bucket=bucket, Prefix=prefix, **start)  # type: ignore[arg-type]
    listed = [
        ListedVersion(
            key=entry["Key"],
            version_id=entry.get("VersionId") or "null",
            latest=bool(entry.get("IsLatest")),
            modified=entry["LastModified"],
            marker=name == "DeleteMarkers",
            etag=str(entry.get("ETag") or "").strip('"'),
            size=int(entry.get("Size") or 0),
        )
        for name in ("Versions", "DeleteMarkers")
        for entry in answer.get(name, ())
    ]
    following = {}
    if answer.get("IsTruncated"):
        following["KeyMarker"] = str(answer["NextKeyMarker"])
        if answer.get("NextVersionIdMarker"):
            following["VersionIdMarker"] = str(answer["NextVersionIdMarker"])
    return listed, following


def _before(key: str) -> str:
    """Return a text just before a key: S3 lists what is behind a marker."""
    last = ord(key[-1])
    plain = 0x21 < last < 0xD800
    return f"{key[:-1]}{chr(last - 1)}~" if plain else key[:-1]
