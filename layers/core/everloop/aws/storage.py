"""S3: objects by bucket and key, and what they hold."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, s3, translated
from everloop.errors import BadInput, NotReady

_PIECE = 1024 * 1024
_MISSING = ("NoSuchKey", "404", "NotFound", "NoSuchVersion")


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
        with translated(f"s3://{bucket}/{key}"):
            return s3().get_object(Bucket=bucket, Key=key, **version)["Body"].read()  # type: ignore[arg-type]
    except ClientError as error:
        if code_of(error) in _MISSING:
            raise NotReady(f"s3://{bucket}/{key} is not there") from error
        raise


def read_latest(bucket: str, key: str, most: int) -> tuple[bytes, str]:
    """Return the first bytes of an object's newest version, at most so many, and which that is."""
    with translated(f"s3://{bucket}/{key}"):
        answer = s3().get_object(Bucket=bucket, Key=key)
        return answer["Body"].read(most), str(answer.get("VersionId") or "null")


def read_range(uri: str, first_bytes: int) -> bytes:
    """Return at most the first bytes of an object."""
    bucket, key = split(uri)
    with translated(uri):
        answer = s3().get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{first_bytes - 1}")
        return answer["Body"].read()


def measured(uri: str) -> tuple[str, str] | None:
    """Read an object to its end; return its sha256 (hex) and which version that is of.

    None where there is no such object.
    """
    bucket, key = split(uri)
    made = hashlib.sha256()
    try:
        with translated(uri):
            answer = s3().get_object(Bucket=bucket, Key=key)
            for piece in answer["Body"].iter_chunks(_PIECE):
                made.update(piece)
    except ClientError as error:
        if code_of(error) in _MISSING:
            return None
        raise
    return made.hexdigest(), str(answer.get("VersionId") or "null")


def copy_once(source: str, version_id: str, bucket: str, key: str) -> str:
    """Copy one version of an object unless the target is there, and return the target's URI.

    Raises BadInput for more than 5 GB, which S3 does not copy in one piece.
    """
    source_bucket, source_key = split(source)
    wanted: Any = {"Bucket": source_bucket, "Key": source_key}
    if version_id != "null":
        wanted["VersionId"] = version_id
    try:
        with translated(source):
            s3().copy_object(Bucket=bucket, Key=key, CopySource=wanted, IfNoneMatch="*")
    except ClientError as error:
        if code_of(error) == "InvalidRequest":
            raise BadInput(f"{source} cannot be copied: {error}") from error
        if code_of(error) != "PreconditionFailed":
            raise
    return f"s3://{bucket}/{key}"


def read_json(uri: str) -> dict[str, Any]:
    """Return the JSON object that lies at a URI. Raises BadInput if it holds something else."""
    bucket, key = split(uri)
    data = read(bucket, key)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{uri} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{uri} holds {type(value).__name__} where an object belongs")
    return value


def write(bucket: str, key: str, data: bytes, content_type: str) -> str:
    """Write an object and return its URI; the same bytes at the same key are the same effect."""
    with translated(f"s3://{bucket}/{key}"):
        s3().put_object(Bucket=bucket, Key=key, Body=data, ContentType=content_type)
    return f"s3://{bucket}/{key}"


def write_once(bucket: str, key: str, data: bytes, content_type: str) -> str:
    """Write an object unless one is there, and return its URI: what a name says stays as it is."""
    try:
        with translated(f"s3://{bucket}/{key}"):
            s3().put_object(
                Bucket=bucket, Key=key, Body=data, ContentType=content_type, IfNoneMatch="*"
            )
    except ClientError as error:
        if code_of(error) != "PreconditionFailed":
            raise
    return f"s3://{bucket}/{key}"


def actual_key(bucket: str, key: str) -> tuple[str, int]:
    """Return the key under which an object lies, as its event may have encoded it, and its size.

    Raises BadInput where neither form is there.
    """
    for candidate in dict.fromkeys((key, unquote_plus(key))):
        try:
            with translated(f"s3://{bucket}/{candidate}"):
                return candidate, s3().head_object(Bucket=bucket, Key=candidate)["ContentLength"]
        except ClientError as error:
            if code_of(error) not in _MISSING:
                raise
    raise BadInput(f"s3://{bucket}/{key}: no such object, neither as written nor URL-decoded")


def listed(bucket: str, prefix: str, *, after: str = "") -> Iterator[tuple[str, Any]]:
    """Yield keys behind `after`, in order, and when each was last modified; a page at a time."""
    start: Any = {"StartAfter": after} if after else {}
    with translated(f"s3://{bucket}/{prefix}"):
        pages = s3().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix, **start):
            for entry in page.get("Contents", []):
                yield entry["Key"], entry["LastModified"]
