"""S3 itself: raw requests in, answers out; and quick ways in for the cloud's other parts."""

import logging
import re
from datetime import UTC, datetime, timedelta
from email.header import Header
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.addresses import addressed
from everloop_localcloud.kernel.api import Api
from everloop_localcloud.kernel.bodies import sha256
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.s3 import checksums, chunked, cors
from everloop_localcloud.s3.blobs import Stream, md5_of
from everloop_localcloud.s3.buckets import Buckets
from everloop_localcloud.s3.configuration import Configuration
from everloop_localcloud.s3.copying import Copying, source_of
from everloop_localcloud.s3.errors import S3Error, invalid_argument
from everloop_localcloud.s3.listing import Listing
from everloop_localcloud.s3.locks import Locks
from everloop_localcloud.s3.multipart import Multipart
from everloop_localcloud.s3.objects import OVERRIDES, Objects
from everloop_localcloud.s3.reads import READS
from everloop_localcloud.s3.routing import route
from everloop_localcloud.s3.storage import Storage

log = logging.getLogger(__name__)

_NO_LINE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*").fullmatch
_PRIVATE_ACLS = (None, "private", "bucket-owner-full-control")
_LONG_BODIES = {"PutObject", "UploadPart"}
# Operations whose checksum headers are not those of the request's body, or are checked elsewhere.
_OWN_CHECKSUMS = {"PutObject", "UploadPart", "CompleteMultipartUpload"}


class S3(Api):
    """S3 in one account. Any key may do anything: policies are kept, not judged."""

    service = "s3"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "PutBucketPolicy": "kept and given back, not judged",
        "PutBucketLifecycleConfiguration": "kept and given back; nothing expires",
        "PutBucketLogging": "kept and given back; no access logs are written",
        "PutPublicAccessBlock": "kept and given back; everything is private anyway",
        "PutObject": "ServerSideEncryption is told as asked; bytes lie on disk as they came",
    }

    also_read: ClassVar[frozenset[str]] = frozenset(
        {
            "ACL",
            # Of the body: checked, and counted, before it is known for which operation it came.
            *("ChecksumAlgorithm", "ContentLength", "ContentMD5"),
            *(f"Checksum{name}" for name in checksums.ALGORITHMS),
            *(
                f"{prefix}{condition}"
                for prefix in ("If", "CopySourceIf")
                for condition in ("Match", "NoneMatch", "ModifiedSince", "UnmodifiedSince")
            ),
            *(f"Response{name}" for name in (*OVERRIDES, "ContentType", "Expires")),
        }
    )
    without_effect: ClassVar[dict[str, str]] = {
        "RequestPayer": "one account pays for everything",
        "ConfirmRemoveSelfBucketAccess": "policies are kept, not judged",
    }

    def __init__(self, cloud: Account) -> None:
        self.storage = storage = Storage(cloud)
        self._objects = objects = Objects(storage)
        self._listing = Listing(storage)
        copying = Copying(storage, objects)
        parts = (
            Buckets(storage),
            Configuration(storage, objects),
            self._listing,
            Locks(storage),
            objects,
            copying,
            Multipart(storage, copying),
        )
        super().__init__(cloud, parts)

    def start(self) -> None:
        self.storage.start()

    def stop(self) -> None:
        self.storage.stop()

    def perform(self, call: Call, operation_name: str, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("ACL") not in _PRIVATE_ACLS:
            raise S3Error("AccessControlListNotSupported", "The bucket does not allow ACLs")
        _check_heads(operation_name, request)
        if "StorageClass" in request:
            storage_class = request["StorageClass"]
            shape = wire.service_model("s3").shape_for("StorageClass")
            if storage_class not in shape.metadata["enum"]:
                told = f"The storage class you specified is not valid: {storage_class}"
                raise S3Error("InvalidStorageClass", told)
        if isinstance(request.get("CopySource"), dict):
            source = request["CopySource"]
            request = {**request, "CopySource": source_text(source)}
        try:
            return super().perform(call, operation_name, request)
        except AwsError as error:
            if error.status == 404 and operation_name in ("GetObject", "HeadObject"):
                listing = {"Bucket": request["Bucket"]}
                if not self.cloud.roles.may(call.principal, "s3", "ListObjectsV2", listing):
                    # Whoever may not list a bucket is not told what is not in it.
                    raise S3Error("AccessDenied", "Access Denied", 403) from error
            raise

    def respond(self, call: Call, request: wire.Request) -> wire.Answer:
        """Answer a raw HTTP request."""
        ids = {"x-amz-request-id": call.request_id, "x-amz-id-2": call.request_id}
        try:
            answer = self._answered(call, request)
        except AwsError as error:
            resource = {"Resource": request.path, "RequestId": call.request_id}
            named = AwsError(
                error.code, error.message, error.status, **{**error.fields, **resource}
            )
            answer = wire.encode_error("s3", "rest-xml", named)
            answer.headers |= getattr(error, "headers", {})
        for name in ("x-amzn-RequestId", "x-amzn-ErrorType"):  # names that S3 does not use
            answer.headers.pop(name, None)
        answer.headers |= ids
        return answer

    def _answered(self, call: Call, request: wire.Request) -> wire.Answer:
        _check_presigned(request)
        sent = request
        request = chunked.decoded(sent)
        try:
            return self._performed(call, request)
        finally:
            if request is not sent:
                chunked.close(request)

    def _performed(self, call: Call, request: wire.Request) -> wire.Answer:
        operation, bucket, key = route(request)
        if operation not in _LONG_BODIES and request.long is not None:
            request.body, request.long = request.long.read(), None
        self.cloud.count(call.principal, "s3", operation)
        if operation not in _OWN_CHECKSUMS:
            checksums.verified(checksums.from_headers(request.headers), request.body)
        _check_payload(request)
        url = {"Bucket": bucket, "Key": key}
        params = wire.parse("s3", operation, "rest-xml", request, url)
        result = self.perform(call, operation, params)
        body = result.pop("Body", None)
        answer = wire.encode("s3", operation, "rest-xml", _sendable(result))
        if isinstance(body, Stream):
            answer.headers["Content-Length"] = str(result["ContentLength"])
            answer.body = body.read() if body.in_memory else body
        if "ContentRange" in result:
            answer.status = 206
        return answer

    def told_to_page(self, request: wire.Request, page: str) -> dict[str, str] | None:
        """Return what a web page's browser is told; None where the bucket does not let it in."""
        bucket, _ = addressed(request)
        method, asked = request.method, []
        if request.method == "OPTIONS":
            method = request.headers.get("Access-Control-Request-Method", "")
            asked = cors.asked_headers(request.headers.get("Access-Control-Request-Headers", ""))
        rule = cors.rule_for(self._cors_rules(bucket), page, method, asked)
        source = request.headers.get("x-amz-copy-source")
        if rule is None:
            return None
        # A copy reads another bucket, which must let the page in, too.
        if source is not None and not cors.rule_for(
            self._cors_rules(source_of(source)[0]), page, "GET"
        ):
            return None
        return cors.response_headers(rule, page, asked)

    def _cors_rules(self, bucket: str) -> list[dict[str, Any]]:
        """Return the rules that say which web pages may use a bucket; [] where it is not there."""
        found = (self.storage.buckets.get(bucket) or {}).get("cors") or {}
        return list(found.get("CORSRules", ()))

    # Quick ways in for other parts of the cloud. They emit the same events as requests.

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        """Return an object's bytes."""
        with self._opened(bucket, key, version_id) as body:
            return body.read()

    def write(
        self, bucket: str, key: str, data: bytes, content_type: str = "binary/octet-stream"
    ) -> dict[str, Any]:
        """Put an object; return PutObject's answer."""
        request = {"Bucket": bucket, "Key": key, "Body": data, "ContentType": content_type}
        return self._objects.put_object(self._own_call(), request)

    def download(self, bucket: str, key: str, path: Path, version_id: str | None = None) -> None:
        """Write an object's bytes to a file; its folder is made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._opened(bucket, key, version_id) as body, open(path, "wb") as file:
            for piece in body:
                file.write(piece)

    def upload(self, path: Path, bucket: str, key: str) -> dict[str, Any]:
        """Put a file, of any size, without holding it in memory."""
        request = {"Bucket": bucket, "Key": key}
        fields = self.storage.content_fields(request)
        blob = self.storage.blobs.take(path)
        stored = self.storage.blobs.path(blob)
        size, etag = stored.stat().st_size, md5_of(stored)
        version = self.storage.commit(
            self._own_call(), request, "PutObject", blob, size=size, etag=etag, fields=fields
        )
        return {"ETag": f'"{etag}"', "VersionId": version.version_id}

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """Return all keys that begin with `prefix`, in order."""
        found: list[str] = []
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        while True:
            page = self._listing.list_objects_v2(self._own_call(), request)
            found += [item["Key"] for item in page.get("Contents", [])]
            if not page["IsTruncated"]:
                return found
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _opened(self, bucket: str, key: str, version_id: str | None) -> Stream:
        request = {"Bucket": bucket, "Key": key, "VersionId": version_id}
        body = self._objects.get_object(self._own_call(), request)["Body"]
        assert isinstance(body, Stream)
        return body

    def _own_call(self) -> Call:
        root = f"arn:aws:iam::{self.cloud.account}:root"
        return Call(self.cloud.account, self.cloud.region, root, self.cloud.clock.now())


@cache
def _in_heads(operation_name: str) -> frozenset[str]:
    """Return the members of an operation that stand in a head: its own, or that of an answer."""
    shape = wire.service_model("s3").operation_model(operation_name).input_shape
    return frozenset(
        name
        for name, member in (shape.members if shape is not None else {}).items()
        if member.serialization.get("location") in ("header", "headers")
        or name.startswith("Response")
    )


def _check_heads(operation_name: str, request: dict[str, Any]) -> None:
    """Refuse a line's end in what becomes a header: the next line would be a header of its own."""
    for name in _in_heads(operation_name) & request.keys():
        value = request[name]
        for text in (*value, *value.values()) if isinstance(value, dict) else (value,):
            if isinstance(text, str) and not _NO_LINE(text):
                told = "A value of a header may not contain line ends or other control characters"
                raise invalid_argument(name, ascii(text), told)


def source_text(source: dict[str, str]) -> str:
    """Write boto3's dict form of CopySource as the header has it."""
    from urllib.parse import quote

    text = f"{source['Bucket']}/{quote(source['Key'])}"
    version_id = source.get("VersionId")
    return f"{text}?versionId={version_id}" if version_id else text


def _sendable(result: dict[str, Any]) -> dict[str, Any]:
    """Write what HTTP headers cannot carry as S3 does: RFC 2047."""
    metadata = result.get("Metadata")
    if not metadata:
        return {name: value for name, value in result.items() if name != "Metadata"}
    return {
        **result,
        "Metadata": {
            name: value if value.isascii() else Header(value, "utf-8", maxlinelen=10_000).encode()
            for name, value in metadata.items()
        },
    }


def _check_presigned(request: wire.Request) -> None:
    """Refuse a presigned URL that expired; its times are the client's, so real ones."""
    if not request.query:
        return
    began, lasts = request.query.get("X-Amz-Date"), request.query.get("X-Amz-Expires")
    if "X-Amz-Signature" in request.query and began and lasts:
        try:
            start = datetime.strptime(began, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            end = start + timedelta(seconds=int(lasts))
        except ValueError as error:
            message = f"X-Amz-Date or X-Amz-Expires is malformed: {error}"
            raise S3Error("AuthorizationQueryParametersError", message) from error
        if datetime.now(UTC) > end:
            raise S3Error("AccessDenied", "Request has expired", 403)
    old = request.query.get("Expires", "")
    if "Signature" in request.query and old.isdigit() and datetime.now(UTC).timestamp() > int(old):
        raise S3Error("AccessDenied", "Request has expired", 403)


def _check_payload(request: wire.Request) -> None:
    given = request.headers.get("x-amz-content-sha256", "")
    body = request.body if request.long is None else request.long
    if len(given) == 64 and given != sha256(body):
        message = "The provided 'x-amz-content-sha256' header does not match what was computed."
        raise S3Error("XAmzContentSHA256Mismatch", message)
