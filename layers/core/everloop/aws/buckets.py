"""Buckets from outside the stack: what people upload, look for, and take out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, s3, translated
from everloop.errors import EverloopError


def upload(path: Path, bucket: str, key: str, progress: Callable[[int], None] | None = None) -> str:
    """Upload a file, a large one in parts, and return its URI; `progress` gets the bytes sent."""
    from boto3.exceptions import S3UploadFailedError
    from boto3.s3.transfer import S3Transfer

    uri = f"s3://{bucket}/{key}"
    try:
        with translated(uri), S3Transfer(s3()) as transfer:
            transfer.upload_file(str(path), bucket, key, callback=progress)
    except S3UploadFailedError as error:
        raise EverloopError(f"{path} was not uploaded to {uri}: {error}") from error
    return uri


def prefixes(bucket: str, begin: str) -> list[str]:
    """Return what folders there are below one (`data/`): their names, without it."""
    names: list[str] = []
    try:
        with translated(f"s3://{bucket}/{begin}"):
            pages = s3().get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=bucket, Prefix=begin, Delimiter="/"):
                for each in page.get("CommonPrefixes", []):
                    names.append(each["Prefix"].removeprefix(begin).rstrip("/"))
    except ClientError as error:
        if code_of(error) != "NoSuchBucket":
            raise
    return [name for name in names if name]


def keys(bucket: str, prefix: str) -> Iterator[str]:
    """Yield the keys that begin so."""
    with translated(f"s3://{bucket}/{prefix}"):
        pages = s3().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                yield entry["Key"]


def delete(bucket: str, key: str, version_id: str = "") -> str:
    """Delete an object, or take away one version of it (or a delete marker); return which.

    Raises EverloopError with what S3 says against it.
    """
    which: Any = {"VersionId": version_id} if version_id else {}
    try:
        with translated(f"s3://{bucket}/{key}"):
            answer = s3().delete_object(Bucket=bucket, Key=key, **which)
    except ClientError as error:
        raise EverloopError(f"s3://{bucket}/{key}: {error}") from error
    return answer.get("VersionId") or ""


def content_type(bucket: str, key: str) -> str:
    """Return what an object says that it is."""
    with translated(f"s3://{bucket}/{key}"):
        return str(s3().head_object(Bucket=bucket, Key=key).get("ContentType") or "")


def notifications(bucket: str) -> dict[str, Any]:
    """Return whom a bucket tells of what comes and goes, as PutBucketNotification takes it."""
    with translated(f"s3://{bucket}"):
        configuration: Any = s3().get_bucket_notification_configuration(Bucket=bucket)
    return {name: value for name, value in configuration.items() if name != "ResponseMetadata"}
