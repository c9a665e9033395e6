"""Resource types that keep things: S3, DynamoDB, KMS, SSM."""

from typing import Any

from localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    only,
    picked,
    tag_map,
)
from localcloud.cloudformation.template import invalid


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _tags(given: dict[str, Any]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tag_map(given.get("Tags")).items()]


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
            "OwnershipControls",
            "Tags",
        }
    )
    replacing = frozenset({"BucketName"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("BucketName") or site.name(63, lower=True)
        request: dict[str, Any] = {"Bucket": name}
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
    def _configure(site: Site, name: str, before: dict[str, Any], given: dict[str, Any]) -> None:
        where = {"Bucket": name}

        def changed(part: str) -> bool:
            return before.get(part) != given.get(part)

        if changed("VersioningConfiguration"):
            versioning = given.get("VersioningConfiguration") or {"Status": "Suspended"}
            request = {**where, "VersioningConfiguration": versioning}
            site.call("s3", "PutBucketVersioning", request)
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
        if changed("OwnershipControls"):
            controls = given.get("OwnershipControls")
            if controls:
                request = {**where, "OwnershipControls": controls}
                site.call("s3", "PutBucketOwnershipControls", request)
            else:
                site.gone("s3", "DeleteBucketOwnershipControls", where)
        if changed("Tags"):
            if given.get("Tags"):
                site.call("s3", "PutBucketTagging", {**where, "Tagging": {"TagSet": _tags(given)}})
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


def _notification(given: dict[str, Any]) -> dict[str, Any]:
    only(given, {"EventBridgeConfiguration"}, "NotificationConfiguration")
    bridge = given.get("EventBridgeConfiguration")
    if bridge is None or not _is_true(bridge.get("EventBridgeEnabled", True)):
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
    replacing = frozenset({"Bucket"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        bucket, policy = given["Bucket"], document(given["PolicyDocument"])
        site.call("s3", "PutBucketPolicy", {"Bucket": bucket, "Policy": policy})
        return Made(bucket)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        return self.create(site, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("s3", "DeleteBucketPolicy", {"Bucket": ref})


class Table(Kind):
    type = "AWS::DynamoDB::Table"
    _direct = (
        "AttributeDefinitions",
        "KeySchema",
        "BillingMode",
        "ProvisionedThroughput",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "TableClass",
        "DeletionProtectionEnabled",
    )
    properties = frozenset(
        {
            *_direct,
            "TableName",
            "StreamSpecification",
            "SSESpecification",
            "TimeToLiveSpecification",
            "PointInTimeRecoverySpecification",
            "Tags",
        }
    )
    required = frozenset({"KeySchema"})
    replacing = frozenset({"TableName", "KeySchema", "LocalSecondaryIndexes"})
    _updating = ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass")

    def replaces(self, before: Any, after: Any) -> bool:
        fixed = ("AttributeDefinitions", "GlobalSecondaryIndexes", "StreamSpecification")
        if any(before.get(name) != after.get(name) for name in fixed) and "TableName" in after:
            raise invalid(
                f"the local cloud cannot change {', '.join(fixed)} of the table "
                f"{after['TableName']} in place; give it another TableName"
            )
        return super().replaces(before, after) or any(
            before.get(name) != after.get(name) for name in fixed
        )

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("TableName") or site.name(255)
        request = {"TableName": name, **picked(given, self._direct)}
        if "StreamSpecification" in given:
            request["StreamSpecification"] = {"StreamEnabled": True, **given["StreamSpecification"]}
        if "SSESpecification" in given:
            request["SSESpecification"] = _encryption(given["SSESpecification"])
        if "ProvisionedThroughput" not in request:
            request.setdefault("BillingMode", "PROVISIONED")
        if given.get("Tags"):
            request["Tags"] = _tags(given)
        site.call("dynamodb", "CreateTable", request)
        try:
            self._configure(site, name, {}, given)
        except Exception:
            site.gone("dynamodb", "DeleteTable", {"TableName": name})
            raise
        return self._made(site, name)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        changes = {
            name: given.get(name)
            for name in self._updating
            if before.get(name) != given.get(name) and name in given
        }
        if changes:
            site.call("dynamodb", "UpdateTable", {"TableName": ref, **changes})
        if before.get("SSESpecification") != given.get("SSESpecification"):
            encryption = _encryption(given.get("SSESpecification") or {"SSEEnabled": False})
            request = {"TableName": ref, "SSESpecification": encryption}
            site.call("dynamodb", "UpdateTable", request)
        self._configure(site, ref, before, given)
        made = self._made(site, ref)
        if before.get("Tags") != given.get("Tags"):
            arn = made.attributes["Arn"]
            gone = sorted(set(tag_map(before.get("Tags"))) - set(tag_map(given.get("Tags"))))
            if gone:
                site.call("dynamodb", "UntagResource", {"ResourceArn": arn, "TagKeys": gone})
            if given.get("Tags"):
                site.call("dynamodb", "TagResource", {"ResourceArn": arn, "Tags": _tags(given)})
        return made

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("dynamodb", "DeleteTable", {"TableName": ref})

    @staticmethod
    def _configure(site: Site, name: str, before: dict[str, Any], given: dict[str, Any]) -> None:
        old, expiry = before.get("TimeToLiveSpecification"), given.get("TimeToLiveSpecification")
        if old != expiry:
            if old and not expiry:
                expiry = {**old, "Enabled": False}
            request = {"TableName": name, "TimeToLiveSpecification": expiry}
            site.call("dynamodb", "UpdateTimeToLive", request)
        recovery = given.get("PointInTimeRecoverySpecification")
        if before.get("PointInTimeRecoverySpecification") != recovery:
            wanted = recovery or {"PointInTimeRecoveryEnabled": False}
            request = {"TableName": name, "PointInTimeRecoverySpecification": wanted}
            site.call("dynamodb", "UpdateContinuousBackups", request)

    @staticmethod
    def _made(site: Site, name: str) -> Made:
        table = site.call("dynamodb", "DescribeTable", {"TableName": name})["Table"]
        attributes = {"Arn": table["TableArn"]}
        if "LatestStreamArn" in table:
            attributes["StreamArn"] = table["LatestStreamArn"]
        return Made(name, attributes)


def _encryption(given: dict[str, Any]) -> dict[str, Any]:
    only(given, {"SSEEnabled", "SSEType", "KMSMasterKeyId"}, "SSESpecification")
    renamed = {"Enabled": given["SSEEnabled"]}
    return renamed | picked(given, ("SSEType", "KMSMasterKeyId"))


class Key(Kind):
    type = "AWS::KMS::Key"
    properties = frozenset(
        {
            "Description",
            "KeyPolicy",
            "Enabled",
            "EnableKeyRotation",
            "KeySpec",
            "KeyUsage",
            "MultiRegion",
            "PendingWindowInDays",
            "Tags",
        }
    )
    replacing = frozenset({"KeySpec", "KeyUsage", "MultiRegion", "Tags"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        request = picked(given, ("Description", "KeySpec", "KeyUsage", "MultiRegion"))
        if "KeyPolicy" in given:
            request["Policy"] = document(given["KeyPolicy"])
        if given.get("Tags"):
            request["Tags"] = [
                {"TagKey": key, "TagValue": value} for key, value in tag_map(given["Tags"]).items()
            ]
        made = site.call("kms", "CreateKey", request)["KeyMetadata"]
        self._switch(site, made["KeyId"], {}, given)
        return Made(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        if before.get("Description") != given.get("Description"):
            request = {"KeyId": ref, "Description": given.get("Description", "")}
            site.call("kms", "UpdateKeyDescription", request)
        if before.get("KeyPolicy") != given.get("KeyPolicy") and "KeyPolicy" in given:
            policy = document(given["KeyPolicy"])
            request = {"KeyId": ref, "PolicyName": "default", "Policy": policy}
            site.call("kms", "PutKeyPolicy", request)
        self._switch(site, ref, before, given)
        return Made(ref, {"Arn": site.cloud.arn("kms", f"key/{ref}"), "KeyId": ref})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        days = given.get("PendingWindowInDays", 30)
        site.gone("kms", "ScheduleKeyDeletion", {"KeyId": ref, "PendingWindowInDays": days})

    @staticmethod
    def _switch(site: Site, key: str, before: dict[str, Any], given: dict[str, Any]) -> None:
        rotating = _is_true(given.get("EnableKeyRotation", False))
        if _is_true(before.get("EnableKeyRotation", False)) != rotating:
            verb = "EnableKeyRotation" if rotating else "DisableKeyRotation"
            site.call("kms", verb, {"KeyId": key})
        enabled = _is_true(given.get("Enabled", True))
        if _is_true(before.get("Enabled", True)) != enabled:
            site.call("kms", "EnableKey" if enabled else "DisableKey", {"KeyId": key})


class Alias(Kind):
    type = "AWS::KMS::Alias"
    properties = frozenset({"AliasName", "TargetKeyId"})
    required = properties
    replacing = frozenset({"AliasName"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        site.call("kms", "CreateAlias", given)
        return Made(given["AliasName"])

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        site.call("kms", "UpdateAlias", given)
        return Made(ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("kms", "DeleteAlias", {"AliasName": ref})


class Parameter(Kind):
    type = "AWS::SSM::Parameter"
    properties = frozenset(
        {"Name", "Type", "Value", "Description", "AllowedPattern", "Tier", "DataType", "Tags"}
    )
    required = frozenset({"Type", "Value"})
    replacing = frozenset({"Name", "Type", "DataType", "Tags"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("Name") or site.name(200)
        request = {**given, "Name": name}
        if given.get("Tags"):
            request["Tags"] = _tags(given)
        site.call("ssm", "PutParameter", request)
        return self._made(name, given)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        request = {key: value for key, value in given.items() if key != "Tags"}
        site.call("ssm", "PutParameter", {**request, "Name": ref, "Overwrite": True})
        return self._made(ref, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("ssm", "DeleteParameter", {"Name": ref})

    @staticmethod
    def _made(name: str, given: dict[str, Any]) -> Made:
        return Made(name, {"Type": given["Type"], "Value": given["Value"]})


KINDS: tuple[Kind, ...] = (Bucket(), BucketPolicy(), Table(), Key(), Alias(), Parameter())
