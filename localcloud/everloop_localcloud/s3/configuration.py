"""What is set on a bucket: policy, encryption, access, lifecycle, tags, notifications, ..."""

import json
from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.s3.buckets import owner
from everloop_localcloud.s3.errors import S3Error
from everloop_localcloud.s3.objects import Objects
from everloop_localcloud.s3.part import Part
from everloop_localcloud.s3.storage import Storage, checked_tags

_ENCRYPTION = {
    "Rules": [
        {
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
            "BucketKeyEnabled": False,
        }
    ]
}

Read = Callable[[Any, Call, dict[str, Any]], dict[str, Any]]
Write = Callable[[Any, Call, dict[str, Any]], None]


def _put(part: str, member: str) -> Write:
    def put(self: "Configuration", call: Call, request: dict[str, Any]) -> None:
        self.configure(request, part, request[member])

    return operation(put)


def _get(part: str, wrap: str | None, code: str, message: str) -> Read:
    def get(self: "Configuration", call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = self.storage.bucket(request).get(part)
        if found is None:
            raise S3Error(code, message, 404, BucketName=request["Bucket"])
        return {wrap: found} if wrap else dict(found)

    return operation(get)


def _delete(part: str) -> Write:
    def delete(self: "Configuration", call: Call, request: dict[str, Any]) -> None:
        self.configure(request, part, None)

    return operation(delete)


class Configuration(Part):
    """Settings of buckets. Those without effect here are kept and given back; see `partial`."""

    def __init__(self, storage: Storage, objects: Objects) -> None:
        super().__init__(storage)
        self._objects = objects

    put_public_access_block = _put("public_access", "PublicAccessBlockConfiguration")
    get_public_access_block = _get(
        "public_access",
        "PublicAccessBlockConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    )
    delete_public_access_block = _delete("public_access")

    put_bucket_ownership_controls = _put("ownership", "OwnershipControls")
    get_bucket_ownership_controls = _get(
        "ownership",
        "OwnershipControls",
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
    )
    delete_bucket_ownership_controls = _delete("ownership")

    put_bucket_cors = _put("cors", "CORSConfiguration")
    get_bucket_cors = _get(
        "cors", None, "NoSuchCORSConfiguration", "The CORS configuration does not exist"
    )
    delete_bucket_cors = _delete("cors")

    get_bucket_lifecycle_configuration = _get(
        "lifecycle",
        None,
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    )
    delete_bucket_lifecycle = _delete("lifecycle")

    get_bucket_policy = _get(
        "policy", "Policy", "NoSuchBucketPolicy", "The bucket policy does not exist"
    )
    delete_bucket_policy = _delete("policy")

    put_bucket_encryption = _put("encryption", "ServerSideEncryptionConfiguration")
    delete_bucket_encryption = _delete("encryption")
    delete_bucket_tagging = _delete("tags")

    def configure(self, request: dict[str, Any], part: str, value: Any) -> None:
        """Set one part of a bucket's configuration; None removes it."""
        with self.storage.lock:
            bucket = self.storage.bucket(request)
            if value is None:
                bucket.pop(part, None)
            else:
                bucket[part] = value
            self.storage.buckets.save(request["Bucket"])

    @operation
    def put_bucket_logging(self, call: Call, request: dict[str, Any]) -> None:
        status = request["BucketLoggingStatus"]
        target = (status.get("LoggingEnabled") or {}).get("TargetBucket")
        if target is not None and target not in self.storage.buckets:
            message = "The target bucket for logging does not exist"
            raise S3Error("InvalidTargetBucketForLogging", message, TargetBucket=target)
        self.configure(request, "logging", status)

    @operation
    def put_bucket_policy(self, call: Call, request: dict[str, Any]) -> None:
        try:
            document = json.loads(request["Policy"])
        except ValueError as error:
            message = f"Policies must be valid JSON and the first byte must be '{{': {error}"
            raise S3Error("MalformedPolicy", message) from error
        if not isinstance(document, dict) or "Statement" not in document:
            raise S3Error("MalformedPolicy", "Missing required field Statement")
        self.configure(request, "policy", request["Policy"])

    @operation
    def put_bucket_lifecycle_configuration(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        configuration = request.get("LifecycleConfiguration", {})
        for rule in configuration.get("Rules", []):
            if rule.get("Status") not in ("Enabled", "Disabled"):
                message = f"Status of rule {rule.get('ID', '')!r} must be Enabled or Disabled"
                raise S3Error("MalformedXML", message)
        size = request.get("TransitionDefaultMinimumObjectSize", "all_storage_classes_128K")
        kept = {**configuration, "TransitionDefaultMinimumObjectSize": size}
        self.configure(request, "lifecycle", kept)
        return {"TransitionDefaultMinimumObjectSize": size}

    @operation
    def get_bucket_encryption(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = self.storage.bucket(request).get("encryption", _ENCRYPTION)
        return {"ServerSideEncryptionConfiguration": found}

    @operation
    def get_bucket_logging(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return dict(self.storage.bucket(request).get("logging", {}))

    @operation
    def put_bucket_tagging(self, call: Call, request: dict[str, Any]) -> None:
        self.configure(request, "tags", checked_tags(request["Tagging"]["TagSet"], limit=50))

    @operation
    def get_bucket_tagging(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        tags = self.storage.bucket(request).get("tags")
        if not tags:
            message = "The TagSet does not exist"
            raise S3Error("NoSuchTagSet", message, 404, BucketName=request["Bucket"])
        return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}

    @operation
    def put_bucket_notification_configuration(self, call: Call, request: dict[str, Any]) -> None:
        configuration = request["NotificationConfiguration"]
        others = sorted(set(configuration) - {"EventBridgeConfiguration"})
        others = [name for name in others if configuration[name]]
        if others:
            message = f"the local cloud sends S3's events to EventBridge only, not by {others}"
            raise S3Error("NotImplemented", message, 501)
        self.configure(request, "notification", configuration)

    @operation
    def get_bucket_notification_configuration(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        return dict(self.storage.bucket(request).get("notification", {}))

    @operation
    def get_bucket_acl(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.storage.bucket(request)
        return _private(call)

    @operation
    def get_object_acl(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.storage.lock:
            self._objects.readable(request)
        return _private(call)


def _private(call: Call) -> dict[str, Any]:
    grantee = {**owner(call), "Type": "CanonicalUser"}
    grants = [{"Grantee": grantee, "Permission": "FULL_CONTROL"}]
    return {"Owner": owner(call), "Grants": grants}
