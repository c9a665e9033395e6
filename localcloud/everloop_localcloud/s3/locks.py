"""Object Lock: the default retention of a bucket, in governance or compliance mode."""

from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.s3.errors import S3Error, no_such_version
from everloop_localcloud.s3.part import Part
from everloop_localcloud.s3.retention import days_of


class Locks(Part):
    """A bucket's lock, and the retention that each version of its objects has from it."""

    @operation
    def put_object_lock_configuration(self, call: Call, request: dict[str, Any]) -> None:
        configuration = request["ObjectLockConfiguration"]
        if configuration.get("ObjectLockEnabled") != "Enabled":
            raise S3Error("MalformedXML", "ObjectLockEnabled must be Enabled")
        days_of(configuration)  # raises for what cannot be
        with self.storage.lock:
            bucket = self.storage.bucket(request)
            if bucket.get("versioning") != "Enabled":
                message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock"
                raise S3Error("InvalidBucketState", f"{message} configuration", 409)
            bucket["object_lock"] = configuration
            self.storage.buckets.save(request["Bucket"])

    @operation
    def get_object_lock_configuration(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = self.storage.bucket(request).get("object_lock")
        if found is None:
            message = "Object Lock configuration does not exist for this bucket"
            raise S3Error("ObjectLockConfigurationNotFoundError", message, 404)
        return {"ObjectLockConfiguration": found}

    @operation
    def get_object_retention(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.storage.lock:
            self.storage.bucket(request)
            bucket, key, wanted = request["Bucket"], request["Key"], request.get("VersionId")
            found = (
                self.storage.index.find(bucket, key, wanted)
                if wanted
                else self.storage.index.current(bucket, key)
            )
        if found is None:
            raise no_such_version(key, str(wanted))
        if "ObjectLockMode" not in found.fields:
            message = "The specified object does not have a ObjectLock configuration"
            raise S3Error("NoSuchObjectLockConfiguration", message, 404)
        mode, until = found.fields["ObjectLockMode"], found.fields["ObjectLockRetainUntilDate"]
        return {"Retention": {"Mode": mode, "RetainUntilDate": until}}
