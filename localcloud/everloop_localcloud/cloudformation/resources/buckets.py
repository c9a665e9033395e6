"""Resource types of S3: buckets and their policies."""

from typing import Any

from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    is_true,
    only,
    picked,
    tag_list,
)


class Bucket(Kind):
    type = "AWS::S3::Bucket"
    properties = frozenset(
        {
            "BucketName",
            "VersioningConfiguration",
            "BucketEncryption",
            "PublicAccessBlockConfiguration",
            "NotificationConfiguration",
            "LifecycleConfiguration",
            "LoggingConfiguration",
            "OwnershipControls",
            "ObjectLockEnabled",
            "ObjectLockConfiguration",
            "Tags",
        }
    )

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("BucketName") or site.name(63, lower=True)
        request: dict[str, Any] = {"Bucket": name}
        if is_true(given.get("ObjectLockEnabled")):
            request["ObjectLockEnabledForBucket"] = True
        if site.cloud.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": site.cloud.region}
        site.call("s3", "CreateBucket", request)
        try:
            self._configure(site, name, {}, given)
        except Exception:
            site.gone("s3", "DeleteBucket", {"Bucket": name})
            raise
        return self._made(site, name)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        self._configure(site, ref, before, given)
        return self._made(site, ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("s3", "DeleteBucket", {"Bucket": ref})

    @staticmethod
    def _made(site: Site, name: str) -> Made:
        domain = f"{name}.s3.amazonaws.com"
        regional = f"{name}.s3.{site.cloud.region}.amazonaws.com"
        return Made(
            name,
            {
                "Arn": f"arn:aws:s3:::{name}",
                "DomainName": domain,
                "RegionalDomainName": regional,
                "DualStackDomainName": f"{name}.s3.dualstack.{site.cloud.region}.amazonaws.com",
            },
        )

    @staticmethod
    def _configure(site: Site, name: str, before: dict[str, Any], given: dict[str, Any]) -> None:  # noqa: C901 # a branch for each property
        where = {"Bucket": name}

        def changed(part: str) -> bool:
            return before.get(part) != given.get(part)

        if changed("VersioningConfiguration"):
            versioning = given.get("VersioningConfiguration") or {"Status": "Suspended"}
            request = {**where, "VersioningConfiguration": versioning}
            site.call("s3", "PutBucketVersioning", request)
        if changed("ObjectLockConfiguration") and given.get("ObjectLockConfiguration"):
            request = {**where, "ObjectLockConfiguration": _lock(given["ObjectLockConfiguration"])}
            site.call("s3", "PutObjectLockConfiguration", request)
        if changed("BucketEncryption"):
            _encrypt(site, where, given.get("BucketEncryption"))
        if changed("PublicAccessBlockConfiguration"):
            block = given.get("PublicAccessBlockConfiguration")
            if block:
                request = {**where, "PublicAccessBlockConfiguration": block}
                site.call("s3", "PutPublicAccessBlock", request)
            else:
                site.gone("s3", "DeletePublicAccessBlock", where)
        if changed("NotificationConfiguration"):
            notification = given.get("NotificationConfiguration") or {}
            request = {**where, "NotificationConfiguration": _notification(notification)}
            site.call("s3", "PutBucketNotificationConfiguration", request)
        if changed("LifecycleConfiguration"):
            lifecycle = given.get("LifecycleConfiguration")
            if lifecycle:
                rules = [_lifecycle_rule(rule) for rule in lifecycle["Rules"]]
                request = {**where, "LifecycleConfiguration": {"Rules": rules}}
                site.call("s3", "PutBucketLifecycleConfiguration", request)
            else:
                site.gone("s3", "DeleteBucketLifecycle", where)
        if changed("LoggingConfiguration"):
            status = _logging(name, given.get("LoggingConfiguration"))
            site.call("s3", "PutBucketLogging", {**where, "BucketLoggingStatus": status})
        if changed("OwnershipControls"):
            controls = given.get("OwnershipControls")
            if controls:
                request = {**where, "OwnershipControls": controls}
                site.call("s3", "PutBucketOwnershipControls", request)
            else:
                site.gone("s3", "DeleteBucketOwnershipControls", where)
        if changed("Tags"):
            if given.get("Tags"):
                site.call(
                    "s3",
                    "PutBucketTagging",
                    {**where, "Tagging": {"TagSet": tag_list(given.get("Tags"))}},
                )
            else:
                site.gone("s3", "DeleteBucketTagging", where)


def _encrypt(site: Site, where: dict[str, Any], given: dict[str, Any] | None) -> None:
    if not given:
        site.gone("s3", "DeleteBucketEncryption", where)
        return
    rules = []
    for rule in given["ServerSideEncryptionConfiguration"]:
        only(rule, {"ServerSideEncryptionByDefault", "BucketKeyEnabled"}, "BucketEncryption")
        default = {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
        rules.append(default | picked(rule, ("BucketKeyEnabled",)))
    request = {**where, "ServerSideEncryptionConfiguration": {"Rules": rules}}
    site.call("s3", "PutBucketEncryption", request)


def _lock(given: dict[str, Any]) -> dict[str, Any]:
    """Read a lock's configuration; numbers may be text in a template."""
    only(given, {"ObjectLockEnabled", "Rule"}, "ObjectLockConfiguration")
    rule = (given.get("Rule") or {}).get("DefaultRetention")
    if rule is None:
        return picked(given, ("ObjectLockEnabled",))
    only(rule, {"Mode", "Days", "Years"}, "DefaultRetention")
    numbers = {name: int(rule[name]) for name in ("Days", "Years") if name in rule}
    kept = {**picked(rule, ("Mode",)), **numbers}
    return {**picked(given, ("ObjectLockEnabled",)), "Rule": {"DefaultRetention": kept}}


def _logging(bucket: str, given: dict[str, Any] | None) -> dict[str, Any]:
    """Return where a bucket's log goes: to itself, where no other is named; nowhere without one."""
    if not given:
        return {}
    only(given, {"DestinationBucketName", "LogFilePrefix"}, "LoggingConfiguration")
    target = given.get("DestinationBucketName", bucket)
    prefix = given.get("LogFilePrefix", "")
    return {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": prefix}}


def _notification(given: dict[str, Any]) -> dict[str, Any]:
    only(given, {"EventBridgeConfiguration"}, "NotificationConfiguration")
    bridge = given.get("EventBridgeConfiguration")
    if bridge is None or not is_true(bridge.get("EventBridgeEnabled", True)):
        return {}
    return {"EventBridgeConfiguration": {}}


def _lifecycle_rule(given: dict[str, Any]) -> dict[str, Any]:
    known = {
        "Id",
        "Status",
        "Prefix",
        "ExpirationInDays",
        "ExpiredObjectDeleteMarker",
        "NoncurrentVersionExpiration",
        "NoncurrentVersionExpirationInDays",
        "AbortIncompleteMultipartUpload",
        "Transitions",
    }
    only(given, known, "a lifecycle rule")
    rule: dict[str, Any] = {
        "Status": given["Status"],
        "Filter": {"Prefix": given.get("Prefix", "")},
    }
    if "Id" in given:
        rule["ID"] = given["Id"]
    expiration: dict[str, Any] = {}
    if "ExpirationInDays" in given:
        expiration["Days"] = given["ExpirationInDays"]
    if "ExpiredObjectDeleteMarker" in given:
        expiration["ExpiredObjectDeleteMarker"] = given["ExpiredObjectDeleteMarker"]
    if expiration:
        rule["Expiration"] = expiration
    if "NoncurrentVersionExpiration" in given:
        old = given["NoncurrentVersionExpiration"]
        only(old, {"NoncurrentDays", "NewerNoncurrentVersions"}, "NoncurrentVersionExpiration")
        rule["NoncurrentVersionExpiration"] = old
    elif "NoncurrentVersionExpirationInDays" in given:
        days = given["NoncurrentVersionExpirationInDays"]
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if "AbortIncompleteMultipartUpload" in given:
        rule["AbortIncompleteMultipartUpload"] = given["AbortIncompleteMultipartUpload"]
    if "Transitions" in given:
        rule["Transitions"] = [
            {"Days": step["TransitionInDays"], "StorageClass": step["StorageClass"]}
            for step in given["Transitions"]
        ]
    return rule


class BucketPolicy(Kind):
    type = "AWS::S3::BucketPolicy"
    properties = frozenset({"Bucket", "PolicyDocument"})
    required = properties

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        bucket, policy = given["Bucket"], document(given["PolicyDocument"])
        site.call("s3", "PutBucketPolicy", {"Bucket": bucket, "Policy": policy})
        return Made(bucket)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        return self.create(site, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("s3", "DeleteBucketPolicy", {"Bucket": ref})


KINDS: tuple[Kind, ...] = (Bucket(), BucketPolicy())
