"""Buckets: create, delete, list, locate, version."""

from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.s3.errors import S3Error, no_such_bucket, not_found
from everloop_localcloud.s3.part import Part
from everloop_localcloud.s3.storage import check_bucket_name, checked_tags, max_count

_OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
_PUBLIC_ACCESS = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


class Buckets(Part):
    """Operations on buckets as such."""

    @operation
    def create_bucket(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Bucket"]
        check_bucket_name(name)
        configuration = request.get("CreateBucketConfiguration", {})
        self._check_location(call, configuration)
        with self.storage.lock:
            if name in self.storage.buckets:
                if call.region == "us-east-1":  # where S3 still lets an owner create it again
                    return {"Location": f"/{name}"}
                raise S3Error(
                    "BucketAlreadyOwnedByYou",
                    "Your previous request to create the named bucket succeeded and you already "
                    "own it.",
                    409,
                    BucketName=name,
                )
            ownership = request.get("ObjectOwnership")
            rules = {"Rules": [{"ObjectOwnership": ownership}]} if ownership else _OWNERSHIP
            self.storage.buckets[name] = {
                "created": self.storage.now(),
                "region": call.region,
                "ownership": rules,
                "public_access": _PUBLIC_ACCESS,
                "tags": checked_tags(configuration.get("Tags", []), limit=50),
            }
            if request.get("ObjectLockEnabledForBucket"):
                self.storage.buckets[name] |= {
                    "versioning": "Enabled",
                    "object_lock": {"ObjectLockEnabled": "Enabled"},
                }
                self.storage.buckets.save(name)
        return {"Location": f"/{name}"}

    @staticmethod
    def _check_location(call: Call, configuration: dict[str, Any]) -> None:
        location = configuration.get("LocationConstraint")
        if location is None and call.region != "us-east-1":
            raise S3Error(
                "IllegalLocationConstraintException",
                "The unspecified location constraint is incompatible for the region specific "
                "endpoint this request was sent to.",
            )
        if location is not None and location != call.region:
            raise S3Error(
                "IllegalLocationConstraintException",
                f"The {location} location constraint is incompatible for the region specific "
                "endpoint this request was sent to.",
            )
        for name in ("Location", "Bucket"):
            if name in configuration:
                raise S3Error(
                    "NotImplemented", f"the local cloud has no directory buckets ({name})", 501
                )

    @operation
    def delete_bucket(self, call: Call, request: dict[str, Any]) -> None:
        name = request["Bucket"]
        with self.storage.lock:
            self.storage.bucket(request)
            uploads = any(upload["bucket"] == name for upload in self.storage.uploads.values())
            if self.storage.index.keys(name).order or uploads:
                message = "The bucket you tried to delete is not empty"
                raise S3Error("BucketNotEmpty", message, 409, BucketName=name)
            del self.storage.buckets[name]
            self.storage.index.forget_bucket(name)

    @operation
    def head_bucket(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        try:
            bucket = self.storage.bucket(request)
        except S3Error as error:
            if error.code != no_such_bucket("").code:
                raise
            raise not_found() from error
        arn = f"arn:aws:s3:::{request['Bucket']}"
        return {"BucketRegion": bucket["region"], "AccessPointAlias": False, "BucketArn": arn}

    @operation
    def list_buckets(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        prefix, after = request.get("Prefix", ""), request.get("ContinuationToken", "")
        limit = max_count(request, "MaxBuckets", 10_000)
        with self.storage.lock:
            names = [
                name
                for name in sorted(self.storage.buckets)
                if name.startswith(prefix)
                and name > after
                and request.get("BucketRegion") in (None, self.storage.buckets[name]["region"])
            ]
            buckets = [
                {
                    "Name": name,
                    "CreationDate": self.storage.buckets[name]["created"],
                    "BucketRegion": self.storage.buckets[name]["region"],
                    "BucketArn": f"arn:aws:s3:::{name}",
                }
                for name in names[:limit]
            ]
        answer: dict[str, Any] = {"Buckets": buckets, "Owner": owner(call)}
        if len(names) > limit > 0:
            answer["ContinuationToken"] = names[limit - 1]
        if prefix:
            answer["Prefix"] = prefix
        return answer

    @operation
    def get_bucket_location(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        region = self.storage.bucket(request)["region"]
        return {} if region == "us-east-1" else {"LocationConstraint": region}

    @operation
    def put_bucket_versioning(self, call: Call, request: dict[str, Any]) -> None:
        configuration = request["VersioningConfiguration"]
        if configuration.get("MFADelete") == "Enabled":
            raise S3Error("NotImplemented", "the local cloud does not support MFADelete", 501)
        status = configuration.get("Status")
        if status not in ("Enabled", "Suspended"):
            message = "The Versioning element must be specified with Status Enabled or Suspended"
            raise S3Error("IllegalVersioningConfigurationException", message)
        with self.storage.lock:
            if status == "Suspended" and self.storage.bucket(request).get("object_lock"):
                message = (
                    "An Object Lock configuration is present on this bucket, so the versioning"
                )
                raise S3Error("InvalidBucketState", f"{message} state cannot be changed.", 409)
            self.storage.bucket(request)["versioning"] = status
            self.storage.buckets.save(request["Bucket"])

    @operation
    def get_bucket_versioning(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        status = self.storage.bucket(request).get("versioning")
        return {"Status": status} if status else {}


def owner(call: Call) -> dict[str, str]:
    """Return the canonical user that owns everything of an account."""
    return {"ID": f"{int(call.account):064x}", "DisplayName": "everloop"}
