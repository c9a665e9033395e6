"""S3: versioned buckets, conditional writes, ranges, lists in pages, and `Object Created`."""

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from localcloud.errors import AwsError

Params = dict[str, Any]
_PAGE = 50  # keys; AWS gives 1,000


@dataclass(frozen=True)
class Version:
    id: str
    data: bytes
    etag: str
    sequencer: str
    modified: Any


class S3:
    def __init__(self, account: Any) -> None:
        self._account = account
        self.objects: dict[tuple[str, str], list[Version]] = {}
        self._written = 0

    def put(self, bucket: str, key: str, data: bytes) -> Version:
        """Write an object, as anybody would; the data bucket tells of it."""
        self._written += 1
        version = Version(
            id=f"v{self._written:06d}",
            data=data,
            etag=hashlib.md5(data, usedforsecurity=False).hexdigest(),
            sequencer=f"{0x66000000000 + self._written:X}",
            modified=self._account.kernel.moment(),
        )
        self.objects.setdefault((bucket, key), []).append(version)
        if bucket == self._account.data_bucket:
            self._account.bus.emit(
                "aws.s3",
                "Object Created",
                {
                    "version": "0",
                    "bucket": {"name": bucket},
                    "object": {
                        "key": key,
                        "size": len(data),
                        "etag": version.etag,
                        "version-id": version.id,
                        "sequencer": version.sequencer,
                    },
                    "reason": "PutObject",
                },
                [f"arn:aws:s3:::{bucket}"],
            )
        return version

    def put_object(self, caller: Any, params: Params) -> Params:
        bucket, key = params["Bucket"], params["Key"]
        if params.get("IfNoneMatch") == "*" and (bucket, key) in self.objects:
            told = "At least one of the pre-conditions you specified did not hold"
            raise AwsError("PreconditionFailed", told, 412)
        version = self.put(bucket, key, _bytes(params["Body"]))
        return {"ETag": f'"{version.etag}"', "VersionId": version.id}

    def copy_object(self, caller: Any, params: Params) -> Params:
        source = params["CopySource"]
        if isinstance(source, str):
            path, _, version = source.partition("?versionId=")
            bucket, _, key = unquote(path).partition("/")
            source = {"Bucket": bucket, "Key": key, "VersionId": version or None}
        data = self._version(source).data
        copy = self.put_object(caller, {**params, "Body": data})
        return {"CopyObjectResult": {"ETag": copy["ETag"]}, "VersionId": copy["VersionId"]}

    def get_object(self, caller: Any, params: Params) -> Params:
        version = self._version(params)
        data, answer = version.data, self._head(version)
        if params.get("Range"):
            first, _, last = params["Range"].removeprefix("bytes=").partition("-")
            data = data[int(first) : int(last) + 1]
            answer["ContentRange"] = f"bytes {first}-{len(data) - 1}/{len(version.data)}"
        return {**answer, "Body": data, "ContentLength": len(data)}

    def head_object(self, caller: Any, params: Params) -> Params:
        version = self._version(params)
        return {**self._head(version), "ContentLength": len(version.data)}

    def list_objects_v2(self, caller: Any, params: Params) -> Params:
        bucket, prefix = params["Bucket"], params.get("Prefix") or ""
        after = params.get("ContinuationToken") or params.get("StartAfter") or ""
        keys = sorted(k for b, k in self.objects if b == bucket and k.startswith(prefix))
        keys = [key for key in keys if key > after]
        size = min(params.get("MaxKeys") or _PAGE, _PAGE)
        page = keys[:size]
        more = {"NextContinuationToken": page[-1]} if len(keys) > size else {}
        contents = []
        for key in page:
            newest = self.objects[bucket, key][-1]
            contents.append(
                {
                    "Key": key,
                    "LastModified": newest.modified,
                    "ETag": f'"{newest.etag}"',
                    "Size": len(newest.data),
                }
            )
        return {
            "Name": bucket,
            "KeyCount": len(page),
            "IsTruncated": bool(more),
            "Contents": contents,
            **more,
        }

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.objects[bucket, key][-1].data

    def _version(self, params: Params) -> Version:
        versions = self.objects.get((params["Bucket"], params["Key"]), [])
        wanted = params.get("VersionId")
        for version in reversed(versions):
            if wanted in (None, version.id):
                return version
        raise AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=params["Key"])

    def _head(self, version: Version) -> Params:
        return {
            "ETag": f'"{version.etag}"',
            "VersionId": version.id,
            "LastModified": version.modified,
            "ContentType": "application/octet-stream",
        }


def _bytes(body: Any) -> bytes:
    """Return a body's bytes; botocore may have wrapped it in a stream by now."""
    if hasattr(body, "read"):
        body.seek(0)
        return bytes(body.read())
    return bytes(body) if isinstance(body, bytes | bytearray) else str(body).encode()
