"""SageMaker's Model Registry: groups, versions, approvals, and who set them."""

from dataclasses import dataclass, field
from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from proofs.template import ACCOUNT, REGION

Params = dict[str, Any]
APPROVED, REJECTED, PENDING = "Approved", "Rejected", "PendingManualApproval"
_PAGE = 5  # versions; AWS gives 10 unless told


@dataclass
class Package:
    """A version, with the truth about it that only the simulator knows."""

    model: str
    version: int
    created: Any
    image: str
    model_data: str
    metadata: dict[str, str]
    better: bool = True  # than the champion, on the same rows
    faithful: bool = True  # it serves what it predicted offline
    digests: set[str] = field(default_factory=set)  # of what lay there as its model, ever
    approval: str = PENDING
    description: str = ""
    emergency: bool = False  # whether it ever was one, by anybody's words
    card: dict[str, str] = field(default_factory=dict)
    modified: Any = None
    modified_by: str = ""
    history: list[tuple[float, str, str]] = field(default_factory=list)  # time, approval, by whom

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{self.model}/{self.version}"

    def approval_at(self, when: float) -> str:
        found = PENDING
        for at, approval, _ in self.history:
            if at <= when:
                found = approval
        return found


class Registry:
    def __init__(self, account: Any) -> None:
        self._account = account
        self.groups: dict[str, list[Package]] = {}

    def find(self, arn: str) -> Package | None:
        model, _, version = arn.partition(":model-package/")[2].partition("/")
        for package in self.groups.get(model, ()):
            if str(package.version) == version:
                return package
        return None

    def made_of(self, model_data: str) -> Package:
        """Return the version whose model lies there."""
        for packages in self.groups.values():
            for package in packages:
                sealed = f"/models/{package.model}/" in model_data
                if package.model_data == model_data or (
                    sealed and model_data.split("/")[-2] in package.digests
                ):
                    return package
        raise LookupError(f"nobody registered {model_data}")

    def register(self, model: str, **truth: Any) -> Package:
        """Add a version to its group, as a pipeline's last step does."""
        group = self.groups.setdefault(model, [])
        package = Package(model, len(group) + 1, self._account.kernel.moment(), **truth)
        package.modified = package.created
        package.history.append((self._account.kernel.now, PENDING, "pipeline"))
        group.append(package)
        self._tell(package, None)
        return package

    # what clients call

    def create_model_package_group(self, caller: Any, params: Params) -> Params:
        name = params["ModelPackageGroupName"]
        if name in self.groups:
            raise AwsError("ValidationException", f"Model Package Group already exists: {name}")
        self.groups[name] = []
        return {"ModelPackageGroupArn": _group_arn(name)}

    def describe_model_package_group(self, caller: Any, params: Params) -> Params:
        name = params["ModelPackageGroupName"]
        self._group(name)
        return {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": _group_arn(name),
            "CreationTime": self._account.kernel.moment(),
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
        }

    def list_model_packages(self, caller: Any, params: Params) -> Params:
        found = sorted(
            self._group(params["ModelPackageGroupName"]), key=lambda p: p.version, reverse=True
        )
        start = int(params.get("NextToken") or 0)
        page = found[start : start + _PAGE]
        more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(found) else {}
        keep = ("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "CreationTime",
                "ModelPackageStatus", "ModelApprovalStatus")  # fmt: skip
        rows = [{key: _described(package)[key] for key in keep} for package in page]
        return {"ModelPackageSummaryList": rows, **more}

    def describe_model_package(self, caller: Any, params: Params) -> Params:
        return _described(self._package(params["ModelPackageName"]))

    def update_model_package(self, caller: Any, params: Params) -> Params:
        package = self._package(params["ModelPackageArn"])
        package.description = params.get("ApprovalDescription") or package.description
        package.emergency |= package.description.startswith("emergency:")
        package.modified = self._account.kernel.moment()
        package.modified_by = caller.name
        updated = ["ModifiedTime"]
        if "ModelApprovalStatus" in params:
            package.approval = params["ModelApprovalStatus"]
            package.history.append((self._account.kernel.now, package.approval, caller.name))
            updated.append("ModelApprovalStatus")
        if "ModelCard" in params:
            package.card = params["ModelCard"]
            updated.append("ModelCard")
        if "CustomerMetadataProperties" in params:
            package.metadata = {**package.metadata, **params["CustomerMetadataProperties"]}
            updated.append("CustomerMetadataProperties")
        said = f"{package.model} v{package.version} is {package.approval} by {caller.name}"
        self._account.note("registry", said)
        self._tell(package, updated)
        return {"ModelPackageArn": package.arn}

    def _group(self, name: str) -> list[Package]:
        if name not in self.groups:
            raise AwsError(
                "ValidationException", f"ModelPackageGroup {_group_arn(name)} does not exist."
            )
        return self.groups[name]

    def _package(self, arn: str) -> Package:
        found = self.find(arn)
        if found is None:
            raise AwsError("ValidationException", f"ModelPackage {arn} does not exist.")
        return found

    def _tell(self, package: Package, updated: list[str] | None) -> None:
        detail = {
            "ModelPackageGroupName": package.model,
            "ModelPackageVersion": package.version,
            "ModelPackageArn": package.arn,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": package.approval,
            "CreationTime": int(package.created.timestamp() * 1000),
        }
        if updated:
            detail["UpdatedModelPackageFields"] = updated
            detail["LastModifiedTime"] = f"{package.modified:%Y-%m-%dT%H:%M:%SZ}"
        kind = "SageMaker Model Package State Change"
        self._account.bus.emit("aws.sagemaker", kind, detail, [package.arn])


def _group_arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{name}"


def _described(package: Package) -> Params:
    by = {"IamIdentity": {"Arn": f"arn:aws:iam::{ACCOUNT}:user/{package.modified_by}"}}
    return {
        "ModelPackageName": f"{package.model}/{package.version}",
        "ModelPackageGroupName": package.model,
        "ModelPackageVersion": package.version,
        "ModelPackageArn": package.arn,
        "CreationTime": package.created,
        "LastModifiedTime": package.modified,
        **({"LastModifiedBy": by} if package.modified_by else {}),
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "ModelApprovalStatus": package.approval,
        "ApprovalDescription": package.description,
        "CustomerMetadataProperties": package.metadata,
        **({"ModelCard": package.card} if package.card else {}),
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": package.image,
                    "ModelDataUrl": package.model_data,
                    "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    }
