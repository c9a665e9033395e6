"""Resource types that keep things: DynamoDB, KMS, SSM."""

from collections.abc import Mapping
from typing import Any

from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    is_true,
    only,
    picked,
    tag_changes,
    tag_list,
    tag_map,
)


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
    rigid = frozenset(
        {
            "AttributeDefinitions",
            "GlobalSecondaryIndexes",
            "LocalSecondaryIndexes",
            "StreamSpecification",
        }
    )
    _updating = ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass")

    def replaced_for(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
        types = _attribute_types(before)
        edited = any(
            types.get(name, kind) != kind for name, kind in _attribute_types(after).items()
        )
        found = super().replaced_for(before, after)
        return sorted({*found, "AttributeDefinitions"}) if edited else found

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
            request["Tags"] = tag_list(given.get("Tags"))
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
                site.call(
                    "dynamodb",
                    "TagResource",
                    {"ResourceArn": arn, "Tags": tag_list(given.get("Tags"))},
                )
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


def _attribute_types(given: Mapping[str, Any]) -> dict[str, str]:
    declared = given.get("AttributeDefinitions") or []
    return {each["AttributeName"]: each["AttributeType"] for each in declared}


def _encryption(given: dict[str, Any]) -> dict[str, Any]:
    only(given, {"SSEEnabled", "SSEType", "KMSMasterKeyId"}, "SSESpecification")
    renamed = {"Enabled": given["SSEEnabled"]}
    return renamed | picked(given, ("SSEType", "KMSMasterKeyId"))


class Key(Kind):
    type = "AWS::KMS::Key"
    fixed = frozenset({"KeySpec", "KeyUsage", "MultiRegion"})
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

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        request = picked(given, ("Description", "KeySpec", "KeyUsage", "MultiRegion"))
        if "KeyPolicy" in given:
            request["Policy"] = document(given["KeyPolicy"])
        if given.get("Tags"):
            request["Tags"] = _kms_tags(given["Tags"])
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
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        if gone:
            site.call("kms", "UntagResource", {"KeyId": ref, "TagKeys": gone})
        if new:
            site.call("kms", "TagResource", {"KeyId": ref, "Tags": _kms_tags(new)})
        return Made(ref, {"Arn": site.cloud.arn("kms", f"key/{ref}"), "KeyId": ref})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        days = given.get("PendingWindowInDays", 30)
        site.gone("kms", "ScheduleKeyDeletion", {"KeyId": ref, "PendingWindowInDays": days})

    @staticmethod
    def _switch(site: Site, key: str, before: dict[str, Any], given: dict[str, Any]) -> None:
        rotating = is_true(given.get("EnableKeyRotation", False))
        if is_true(before.get("EnableKeyRotation", False)) != rotating:
            verb = "EnableKeyRotation" if rotating else "DisableKeyRotation"
            site.call("kms", verb, {"KeyId": key})
        enabled = is_true(given.get("Enabled", True))
        if is_true(before.get("Enabled", True)) != enabled:
            site.call("kms", "EnableKey" if enabled else "DisableKey", {"KeyId": key})


def _kms_tags(given: Any) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tag_map(given).items()]


class Alias(Kind):
    type = "AWS::KMS::Alias"
    properties = frozenset({"AliasName", "TargetKeyId"})
    required = properties

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
    rigid = frozenset({"Type", "DataType", "Tags"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("Name") or site.name(200)
        request = {**given, "Name": name}
        if given.get("Tags"):
            request["Tags"] = tag_list(given.get("Tags"))
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


KINDS: tuple[Kind, ...] = (Table(), Key(), Alias(), Parameter())
