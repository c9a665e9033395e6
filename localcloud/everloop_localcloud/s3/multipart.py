"""Multipart uploads."""

import hashlib
import re
import secrets
from itertools import pairwise
from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.s3 import checksums, conditions
from everloop_localcloud.s3.buckets import owner
from everloop_localcloud.s3.copying import Copying
from everloop_localcloud.s3.errors import S3Error, invalid_argument, no_such_upload
from everloop_localcloud.s3.listing import encoder
from everloop_localcloud.s3.objects import data_of, ids
from everloop_localcloud.s3.part import Part
from everloop_localcloud.s3.storage import (
    Storage,
    check_key,
    described_fields,
    max_count,
    tags_of_header,
)

_LEAST_PART = 5 * 1024**2
_ENCRYPTION = ("ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled")


class Multipart(Part):
    """Uploads in parts: rows and blobs of their own until they are completed or aborted."""

    def __init__(self, storage: Storage, copying: Copying) -> None:
        super().__init__(storage)
        self._copying = copying

    @operation
    def create_multipart_upload(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.storage.bucket(request)
        check_key(request["Key"])
        fields = self.storage.content_fields(request)
        upload_id = secrets.token_hex(32)
        algorithm = request.get("ChecksumAlgorithm")
        whole = request.get("ChecksumType", "FULL_OBJECT" if algorithm == "CRC64NVME" else None)
        described: dict[str, Any] = {}
        if algorithm:
            described = {"ChecksumAlgorithm": algorithm, "ChecksumType": whole or "COMPOSITE"}
        with self.storage.lock:
            self.storage.uploads[upload_id] = {
                "bucket": request["Bucket"],
                "key": request["Key"],
                "started": self.storage.now(),
                "fields": fields,
                "tags": tags_of_header(request.get("Tagging")),
                "checksum": described,
            }
        known = {name: fields[name] for name in _ENCRYPTION if name in fields}
        names = {"Bucket": request["Bucket"], "Key": request["Key"], "UploadId": upload_id}
        return {**names, **described, **known}

    @operation
    def upload_part(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        upload = self._upload(request)
        data = data_of(request.get("Body", b""))
        algorithm = upload["checksum"].get("ChecksumAlgorithm")
        kept = checksums.verified({"ChecksumAlgorithm": algorithm, **request}, data)
        digest = checksums.md5(data)
        part = self._add_part(request, self.storage.blobs.write(data), len(data), digest, kept)
        kept.pop("ChecksumType", None)
        return {"ETag": f'"{part["etag"]}"', **kept}

    @operation
    def upload_part_copy(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        upload = self._upload(request)
        source, blob = self._copying.linked_source(request)
        try:
            start, length = _copy_range(request.get("CopySourceRange"), source.size)
            data = self.storage.blobs.part(blob, start, length)
        finally:
            self.storage.blobs.delete(blob)
        wanted = {"ChecksumAlgorithm": upload["checksum"].get("ChecksumAlgorithm")}
        kept = checksums.verified(wanted, data)
        digest = checksums.md5(data)
        part = self._add_part(request, self.storage.blobs.write(data), len(data), digest, kept)
        kept.pop("ChecksumType", None)
        result = {"ETag": f'"{part["etag"]}"', "LastModified": part["time"], **kept}
        answer: dict[str, Any] = {"CopyPartResult": result}
        if source.version_id != "null":
            answer["CopySourceVersionId"] = source.version_id
        return answer

    @operation
    def complete_multipart_upload(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        upload = self._upload(request)
        parts = self._chosen_parts(request)
        etag = hashlib.md5(
            b"".join(bytes.fromhex(part["etag"]) for part in parts), usedforsecurity=False
        ).hexdigest()
        size = sum(part["size"] for part in parts)
        if request.get("MpuObjectSize") not in (None, size):
            message = f"MpuObjectSize is {request['MpuObjectSize']}, the parts have {size} bytes"
            raise S3Error("InvalidRequest", message)
        try:
            blob = self.storage.blobs.join(part["blob"] for part in parts)
        except FileNotFoundError:  # another call completed or aborted it meanwhile
            raise no_such_upload(request["UploadId"]) from None
        try:
            kept = self._checksum(request, upload, parts, blob)
        except BaseException:
            self.storage.blobs.delete(blob)
            raise
        with self.storage.lock:
            if request["UploadId"] not in self.storage.uploads:
                self.storage.blobs.delete(blob)
                raise no_such_upload(request["UploadId"])
            version, versioning = self.storage.place(
                request,
                blob,
                size=size,
                etag=f"{etag}-{len(parts)}",
                fields=upload["fields"],
                tags=upload["tags"],
                checksums=kept,
                parts=[{"size": part["size"]} for part in parts],
            )
            self._forget(request["UploadId"])
        self.storage.announce(
            call, version, "Object Created", "CompleteMultipartUpload", versioning
        )
        location = f"{self.cloud.url}/{request['Bucket']}/{request['Key']}"
        names = {"Location": location, "Bucket": request["Bucket"], "Key": request["Key"]}
        described = {**kept, **described_fields(version), **ids(version)}
        return {**names, "ETag": f'"{version.etag}"', **described}

    @operation
    def abort_multipart_upload(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.storage.lock:
            self._upload(request)
            self._forget(request["UploadId"])
        return {}

    @operation
    def list_parts(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.storage.lock:
            upload = self._upload(request)
            rows = self._parts(request["UploadId"])
        after, limit = int(request.get("PartNumberMarker", 0)), max_count(request, "MaxParts")
        listed = [(number, part) for number, part in sorted(rows.items()) if number > after]
        answer: dict[str, Any] = {
            "Bucket": upload["bucket"],
            "Key": upload["key"],
            "UploadId": request["UploadId"],
            "PartNumberMarker": after,
            "MaxParts": limit,
            "IsTruncated": len(listed) > limit,
            "StorageClass": upload["fields"].get("StorageClass", "STANDARD"),
            "Owner": owner(call),
            "Initiator": owner(call),
            "Parts": [
                {
                    "PartNumber": number,
                    "ETag": f'"{part["etag"]}"',
                    "Size": part["size"],
                    "LastModified": part["time"],
                    **{k: v for k, v in part["checksums"].items() if k != "ChecksumType"},
                }
                for number, part in listed[:limit]
            ],
            **upload["checksum"],
        }
        if listed[:limit]:
            answer["NextPartNumberMarker"] = listed[:limit][-1][0]
        return answer

    @operation
    def list_multipart_uploads(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("Delimiter"):
            message = "the local cloud lists multipart uploads without Delimiter"
            raise S3Error("NotImplemented", message, 501)
        code = encoder(request)
        prefix, limit = request.get("Prefix", ""), max_count(request, "MaxUploads")
        after = (request.get("KeyMarker", ""), request.get("UploadIdMarker", "\U0010ffff"))
        with self.storage.lock:
            self.storage.bucket(request)
            rows = sorted(
                (upload["key"], upload_id, upload)
                for upload_id, upload in self.storage.uploads.items()
                if upload["bucket"] == request["Bucket"] and upload["key"].startswith(prefix)
            )
        found = [row for row in rows if (row[0], row[1]) > after] if after[0] else rows
        answer: dict[str, Any] = {
            "Bucket": request["Bucket"],
            "KeyMarker": code(request.get("KeyMarker", "")),
            "Prefix": code(prefix),
            "MaxUploads": limit,
            "IsTruncated": len(found) > limit,
            "Uploads": [
                {
                    "Key": code(key),
                    "UploadId": upload_id,
                    "Initiated": upload["started"],
                    "StorageClass": upload["fields"].get("StorageClass", "STANDARD"),
                    "Owner": owner(call),
                    "Initiator": owner(call),
                    **upload["checksum"],
                }
                for key, upload_id, upload in found[:limit]
            ],
        }
        if "EncodingType" in request:
            answer["EncodingType"] = request["EncodingType"]
        if len(found) > limit > 0:
            answer |= {
                "NextKeyMarker": code(found[limit - 1][0]),
                "NextUploadIdMarker": found[limit - 1][1],
            }
        return answer

    def _upload(self, request: dict[str, Any]) -> dict[str, Any]:
        self.storage.bucket(request)
        upload = self.storage.uploads.get(request["UploadId"])
        named = (request["Bucket"], request["Key"])
        if upload is None or (upload["bucket"], upload["key"]) != named:
            raise no_such_upload(request["UploadId"])
        return upload

    def _parts(self, upload_id: str) -> dict[int, dict[str, Any]]:
        start = f"{upload_id}/"
        return {
            int(name.removeprefix(start)): part
            for name, part in self.storage.parts.items()
            if name.startswith(start)
        }

    def _add_part(
        self,
        request: dict[str, Any],
        blob: str,
        size: int,
        etag: str,
        kept: dict[str, str],
    ) -> dict[str, Any]:
        number = request["PartNumber"]
        if not 1 <= number <= 10_000:
            self.storage.blobs.delete(blob)
            message = "Part number must be an integer between 1 and 10000, inclusive"
            raise invalid_argument("partNumber", number, message)
        name = f"{request['UploadId']}/{number}"
        row = {
            "blob": blob,
            "size": size,
            "etag": etag,
            "time": self.storage.now(),
            "checksums": kept,
        }
        with self.storage.lock:
            if request["UploadId"] not in self.storage.uploads:
                self.storage.blobs.delete(blob)
                raise no_such_upload(request["UploadId"])
            replaced = self.storage.parts.get(name)
            self.storage.parts[name] = row
        if replaced is not None:
            self.storage.blobs.delete(replaced["blob"])
        return row

    def _chosen_parts(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the rows of the parts that a completion names, in its order."""
        wanted = request.get("MultipartUpload", {}).get("Parts", [])
        if not wanted:
            raise S3Error("MalformedXML", "The XML you provided was not well-formed: no parts")
        numbers = [part.get("PartNumber", 0) for part in wanted]
        if any(second <= first for first, second in pairwise(numbers)):
            message = "The list of parts was not in ascending order. Parts must be ordered by part"
            raise S3Error("InvalidPartOrder", f"{message} number.")
        with self.storage.lock:
            rows = self._parts(request["UploadId"])
        chosen = []
        for part, number in zip(wanted, numbers, strict=True):
            row = rows.get(number)
            sums = [name for name in part if name.startswith("Checksum") and part[name] is not None]
            if (
                row is None
                or row["etag"] != part.get("ETag", "").strip('"')
                or any(row["checksums"].get(name) not in (None, part[name]) for name in sums)
            ):
                message = "One or more of the specified parts could not be found. The part may not"
                message += " have been uploaded, or the specified entity tag may not match."
                raise S3Error("InvalidPart", message, PartNumber=number)
            chosen.append(row)
        for row, number in list(zip(chosen, numbers, strict=True))[:-1]:
            if row["size"] < _LEAST_PART:
                message = "Your proposed upload is smaller than the minimum allowed size"
                raise S3Error("EntityTooSmall", message, PartNumber=number, ETag=row["etag"])
        return chosen

    def _checksum(
        self,
        request: dict[str, Any],
        upload: dict[str, Any],
        parts: list[dict[str, Any]],
        blob: str,
    ) -> dict[str, str]:
        algorithm = upload["checksum"].get("ChecksumAlgorithm")
        if not algorithm:
            return {}
        name, kind = f"Checksum{algorithm}", upload["checksum"]["ChecksumType"]
        if kind == "COMPOSITE":
            value = checksums.composite(algorithm, [part["checksums"][name] for part in parts])
        else:
            value = checksums.checksum(algorithm, self.storage.blobs.content(blob))
        given = request.get(name)
        if given is not None and given.partition("-")[0] != value.partition("-")[0]:
            message = f"The {algorithm} you specified did not match the calculated checksum."
            raise S3Error("BadDigest", message)
        return {name: value, "ChecksumType": kind}

    def _forget(self, upload_id: str) -> None:
        """Drop an upload with its parts; call with the lock held."""
        del self.storage.uploads[upload_id]
        for number, part in self._parts(upload_id).items():
            del self.storage.parts[f"{upload_id}/{number}"]
            self.storage.blobs.delete(part["blob"])


def _copy_range(header: str | None, size: int) -> tuple[int, int]:
    if header is None:
        return 0, size
    if not re.fullmatch(r"bytes=\d+-\d+", header):
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last"
        raise invalid_argument("x-amz-copy-source-range", header, message)
    if int(header.rpartition("-")[2]) >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise invalid_argument("x-amz-copy-source-range", header, message)
    found = conditions.byte_range(header, size)
    if found is None:
        raise invalid_argument("x-amz-copy-source-range", header, "The range is not valid")
    return found
