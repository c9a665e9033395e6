"""Objects: put, get, head, delete, attributes and tags."""

from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.bodies import Body, Lying
from everloop_localcloud.s3 import checksums, conditions
from everloop_localcloud.s3.blobs import Stream
from everloop_localcloud.s3.errors import (
    S3Error,
    method_not_allowed,
    no_such_key,
    no_such_version,
    not_found,
)
from everloop_localcloud.s3.index import Version
from everloop_localcloud.s3.part import Part
from everloop_localcloud.s3.retention import check_delete
from everloop_localcloud.s3.storage import (
    check_key,
    checked_tags,
    described_fields,
    new_version_id,
    tags_of_header,
)

OVERRIDES = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage")


def data_of(body: Any) -> Body:
    """Return the bytes of what boto3 takes as a Body, or the file in which they lie."""
    if isinstance(body, Lying):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return data_of(body.read())
    return bytes(body)


class Objects(Part):
    """Operations on one object, and DeleteObjects."""

    @operation
    def put_object(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.storage.bucket(request)
        check_key(request["Key"])
        data = data_of(request.get("Body", b""))
        kept = checksums.verified(request, data)
        fields = self.storage.content_fields(request)
        tags = tags_of_header(request.get("Tagging"))
        size, etag = len(data), checksums.md5(data)
        version = self.storage.commit(
            call,
            request,
            "PutObject",
            self.storage.blobs.write(data),
            size=size,
            etag=etag,
            fields=fields,
            tags=tags,
            checksums=kept,
        )
        return {"ETag": f'"{version.etag}"', **kept, **described_fields(version), **ids(version)}

    @operation
    def get_object(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with (
            self.storage.lock
        ):  # an open file is read to its end, whoever overwrites the key meanwhile
            version = self.readable(request)
            file = self.storage.blobs.open(version.blob)
        try:
            answer, start, length = self._described(request, version)
        except BaseException:
            file.close()
            raise
        return {**answer, "Body": Stream(file, start, length)}

    @operation
    def head_object(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        try:
            with self.storage.lock:
                version = self.readable(request)
        except S3Error as error:
            if error.status != 404:
                raise
            raise not_found(error.headers) from error
        return self._described(request, version)[0]

    @operation
    def delete_object(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self._delete(call, request, request.get("VersionId"), "DeleteObject")

    @operation
    def delete_objects(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.storage.bucket(request)
        wanted = request["Delete"]["Objects"]
        if len(wanted) > 1000 or not wanted:
            message = "The XML you provided was not well-formed or did not validate against our"
            raise S3Error("MalformedXML", f"{message} published schema")
        deleted, errors = [], []
        for item in wanted:
            one = {"Bucket": request["Bucket"], "Key": item["Key"], "IfMatch": item.get("ETag")}
            one["BypassGovernanceRetention"] = request.get("BypassGovernanceRetention")
            try:
                gone = self._delete(call, one, item.get("VersionId"), "DeleteObject")
            except S3Error as error:
                described = {"Key": item["Key"], "Code": error.code, "Message": error.message}
                if item.get("VersionId"):
                    described["VersionId"] = item["VersionId"]
                errors.append(described)
                continue
            entry = {"Key": item["Key"]}
            if item.get("VersionId"):
                entry["VersionId"] = item["VersionId"]
            if gone.get("DeleteMarker"):
                entry |= {"DeleteMarker": True, "DeleteMarkerVersionId": gone["VersionId"]}
            deleted.append(entry)
        answer: dict[str, Any] = {} if request["Delete"].get("Quiet") else {"Deleted": deleted}
        return {**answer, "Errors": errors} if errors else answer

    @operation
    def get_object_attributes(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.storage.lock:
            version = self.readable(request)
        wanted = set(request["ObjectAttributes"])
        answer: dict[str, Any] = {"LastModified": version.time, **ids(version)}
        if "ETag" in wanted:
            answer["ETag"] = version.etag
        if "ObjectSize" in wanted:
            answer["ObjectSize"] = version.size
        if "StorageClass" in wanted:
            answer["StorageClass"] = version.fields.get("StorageClass", "STANDARD")
        if "Checksum" in wanted and version.checksums:
            answer["Checksum"] = version.checksums
        if "ObjectParts" in wanted and version.parts:
            answer["ObjectParts"] = {"TotalPartsCount": len(version.parts)}
        return answer

    @operation
    def put_object_tagging(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self._tag(request, checked_tags(request["Tagging"]["TagSet"], limit=10))

    @operation
    def delete_object_tagging(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self._tag(request, {})

    @operation
    def get_object_tagging(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.storage.lock:
            version = self.readable(request)
        tags = [{"Key": key, "Value": value} for key, value in version.tags.items()]
        return {"TagSet": tags, **ids(version)}

    def readable(self, request: dict[str, Any]) -> Version:
        """Return the version that a request means and may read; call with the lock held."""
        self.storage.bucket(request)
        bucket, key, wanted = request["Bucket"], request["Key"], request.get("VersionId")
        if wanted is None:
            current = self.storage.index.current(bucket, key)
            if current is None:
                raise no_such_key(key)
            if current.is_marker:
                headers = {"x-amz-delete-marker": "true", "x-amz-version-id": current.version_id}
                raise no_such_key(key, headers)
            return current
        found = self.storage.index.find(bucket, key, wanted)
        if found is None:
            raise no_such_version(key, wanted)
        if found.is_marker:
            headers = {"x-amz-delete-marker": "true", "Allow": "DELETE"}
            raise method_not_allowed(headers | {"x-amz-version-id": found.version_id})
        return found

    def _described(
        self, request: dict[str, Any], version: Version
    ) -> tuple[dict[str, Any], int, int]:
        """Return the answer of Get and Head without a body, and where the body starts and ends."""
        conditions.check_read(request, version)
        answer: dict[str, Any] = {
            "AcceptRanges": "bytes",
            "LastModified": version.time,
            "ETag": f'"{version.etag}"',
            "Metadata": {},
            **version.fields,
            **ids(version),
        }
        bucket = self.storage.buckets.get(version.bucket, {})
        if bucket.get("versioning") and version.version_id == "null":
            answer["VersionId"] = "null"
        if version.tags:
            answer["TagCount"] = len(version.tags)
        for name in (*OVERRIDES, "ContentType", "Expires"):
            if request.get(f"Response{name}") is not None:
                answer[name] = request[f"Response{name}"]
        start, length = 0, version.size
        part = request.get("PartNumber")
        if part is not None:
            start, length = _part(version, part)
            answer["PartsCount"] = max(1, len(version.parts))
        elif span := conditions.byte_range(request.get("Range"), version.size):
            start, length = span
        if part is not None or (request.get("Range") and span):
            answer["ContentRange"] = f"bytes {start}-{start + length - 1}/{version.size}"
        elif request.get("ChecksumMode") == "ENABLED":
            answer |= version.checksums  # they are of the whole object
        return {**answer, "ContentLength": length}, start, length

    def _delete(
        self, call: Call, request: dict[str, Any], version_id: str | None, reason: str
    ) -> dict[str, Any]:
        bucket, key = request["Bucket"], request["Key"]
        with self.storage.lock:
            versioning = self.storage.bucket(request).get("versioning")
            current = self.storage.index.current(bucket, key)
            if request.get("IfMatch") is not None:
                conditions.check_write({"Key": key, "IfMatch": request["IfMatch"]}, current)
            gone: Version | None
            if version_id is not None:
                gone = self.storage.index.find(bucket, key, version_id)
                told = gone
                if gone is not None:
                    bypass = bool(request.get("BypassGovernanceRetention"))
                    check_delete(gone, self.storage.now(), bypass=bypass)
                    self.storage.index.remove(gone)
            elif versioning is None:
                gone = told = current
                if gone is not None:
                    self.storage.index.remove(gone)
            else:
                told = Version(
                    bucket=bucket,
                    key=key,
                    version_id=new_version_id() if versioning == "Enabled" else "null",
                    sequence=0,
                    time=self.storage.now(),
                    is_marker=True,
                )
            sequence = self.storage.next_sequence()
            if version_id is None and versioning is not None:
                assert told is not None
                told = _numbered(told, sequence)
                gone = self.storage.index.put(told)
        if gone is not None:
            self.storage.blobs.delete(gone.blob)
        permanent = version_id is not None or versioning is None
        if told is not None:
            event = _numbered(told, sequence)
            if permanent:  # also of a marker: what is told is the deletion, not the marker
                event = Version(bucket, key, told.version_id, sequence, self.storage.now())
            self.storage.announce(call, event, "Object Deleted", reason, versioning)
        if permanent:
            answer: dict[str, Any] = {"VersionId": version_id} if version_id is not None else {}
            if told is not None and told.is_marker:
                answer["DeleteMarker"] = True
            return answer
        assert told is not None
        return {"DeleteMarker": True, "VersionId": told.version_id}

    def _tag(self, request: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
        with self.storage.lock:
            version = self.readable(request)
            self.storage.index.change(version, Version(**{**vars(version), "tags": tags}))
        return ids(version)


def _numbered(version: Version, sequence: int) -> Version:
    return Version(**{**vars(version), "sequence": sequence})


def _part(version: Version, number: int) -> tuple[int, int]:
    sizes = [int(part["size"]) for part in version.parts] or [version.size]
    if not 1 <= number <= len(sizes):
        message = "The requested partnumber is not satisfiable"
        raise S3Error("InvalidPartNumber", message, 416)
    return sum(sizes[: number - 1]), sizes[number - 1]


def ids(version: Version) -> dict[str, str]:
    """Return VersionId as answers have it: not for objects from before versioning."""
    return {} if version.version_id == "null" else {"VersionId": version.version_id}
