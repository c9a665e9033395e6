"""Model Registry: package groups, versions, approval, and AWS's event for every change."""

import json
import threading
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.clock import stamp
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.model_card_content import (
    metadata_of_package,
    problems_of_package,
)
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.tag_store import TagStore

Record = dict[str, Any]
_EVENT = "SageMaker Model Package State Change"
_UPDATABLE = {
    "ModelApprovalStatus": "ModelApprovalStatus",
    "ModelPackageRegistrationType": "ModelPackageRegistrationType",
    "ModelCard": "ModelCard",
    "ApprovalDescription": "ApprovalDescription",
    "SourceUri": "sourceUri",
    "CustomerMetadataProperties": "CustomerMetadataProperties",
    "InferenceSpecification": "InferenceSpecification",
    "ModelLifeCycle": "ModelLifeCycle",
}
_KEPT = (
    "ModelPackageDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "AdditionalInferenceSpecifications",
    "CertifyForMarketplace",
    "ModelApprovalStatus",
    "MetadataProperties",
    "ModelMetrics",
    "DriftCheckBaselines",
    "CustomerMetadataProperties",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
)
_REFUSED = (
    "ManagedStorageType",
    "AlgorithmSpecification",
    "ValidationSpecification",
    "SourceAlgorithmSpecification",
)


class Registry(Part):
    """Operations on model package groups and model packages."""

    def __init__(self, cloud: Account, tags: TagStore) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._registry_lock = threading.RLock()
        self._groups = cloud.store.table("sagemaker.package-groups")
        self._packages = cloud.store.table("sagemaker.packages")
        self._group_policies = cloud.store.table("sagemaker.package-group-policies")

    def records(self) -> dict[str, Records]:
        return {"model-package": self._packages, "model-package-group": self._groups}

    @operation
    def create_model_package_group(self, call: Call, request: Record) -> Record:
        name = request["ModelPackageGroupName"]
        with self._registry_lock:
            if name in self._groups:
                raise validation(f"Model Package Group already exists: {self._group_arn(name)}")
            self._groups[name] = {
                "ModelPackageGroupName": name,
                "ModelPackageGroupArn": self._group_arn(name),
                "ModelPackageGroupDescription": request.get("ModelPackageGroupDescription"),
                "CreationTime": call.time,
                "CreatedBy": _by(call),
                "ModelPackageGroupStatus": "Completed",
                "last": 0,
            }
        return {"ModelPackageGroupArn": self._group_arn(name)}

    @operation
    def describe_model_package_group(self, call: Call, request: Record) -> Record:
        group = self._group(request["ModelPackageGroupName"])
        return {key: value for key, value in group.items() if key != "last"}

    @operation
    def list_model_package_groups(self, call: Call, request: Record) -> Record:
        if request.get("CrossAccountFilterOption") == "CrossAccount":
            return {"ModelPackageGroupSummaryList": []}  # there is one account
        return page(
            self._groups.values(),
            request,
            member="ModelPackageGroupSummaryList",
            name="ModelPackageGroupName",
            summary=lambda group: pick(
                group,
                "ModelPackageGroupName",
                "ModelPackageGroupArn",
                "ModelPackageGroupDescription",
                "CreationTime",
                "ModelPackageGroupStatus",
            ),
        )

    @operation
    def delete_model_package_group(self, call: Call, request: Record) -> None:
        with self._registry_lock:
            group = self._group(request["ModelPackageGroupName"])
            name = group["ModelPackageGroupName"]
            if any(p.get("ModelPackageGroupName") == name for p in self._packages.values()):
                raise AwsError("ConflictException", f"Model Package Group {name} is not empty")
            del self._groups[name]
            self._group_policies.pop(name, None)
        self._tags.drop(group["ModelPackageGroupArn"])

    @operation
    def put_model_package_group_policy(self, call: Call, request: Record) -> Record:
        group = self._group(request["ModelPackageGroupName"])
        try:
            policy = json.loads(request["ResourcePolicy"])
        except ValueError as error:
            raise validation(f"ResourcePolicy is not JSON: {error}") from error
        if not isinstance(policy, dict) or not policy.get("Statement"):
            raise validation("ResourcePolicy has no Statement")
        self._group_policies[group["ModelPackageGroupName"]] = {"policy": request["ResourcePolicy"]}
        return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}

    @operation
    def get_model_package_group_policy(self, call: Call, request: Record) -> Record:
        return {"ResourcePolicy": self._group_policy(request)["policy"]}

    @operation
    def delete_model_package_group_policy(self, call: Call, request: Record) -> None:
        self._group_policy(request)
        del self._group_policies[request["ModelPackageGroupName"]]

    def _group_policy(self, request: Record) -> Record:
        group = self._group(request["ModelPackageGroupName"])
        found: Record | None = self._group_policies.get(group["ModelPackageGroupName"])
        if found is None:
            raise validation(f"Cannot find resource policy for: {group['ModelPackageGroupArn']}")
        return found

    @operation
    def create_model_package(self, call: Call, request: Record) -> Record:
        for name in _REFUSED:
            if name in request:
                raise validation(f"the local cloud does not take {name} of a model package")
        group_name, own_name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
        if (group_name is None) == (own_name is None):
            raise validation(
                "give ModelPackageGroupName for a version of a group, or ModelPackageName for a"
                " package without versions"
            )
        if group_name is not None and request.get("Tags"):
            raise validation(
                "Tags are not taken of a versioned model package: it has those of its group"
            )
        if own_name is not None and "ModelApprovalStatus" in request:
            raise validation("ModelApprovalStatus is of versioned model packages only")
        if "ModelCard" in request:
            _check_card(request["ModelCard"])
        with self._registry_lock:
            token = request.get("ClientToken")
            for package in self._packages.values():
                if token and package.get("token") == token:
                    return {"ModelPackageArn": package["ModelPackageArn"]}
            package = {
                "ModelPackageRegistrationType": "Registered",
                **pick(request, *_KEPT),
                **self._identity(group_name, own_name),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CreationTime": call.time,
                "CreatedBy": _by(call),
                "LastModifiedTime": call.time,
                "LastModifiedBy": _by(call),
                "token": token,
            }
            if group_name is not None:
                package.setdefault("ModelApprovalStatus", "PendingManualApproval")
            self._packages[package["ModelPackageArn"]] = package
        self._announce_package(package, None)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def _identity(self, group_name: str | None, own_name: str | None) -> Record:
        """Return a new package's names and ARN; takes the next version of its group."""
        if group_name is None:
            arn = self.cloud.arn("sagemaker", f"model-package/{own_name}")
            if arn in self._packages:
                raise validation(f"Model Package already exists: {arn}")
            return {"ModelPackageName": own_name, "ModelPackageArn": arn}
        group = self._group(group_name)
        name = group["ModelPackageGroupName"]
        group["last"] += 1
        self._groups.save(name)
        return {
            "ModelPackageGroupName": name,
            "ModelPackageVersion": group["last"],
            "ModelPackageArn": self.cloud.arn("sagemaker", f"model-package/{name}/{group['last']}"),
        }

    @operation
    def describe_model_package(self, call: Call, request: Record) -> Record:
        package = self._package(request["ModelPackageName"])
        told = {key: value for key, value in package.items() if key != "token"}
        if "ModelPackageVersion" in package:
            version = package["ModelPackageVersion"]
            told["ModelPackageName"] = f"{package['ModelPackageGroupName']}/{version}"
        if request.get("IncludedData") == "MetadataOnly" and "ModelCard" in told:
            content = metadata_of_package(told["ModelCard"].get("ModelCardContent", "{}"))
            told["ModelCard"] = {**told["ModelCard"], "ModelCardContent": content}
        return told

    @operation
    def batch_describe_model_package(self, call: Call, request: Record) -> Record:
        found, errors = {}, {}
        for arn in request["ModelPackageArnList"]:
            try:
                found[arn] = pick(
                    self._package(arn),
                    "ModelPackageGroupName",
                    "ModelPackageVersion",
                    "ModelPackageArn",
                    "ModelPackageDescription",
                    "CreationTime",
                    "InferenceSpecification",
                    "ModelPackageStatus",
                    "ModelApprovalStatus",
                    "ModelPackageRegistrationType",
                )
            except AwsError as error:
                errors[arn] = {"ErrorCode": error.code, "ErrorResponse": error.message}
        return {"ModelPackageSummaries": found, "BatchDescribeModelPackageErrorMap": errors}

    @operation
    def list_model_packages(self, call: Call, request: Record) -> Record:
        found = list(self._packages.values())
        if "ModelPackageGroupName" in request:
            group = self._group(request["ModelPackageGroupName"])["ModelPackageGroupName"]
            found = [each for each in found if each.get("ModelPackageGroupName") == group]
        elif request.get("ModelPackageType", "Unversioned") != "Both":
            versioned = request.get("ModelPackageType") == "Versioned"
            found = [each for each in found if ("ModelPackageVersion" in each) == versioned]
        if "ModelApprovalStatus" in request:
            wanted = request["ModelApprovalStatus"]
            found = [each for each in found if each.get("ModelApprovalStatus") == wanted]
        if "NameContains" in request:
            part = request["NameContains"]
            found = [each for each in found if part in _name_and_version(each)[0]]
        return page(
            found,
            request,
            member="ModelPackageSummaryList",
            sort=_name_and_version if request.get("SortBy") == "Name" else None,
            summary=lambda package: pick(
                package,
                "ModelPackageName",
                "ModelPackageGroupName",
                "ModelPackageVersion",
                "ModelPackageArn",
                "ModelPackageDescription",
                "CreationTime",
                "ModelPackageStatus",
                "ModelApprovalStatus",
                "ModelLifeCycle",
                "ModelPackageRegistrationType",
            ),
        )

    @operation
    def update_model_package(self, call: Call, request: Record) -> Record:
        with self._registry_lock:
            package = self._package(request["ModelPackageArn"])
            if "ModelApprovalStatus" in request and "ModelPackageVersion" not in package:
                raise validation("ModelApprovalStatus is of versioned model packages only")
            if "ModelCard" in request:
                _check_card(request["ModelCard"])
            added = request.get("AdditionalInferenceSpecificationsToAdd", [])
            known = package.get("AdditionalInferenceSpecifications", [])
            taken = {specification["Name"] for specification in known}
            for specification in added:
                if specification["Name"] in taken:
                    raise validation(
                        f"AdditionalInferenceSpecification {specification['Name']} already exists"
                    )
            changed = []
            if added:
                package["AdditionalInferenceSpecifications"] = [*known, *added]
                changed.append("AdditionalInferenceSpecifications")
            for name, told in _UPDATABLE.items():
                if name not in request:
                    continue
                if name == "CustomerMetadataProperties":
                    package[name] = {**(package.get(name) or {}), **request[name]}
                else:
                    package[name] = request[name]
                changed.append(told)
            for key in request.get("CustomerMetadataPropertiesToRemove", []):
                (package.get("CustomerMetadataProperties") or {}).pop(key, None)
                if "CustomerMetadataProperties" not in changed:
                    changed.append("CustomerMetadataProperties")
            package["LastModifiedTime"] = call.time
            package["LastModifiedBy"] = _by(call)
            self._packages.save(package["ModelPackageArn"])
        self._announce_package(package, changed)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    @operation
    def delete_model_package(self, call: Call, request: Record) -> None:
        with self._registry_lock:
            package = self._package(request["ModelPackageName"])
            del self._packages[package["ModelPackageArn"]]
        self._tags.drop(package["ModelPackageArn"])

    def _group_arn(self, name: str) -> str:
        return self.cloud.arn("sagemaker", f"model-package-group/{name}")

    def _group(self, name: str) -> Record:
        found: Record | None = self._groups.get(name.rpartition("/")[2])
        if found is None:
            raise validation(f"ModelPackageGroup {self._group_arn(name)} does not exist.")
        return found

    def _package(self, name: str) -> Record:
        arn = (
            name
            if name.startswith("arn:")
            else self.cloud.arn("sagemaker", f"model-package/{name}")
        )
        found: Record | None = self._packages.get(arn)
        if found is None:
            raise validation(f"ModelPackage {arn} does not exist.")
        return found

    def _announce_package(self, package: Record, changed: list[str] | None) -> None:
        told = pick(
            package,
            "ModelPackageGroupName",
            "ModelPackageVersion",
            "ModelPackageArn",
            "ModelPackageDescription",
            "InferenceSpecification",
            "ModelPackageStatus",
            "ModelPackageStatusDetails",
            "ModelApprovalStatus",
            "MetadataProperties",
            "ModelMetrics",
            "ModelLifeCycle",
            "ApprovalDescription",
            "CustomerMetadataProperties",
        )
        detail = {
            **told,
            "CertifyForMarketplace": False,
            "CreationTime": stamp(package["CreationTime"]),
            "LastModifiedTime": stamp(package["LastModifiedTime"]),
        }
        if changed is not None:
            detail["UpdatedModelPackageFields"] = changed
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [package["ModelPackageArn"]])


def _name_and_version(package: Record) -> tuple[str, int]:
    name = package.get("ModelPackageName") or package["ModelPackageGroupName"]
    return name, package.get("ModelPackageVersion", 0)


def _check_card(card: Record) -> None:
    found = problems_of_package(card.get("ModelCardContent", "{}"))
    if found:
        raise validation(f"ModelCard.ModelCardContent is invalid: {'; '.join(found[:5])}")


def _by(call: Call) -> Record:
    return {
        "IamIdentity": {"Arn": call.principal, "PrincipalId": call.principal.rpartition("/")[2]}
    }
