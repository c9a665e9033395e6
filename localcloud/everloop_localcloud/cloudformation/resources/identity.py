"""Resource types that say who may do what: IAM."""

from typing import Any

from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    picked,
    tag_changes,
    tag_list,
)

_MOST_VERSIONS = 5


def _inline(policy: Any) -> str:
    """Return an inline policy's text.

    AWS takes one without a Version, and SAM writes such; moto, which keeps it, does not.
    """
    if isinstance(policy, dict) and "Version" not in policy:
        policy = {"Version": "2012-10-17", **policy}
    return document(policy)


class Role(Kind):
    type = "AWS::IAM::Role"
    _direct = ("Path", "Description", "MaxSessionDuration", "PermissionsBoundary")
    properties = frozenset(
        {
            "RoleName",
            "AssumeRolePolicyDocument",
            "Policies",
            "ManagedPolicyArns",
            "Tags",
            *_direct,
        }
    )
    required = frozenset({"AssumeRolePolicyDocument"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("RoleName") or site.name(64)
        request = {"RoleName": name, **picked(given, self._direct)}
        request["AssumeRolePolicyDocument"] = document(given["AssumeRolePolicyDocument"])
        if given.get("Tags"):
            request["Tags"] = tag_list(given["Tags"])
        role = site.call("iam", "CreateRole", request)["Role"]
        try:
            self._grant(site, name, {}, given)
        except Exception:
            self.delete(site, name, given)
            raise
        # AWS's, too, is done with a role only when services know it: what uses it comes next.
        site.cloud.propagation.spread("role", name)
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        where = {"RoleName": ref}
        if before["AssumeRolePolicyDocument"] != given["AssumeRolePolicyDocument"]:
            policy = document(given["AssumeRolePolicyDocument"])
            site.call("iam", "UpdateAssumeRolePolicy", {**where, "PolicyDocument": policy})
        if any(before.get(key) != given.get(key) for key in ("Description", "MaxSessionDuration")):
            request = {
                **where,
                "Description": given.get("Description", ""),
                "MaxSessionDuration": given.get("MaxSessionDuration", 3600),
            }
            site.call("iam", "UpdateRole", request)
        if before.get("PermissionsBoundary") != given.get("PermissionsBoundary"):
            if "PermissionsBoundary" in given:
                boundary = {"PermissionsBoundary": given["PermissionsBoundary"]}
                site.call("iam", "PutRolePermissionsBoundary", {**where, **boundary})
            else:
                site.gone("iam", "DeleteRolePermissionsBoundary", where)
        self._grant(site, ref, before, given)
        new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
        if gone:
            site.call("iam", "UntagRole", {**where, "TagKeys": gone})
        if new:
            site.call("iam", "TagRole", {**where, "Tags": tag_list(new)})
        role = site.call("iam", "GetRole", where)["Role"]
        return Made(ref, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        self._grant(site, ref, given, {})
        site.gone("iam", "DeleteRole", {"RoleName": ref})

    @staticmethod
    def _grant(
        site: Site,
        name: str,
        before: dict[str, Any],
        given: dict[str, Any],
    ) -> None:
        where = {"RoleName": name}
        old = {one["PolicyName"]: one["PolicyDocument"] for one in before.get("Policies") or []}
        new = {one["PolicyName"]: one["PolicyDocument"] for one in given.get("Policies") or []}
        for policy in old:
            if policy not in new:
                site.gone("iam", "DeleteRolePolicy", {**where, "PolicyName": policy})
        for policy, text in new.items():
            if old.get(policy) != text:
                request = {**where, "PolicyName": policy, "PolicyDocument": _inline(text)}
                site.call("iam", "PutRolePolicy", request)
        attached, wanted = (
            before.get("ManagedPolicyArns") or [],
            given.get("ManagedPolicyArns") or [],
        )
        for arn in attached:
            if arn not in wanted:
                site.gone("iam", "DetachRolePolicy", {**where, "PolicyArn": arn})
        for arn in wanted:
            if arn not in attached:
                site.call("iam", "AttachRolePolicy", {**where, "PolicyArn": arn})


class Policy(Kind):
    type = "AWS::IAM::Policy"
    properties = frozenset({"PolicyName", "PolicyDocument", "Roles"})
    required = properties
    rigid = frozenset({"PolicyName"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name, text = given["PolicyName"], _inline(given["PolicyDocument"])
        for role in given["Roles"]:
            request = {"RoleName": role, "PolicyName": name, "PolicyDocument": text}
            site.call("iam", "PutRolePolicy", request)
        return Made(name, {"Id": name})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        left = [role for role in before["Roles"] if role not in given["Roles"]]
        self.delete(site, ref, {"Roles": left})
        return self.create(site, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        for role in given["Roles"]:
            site.gone("iam", "DeleteRolePolicy", {"RoleName": role, "PolicyName": ref})


class ManagedPolicy(Kind):
    type = "AWS::IAM::ManagedPolicy"
    properties = frozenset({"ManagedPolicyName", "PolicyDocument", "Roles", "Path", "Description"})
    required = frozenset({"PolicyDocument"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("ManagedPolicyName") or site.name(128)
        request = {"PolicyName": name, **picked(given, ("Path", "Description"))}
        request["PolicyDocument"] = document(given["PolicyDocument"])
        arn = site.call("iam", "CreatePolicy", request)["Policy"]["Arn"]
        self._attach(site, arn, [], given.get("Roles") or [])
        return Made(arn, {"PolicyArn": arn})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        if before["PolicyDocument"] != given["PolicyDocument"]:
            versions = site.call("iam", "ListPolicyVersions", {"PolicyArn": ref})["Versions"]
            spare = [one["VersionId"] for one in versions if not one["IsDefaultVersion"]]
            if len(versions) >= _MOST_VERSIONS:
                oldest = min(spare, key=lambda version: int(version.lstrip("v")))
                request = {"PolicyArn": ref, "VersionId": oldest}
                site.call("iam", "DeletePolicyVersion", request)
            text = document(given["PolicyDocument"])
            request = {"PolicyArn": ref, "PolicyDocument": text, "SetAsDefault": True}
            site.call("iam", "CreatePolicyVersion", request)
        self._attach(site, ref, before.get("Roles") or [], given.get("Roles") or [])
        return Made(ref, {"PolicyArn": ref})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        self._attach(site, ref, given.get("Roles") or [], [])
        where = {"PolicyArn": ref}
        for version in site.call("iam", "ListPolicyVersions", where)["Versions"]:
            if not version["IsDefaultVersion"]:
                request = {**where, "VersionId": version["VersionId"]}
                site.gone("iam", "DeletePolicyVersion", request)
        site.gone("iam", "DeletePolicy", where)

    @staticmethod
    def _attach(site: Site, arn: str, before: list[str], given: list[str]) -> None:
        for role in before:
            if role not in given:
                site.gone("iam", "DetachRolePolicy", {"RoleName": role, "PolicyArn": arn})
        for role in given:
            if role not in before:
                site.call("iam", "AttachRolePolicy", {"RoleName": role, "PolicyArn": arn})


KINDS: tuple[Kind, ...] = (Role(), Policy(), ManagedPolicy())
