"""What S3's operations stand on: buckets, versions and bytes, changed together, told once."""

import re
import secrets
import threading
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.s3 import conditions
from everloop_localcloud.s3.blobs import Blobs
from everloop_localcloud.s3.errors import S3Error, invalid_argument, no_such_bucket
from everloop_localcloud.s3.index import Index, Version
from everloop_localcloud.s3.retention import retention

_BUCKET = re.compile(r"(?!xn--)(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# What S3 gives back with an object as it was put.
FIELDS = (
    *("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType"),
    *("Expires", "StorageClass", "ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"),
)
_METADATA_LIMIT = 2048  # bytes of names and values
_SEQUENCES = 1024  # how many numbers are reserved at once
_EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e"


class Storage:
    """State of S3. `lock` is held for changes of state only, never while bytes are moved."""

    def __init__(self, cloud: Account) -> None:
        self.cloud = cloud
        self.lock = threading.RLock()
        self.buckets = cloud.store.table("s3.buckets")
        self.uploads = cloud.store.table("s3.uploads")
        self.parts = cloud.store.table("s3.parts")
        self.index = Index(cloud.store.table("s3.versions"))
        self.blobs = Blobs(cloud.folder / "s3")
        self._meta = cloud.store.table("s3.sequence")
        self._sequence = int(self._meta.get("reserved", {"end": 0})["end"])
        self._reserved = self._sequence

    def start(self) -> None:
        known = self.index.blobs() | {str(part["blob"]) for part in self.parts.values()}
        self.blobs.sweep(known)

    def stop(self) -> None:
        self.blobs.close()

    def bucket(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the row of the request's bucket, which must exist and be the expected owner's."""
        name = request["Bucket"]
        found = self.buckets.get(name)
        if found is None:
            raise no_such_bucket(name)
        if request.get("ExpectedBucketOwner", self.cloud.account) != self.cloud.account:
            raise S3Error("AccessDenied", "Access Denied", 403)
        return found

    def next_sequence(self) -> int:
        """Return a number above all before it, also over a kill; call with the lock held."""
        if self._sequence >= self._reserved:
            self._reserved = self._sequence + _SEQUENCES
            self._meta["reserved"] = {"end": self._reserved}
        self._sequence += 1
        return self._sequence

    def commit(
        self, call: Call, request: dict[str, Any], reason: str, blob: str, **content: Any
    ) -> Version:
        """Make a written blob the newest version of the request's key, and tell it."""
        version, versioning = self.place(request, blob, **content)
        self.announce(call, version, "Object Created", reason, versioning)
        return version

    def place(
        self, request: dict[str, Any], blob: str, **content: Any
    ) -> tuple[Version, str | None]:
        """Make a written blob the newest version, and return it with the bucket's versioning.

        The request's write conditions are judged in the same breath. Owns the blob.
        """
        bucket, key = request["Bucket"], request["Key"]
        try:
            with self.lock:
                versioning = self.bucket(request).get("versioning")
                conditions.check_write(request, self.index.current(bucket, key))
                now = self.now()
                kept = retention(self.bucket(request), request, now)
                if kept:
                    content = {**content, "fields": {**content.get("fields", {}), **kept}}
                version = Version(
                    bucket=bucket,
                    key=key,
                    version_id=new_version_id() if versioning == "Enabled" else "null",
                    sequence=self.next_sequence(),
                    time=now,
                    blob=blob,
                    **content,
                )
                replaced = self.index.put(version)
        except BaseException:
            self.blobs.delete(blob)
            raise
        if replaced is not None:
            self.blobs.delete(replaced.blob)
        return version, versioning

    def announce(
        self, call: Call, version: Version, what: str, reason: str, versioning: str | None
    ) -> None:
        """Send S3's event of a change, if the bucket sends events."""
        bucket = self.buckets.get(version.bucket)
        if bucket is None or "EventBridgeConfiguration" not in bucket.get("notification", {}):
            return
        described: dict[str, Any] = {"key": version.key}
        if what == "Object Created":
            described |= {"size": version.size, "etag": version.etag}
        elif version.is_marker:
            described["etag"] = _EMPTY_MD5
        if versioning is not None:
            described["version-id"] = version.version_id
        described["sequencer"] = f"{version.sequence:018X}"
        detail = {
            "version": "0",
            "event-version": "1.2",
            "bucket": {"name": version.bucket},
            "object": described,
            "request-id": call.request_id,
            "requester": call.account,
            "source-ip-address": "127.0.0.1",
            "reason": reason,
        }
        if what == "Object Deleted":
            kind = "Delete Marker Created" if version.is_marker else "Permanently Deleted"
            detail["deletion-type"] = kind
        arn = f"arn:aws:s3:::{version.bucket}"
        self.cloud.emit("aws.s3", what, detail, [arn], when=version.time)

    def now(self) -> datetime:
        return self.cloud.clock.now().replace(microsecond=0)  # S3's times are whole seconds

    def content_fields(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return what a request to create an object says about it, with the bucket's defaults."""
        fields = {name: request[name] for name in FIELDS if request.get(name) is not None}
        if fields.get("StorageClass") == "STANDARD":
            del fields["StorageClass"]
        fields.setdefault("ContentType", "binary/octet-stream")
        metadata = {name.lower(): value for name, value in request.get("Metadata", {}).items()}
        if sum(len(f"{name}{value}".encode()) for name, value in metadata.items()) > (
            _METADATA_LIMIT
        ):
            message = "Your metadata headers exceed the maximum allowed metadata size"
            raise S3Error("MetadataTooLarge", message, MaxSizeAllowed=_METADATA_LIMIT)
        if metadata:
            fields["Metadata"] = metadata
        if "ServerSideEncryption" not in fields:
            rules = self.bucket(request).get("encryption", {}).get("Rules", [{}])
            default = rules[0].get("ApplyServerSideEncryptionByDefault", {})
            fields["ServerSideEncryption"] = default.get("SSEAlgorithm", "AES256")
            if default.get("KMSMasterKeyID"):
                fields["SSEKMSKeyId"] = default["KMSMasterKeyID"]
            if rules[0].get("BucketKeyEnabled"):
                fields["BucketKeyEnabled"] = True
        return fields


def new_version_id() -> str:
    return secrets.token_hex(16)


def check_key(key: str) -> None:
    size = len(key.encode("utf-8", "surrogatepass"))
    if size > 1024:
        raise S3Error("KeyTooLongError", "Your key is too long", Size=size, MaxSizeAllowed=1024)


def check_bucket_name(name: str) -> None:
    if not _BUCKET.fullmatch(name):
        message = "The specified bucket is not valid."
        raise S3Error("InvalidBucketName", message, BucketName=name)


def tags_of_header(header: str | None) -> dict[str, str]:
    """Read tags as x-amz-tagging has them: `a=b&c=d`."""
    pairs = parse_qsl(header or "", keep_blank_values=True)
    return checked_tags([{"Key": key, "Value": value} for key, value in pairs], limit=10)


def checked_tags(tag_set: list[dict[str, str]], limit: int) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in tag_set}
    if len(tags) != len(tag_set):
        raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
    if len(tags) > limit:
        message = f"Object tags cannot be greater than {limit}"
        raise S3Error("BadRequest" if limit == 10 else "InvalidTag", message)
    for key, value in tags.items():
        if not 1 <= len(key) <= 128:
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256:
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", TagValue=value)
    return tags


def described_fields(version: Version) -> dict[str, Any]:
    """Return encryption and version members that answers about an object have in common."""
    names = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")
    return {name: version.fields[name] for name in names if name in version.fields}


def max_count(request: dict[str, Any], name: str, default: int = 1000) -> int:
    count = int(request.get(name, default))
    if count < 0:
        message = f"Argument {name} must be an integer between 0 and 2147483647"
        raise invalid_argument(name, count, message)
    return min(count, default)
