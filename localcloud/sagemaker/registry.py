"""Model Registry: package groups, versions, approval, and AWS's event for every change."""

import threading
from typing import TYPE_CHECKING, Any

from localcloud.api import Call, operation
from localcloud.cloud import stamp
from localcloud.errors import AwsError, validation
from localcloud.sagemaker.listing import page, pick

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

Record = dict[str, Any]
_EVENT = "SageMaker Model Package State Change"
_UPDATABLE = {
    "ModelApprovalStatus": "ModelApprovalStatus",
    "ApprovalDescription": "ApprovalDescription",
    "SourceUri": "sourceUri",
    "CustomerMetadataProperties": "CustomerMetadataProperties",
    "InferenceSpecification": "InferenceSpecification",
    "ModelLifeCycle": "ModelLifeCycle",
}
_REFUSED = ("AlgorithmSpecification", "ValidationSpecification", "SourceAlgorithmSpecification")


class Registry:
    """Operations on model package groups and model packages."""

    cloud: "Cloud"
    _registry_lock = threading.RLock()

    @property
    def _groups(self) -> Any:
        return self.cloud.store.table("sagemaker.package-groups")

    @property
    def _packages(self) -> Any:
        return self.cloud.store.table("sagemaker.packages")

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
            if any(p["ModelPackageGroupName"] == name for p in self._packages.values()):
                raise AwsError("ConflictException", f"Model Package Group {name} is not empty")
            del self._groups[name]

    @operation
    def create_model_package(self, call: Call, request: Record) -> Record:
        for name in _REFUSED:
            if name in request:
                raise validation(f"the local cloud does not take {name} of a model package")
        group_name = request.get("ModelPackageGroupName")
        if group_name is None:
            raise validation("the local cloud takes versioned packages: give ModelPackageGroupName")
        token = request.get("ClientToken")
        with self._registry_lock:
            group = self._group(group_name)
            group_name = group["ModelPackageGroupName"]
            for package in self._packages.values():
                if token and package.get("token") == token:
                    return {"ModelPackageArn": package["ModelPackageArn"]}
            group["last"] += 1
            self._groups.save(group_name)
            arn = self.cloud.arn("sagemaker", f"model-package/{group_name}/{group['last']}")
            kept = {
                key: value
                for key, value in request.items()
                if key not in ("ClientToken", "Tags", "ModelPackageGroupName")
            }
            package = {
                "ModelApprovalStatus": "PendingManualApproval",
                **kept,
                "ModelPackageGroupName": group_name,
                "ModelPackageVersion": group["last"],
                "ModelPackageArn": arn,
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
                "CreationTime": call.time,
                "CreatedBy": _by(call),
                "LastModifiedTime": call.time,
                "LastModifiedBy": _by(call),
                "token": token,
            }
            self._packages[arn] = package
        self._announce_package(package, None)
        return {"ModelPackageArn": arn}

    @operation
    def describe_model_package(self, call: Call, request: Record) -> Record:
        package = self._package(request["ModelPackageName"])
        told = {key: value for key, value in package.items() if key != "token"}
        version = package["ModelPackageVersion"]
        return {**told, "ModelPackageName": f"{package['ModelPackageGroupName']}/{version}"}

    @operation
    def list_model_packages(self, call: Call, request: Record) -> Record:
        found = list(self._packages.values())
        if "ModelPackageGroupName" in request:
            group = self._group(request["ModelPackageGroupName"])["ModelPackageGroupName"]
            found = [package for package in found if package["ModelPackageGroupName"] == group]
        if "ModelApprovalStatus" in request:
            wanted = request["ModelApprovalStatus"]
            found = [package for package in found if package["ModelApprovalStatus"] == wanted]
        return page(
            found,
            request,
            member="ModelPackageSummaryList",
            summary=lambda package: pick(
                package,
                "ModelPackageGroupName",
                "ModelPackageVersion",
                "ModelPackageArn",
                "ModelPackageDescription",
                "CreationTime",
                "ModelPackageStatus",
                "ModelApprovalStatus",
            ),
        )

    @operation
    def update_model_package(self, call: Call, request: Record) -> Record:
        with self._registry_lock:
            package = self._package(request["ModelPackageArn"])
            changed = []
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


def _by(call: Call) -> Record:
    return {
        "IamIdentity": {"Arn": call.principal, "PrincipalId": call.principal.rpartition("/")[2]}
    }
