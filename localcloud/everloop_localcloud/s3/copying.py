"""CopyObject."""

import re
from typing import Any
from urllib.parse import unquote

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.s3 import checksums, conditions
from everloop_localcloud.s3.errors import S3Error, invalid_argument
from everloop_localcloud.s3.index import Version
from everloop_localcloud.s3.objects import Objects, ids
from everloop_localcloud.s3.part import Part
from everloop_localcloud.s3.storage import (
    FIELDS,
    Storage,
    check_key,
    described_fields,
    tags_of_header,
)

_COPY_LIMIT = 5 * 1024**3


class Copying(Part):
    """Copies objects inside the cloud; the copy shares its bytes with the source."""

    def __init__(self, storage: Storage, objects: Objects) -> None:
        super().__init__(storage)
        self._objects = objects

    @operation
    def copy_object(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.storage.bucket(request)
        check_key(request["Key"])
        replace = request.get("MetadataDirective", "COPY") == "REPLACE"
        source, blob = self.linked_source(request)
        try:
            if source.size > _COPY_LIMIT:
                message = "The specified copy source is larger than the maximum allowable size"
                raise S3Error("InvalidRequest", f"{message} for a copy source: {_COPY_LIMIT}")
            self._check_itself(request, source, replace)
            if replace:
                fields = self.storage.content_fields(request)
            else:
                kept = {name: source.fields.get(name) for name in FIELDS}
                for name in ("StorageClass", "ServerSideEncryption", "SSEKMSKeyId"):
                    kept[name] = request.get(name)
                kept["BucketKeyEnabled"] = request.get("BucketKeyEnabled")
                kept["Metadata"] = source.fields.get("Metadata", {})
                fields = self.storage.content_fields({"Bucket": request["Bucket"], **kept})
            retag = request.get("TaggingDirective") == "REPLACE"
            tags = tags_of_header(request.get("Tagging")) if retag else source.tags
            etag, kept_checksums = self._digests(request, source, blob)
        except BaseException:
            self.storage.blobs.delete(blob)
            raise
        version = self.storage.commit(
            call,
            request,
            "CopyObject",
            blob,
            size=source.size,
            etag=etag,
            fields=fields,
            tags=tags,
            checksums=kept_checksums,
        )
        result = {"ETag": f'"{version.etag}"', "LastModified": version.time, **kept_checksums}
        answer = {"CopyObjectResult": result, **ids(version), **described_fields(version)}
        if source.version_id != "null":
            answer["CopySourceVersionId"] = source.version_id
        return answer

    def linked_source(self, request: dict[str, Any]) -> tuple[Version, str]:
        """Return the version that CopySource means and a new name of its bytes."""
        bucket, key, version_id = source_of(request["CopySource"])
        with self.storage.lock:
            source = self._objects.readable(
                {
                    "Bucket": bucket,
                    "Key": key,
                    "VersionId": version_id,
                    "ExpectedBucketOwner": request.get(
                        "ExpectedSourceBucketOwner", self.cloud.account
                    ),
                }
            )
            conditions.check_read(request, source, prefix="CopySourceIf")
            return source, self.storage.blobs.link(source.blob)

    def _digests(
        self, request: dict[str, Any], source: Version, blob: str
    ) -> tuple[str, dict[str, str]]:
        """Return the copy's ETag and checksums: those of its bytes as one part."""
        wanted = request.get("ChecksumAlgorithm")
        same = source.checksums if source.checksums.get("ChecksumType") != "COMPOSITE" else {}
        if not source.parts and (not wanted or f"Checksum{wanted}" in same):
            return source.etag, same
        data = self.storage.blobs.content(blob)
        algorithm = wanted or next(iter(source.checksums), "").removeprefix("Checksum")
        kept = checksums.verified({"ChecksumAlgorithm": algorithm}, data) if algorithm else {}
        return checksums.md5(data), kept

    def _check_itself(self, request: dict[str, Any], source: Version, replace: bool) -> None:
        same = (source.bucket, source.key) == (request["Bucket"], request["Key"])
        changes = replace or any(
            request.get(name) for name in ("StorageClass", "ServerSideEncryption", "SSEKMSKeyId")
        )
        with self.storage.lock:
            newest = self.storage.index.current(source.bucket, source.key) == source
        if same and newest and not changes:
            raise S3Error(
                "InvalidRequest",
                "This copy request is illegal because it is trying to copy an object to itself "
                "without changing the object's metadata, storage class, website redirect location "
                "or encryption attributes.",
            )


def source_of(source: Any) -> tuple[str, str, str | None]:
    """Read CopySource, as text or as boto3's dict: bucket, key and version id."""
    if isinstance(source, dict):
        return source["Bucket"], source["Key"], source.get("VersionId")
    path, _, query = source.partition("?")
    found = re.fullmatch(r"versionId=([^&]+)", query)
    if query and not found:
        path = source
    bucket, _, key = unquote(path).removeprefix("/").partition("/")
    if not bucket or not key:
        message = "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        raise invalid_argument("x-amz-copy-source", source, message)
    return bucket, key, found.group(1) if found else None
