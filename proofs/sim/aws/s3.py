"""S3: versioned buckets, conditional writes, ranges, pages; what comes and goes is told."""

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from everloop_localcloud.kernel.errors import AwsError
from proofs.template import ACCOUNT

Params = dict[str, Any]
_PAGE = 50  # keys; AWS gives 1,000


@dataclass(frozen=True)
class Version:
    id: str
    data: bytes
    etag: str
    sequencer: str
    modified: Any
    marker: bool = False


class S3:
    def __init__(self, account: Any) -> None:
        self._account = account
        self.objects: dict[tuple[str, str], list[Version]] = {}
        self._written = 0
        self.touched: set[tuple[str, str]] = set()  # keys of which something was deleted

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

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object, as anybody would: a delete marker lies above its versions."""
        self._written += 1
        self.touched.add((bucket, key))
        marker = Version(
            id=f"v{self._written:06d}",
            data=b"",
            etag="",
            sequencer=f"{0x66000000000 + self._written:X}",
            modified=self._account.kernel.moment().replace(microsecond=0),
            marker=True,
        )
        self.objects[bucket, key].append(marker)
        self._tell_deleted(bucket, key, marker.id, "Delete Marker Created")

    def erase(self, bucket: str, key: str, version_id: str) -> None:
        """Delete one version, or a marker, for good."""
        self.touched.add((bucket, key))
        versions = self.objects[bucket, key]
        self.objects[bucket, key] = [each for each in versions if each.id != version_id]
        self._tell_deleted(bucket, key, version_id, "Permanently Deleted")

    def _tell_deleted(self, bucket: str, key: str, version_id: str, how: str) -> None:
        if bucket == self._account.data_bucket:
            self._account.bus.emit(
                "aws.s3",
                "Object Deleted",
                {
                    "version": "0",
                    "bucket": {"name": bucket},
                    "object": {"key": key, "version-id": version_id, "sequencer": "00"},
                    "requester": ACCOUNT,
                    "reason": "DeleteObject",
                    "deletion-type": how,
                },
                [f"arn:aws:s3:::{bucket}"],
            )

    def list_object_versions(self, caller: Any, params: Params) -> Params:
        bucket, prefix = params["Bucket"], params.get("Prefix") or ""
        after, amid = params.get("KeyMarker") or "", params.get("VersionIdMarker")
        rows = [
            (key, version, version is versions[-1])
            for (b, key), versions in sorted(self.objects.items())
            if b == bucket and key.startswith(prefix) and (key > after or (amid and key == after))
            for version in reversed(versions)
        ]
        if amid:
            ids = [version.id for key, version, _ in rows if key == after]
            rows = rows[ids.index(amid) + 1 if amid in ids else len(ids) :]
        page = rows[:_PAGE]
        answer: Params = {"Name": bucket, "IsTruncated": len(rows) > len(page)}
        if answer["IsTruncated"]:
            last_key, last, _ = page[-1]
            answer |= {"NextKeyMarker": last_key, "NextVersionIdMarker": last.id}
        for name, marker in (("Versions", False), ("DeleteMarkers", True)):
            answer[name] = [
                {
                    "Key": key,
                    "VersionId": version.id,
                    "IsLatest": latest,
                    "LastModified": version.modified.replace(microsecond=0),
                    **({} if marker else {"ETag": f'"{version.etag}"', "Size": len(version.data)}),
                }
                for key, version, latest in page
                if version.marker is marker
            ]
        return answer

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
        keys = sorted(
            k
            for (b, k), versions in self.objects.items()
            if b == bucket and k.startswith(prefix) and versions and not versions[-1].marker
        )
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

    def hidden_since(self, bucket: str, key: str, version_id: str) -> Any:
        """Return when a delete marker came to lie above a version; None where none does.

        A version that is gone for good has been hidden for ever.
        """
        versions = self.objects.get((bucket, key), [])
        ids = [version.id for version in versions]
        if version_id not in ids:
            return versions[0].modified if versions else self._account.kernel.moment()
        above = versions[ids.index(version_id) :]
        return next((each.modified for each in above if each.marker), None)

    def read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.objects[bucket, key][-1].data

    def _version(self, params: Params) -> Version:
        versions = self.objects.get((params["Bucket"], params["Key"]), [])
        wanted = params.get("VersionId")
        for version in reversed(versions):
            if version.marker and wanted is None:
                break
            if wanted in (None, version.id) and not version.marker:
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
