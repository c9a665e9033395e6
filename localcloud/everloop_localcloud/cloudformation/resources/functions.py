"""Resource types of Lambda."""

import io
import zipfile
from typing import Any, ClassVar

from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Replaced,
    Site,
    only,
    picked,
    tag_changes,
    tag_map,
)

_EPOCH = (1980, 1, 1, 0, 0, 0)


def _inline(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py", _EPOCH), source)
    return buffer.getvalue()


def _code(given: dict[str, Any]) -> dict[str, Any]:
    only(given, {"S3Bucket", "S3Key", "S3ObjectVersion", "ZipFile"}, "Code of a function")
    if "ZipFile" in given:
        return {"ZipFile": _inline(given["ZipFile"])}
    return dict(given)


class Function(Kind):
    type = "AWS::Lambda::Function"
    _configuration = (
        "Role",
        "Handler",
        "Runtime",
        "Description",
        "Timeout",
        "MemorySize",
        "DeadLetterConfig",
        "Environment",
        "TracingConfig",
        "EphemeralStorage",
        "LoggingConfig",
        "KmsKeyArn",
        "Layers",
        "VpcConfig",
        "SnapStart",
        "FileSystemConfigs",
        "ImageConfig",
    )
    # What a property goes back to when a template drops it.
    _dropped: ClassVar[tuple[tuple[str, Any], ...]] = (
        ("Description", ""),
        ("Timeout", 3),
        ("MemorySize", 128),
        ("DeadLetterConfig", {}),
        ("Environment", {}),
        ("TracingConfig", {"Mode": "PassThrough"}),
        ("EphemeralStorage", {"Size": 512}),
        ("KmsKeyArn", ""),
        ("Layers", []),
    )
    properties = frozenset(
        {
            "FunctionName",
            "Code",
            "Architectures",
            "PackageType",
            "ReservedConcurrentExecutions",
            "Tags",
            *_configuration,
        }
    )
    required = frozenset({"Code", "Role"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("FunctionName") or site.name(64)
        request = {
            "FunctionName": name,
            "Code": _code(given["Code"]),
            **self._configured(given),
            **picked(given, ("Architectures", "PackageType")),
        }
        if given.get("Tags"):
            request["Tags"] = tag_map(given["Tags"])
        answer = site.call("lambda", "CreateFunction", request)
        try:
            self._reserve(site, name, given)
        except Exception:
            site.gone("lambda", "DeleteFunction", {"FunctionName": name})
            raise
        return Made(name, {"Arn": answer["FunctionArn"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        where = {"FunctionName": ref}
        if any(before.get(key) != given.get(key) for key in ("Code", "Architectures")):
            request = {**where, **_code(given["Code"]), **picked(given, ("Architectures",))}
            site.call("lambda", "UpdateFunctionCode", request)
        if any(before.get(key) != given.get(key) for key in self._configuration):
            gone = {k: v for k, v in self._dropped if k in before and k not in given}
            request = self._configured({**given, **gone})
            site.call("lambda", "UpdateFunctionConfiguration", {**where, **request})
        if before.get("ReservedConcurrentExecutions") != given.get("ReservedConcurrentExecutions"):
            self._reserve(site, ref, given)
        arn = site.cloud.arn("lambda", f"function:{ref}")
        _retag(site, arn, before, given)
        return Made(ref, {"Arn": arn})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("lambda", "DeleteFunction", {"FunctionName": ref})

    def _configured(self, given: dict[str, Any]) -> dict[str, Any]:
        request = picked(given, self._configuration)
        if "KmsKeyArn" in request:
            request["KMSKeyArn"] = request.pop("KmsKeyArn")
        return request

    @staticmethod
    def _reserve(site: Site, name: str, given: dict[str, Any]) -> None:
        reserved = given.get("ReservedConcurrentExecutions")
        if reserved is None:
            site.call("lambda", "DeleteFunctionConcurrency", {"FunctionName": name})
        else:
            request = {"FunctionName": name, "ReservedConcurrentExecutions": reserved}
            site.call("lambda", "PutFunctionConcurrency", request)


def _retag(site: Site, arn: str, before: dict[str, Any], given: dict[str, Any]) -> None:
    new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
    if gone:
        site.call("lambda", "UntagResource", {"Resource": arn, "TagKeys": gone})
    if new:
        site.call("lambda", "TagResource", {"Resource": arn, "Tags": new})


class LayerVersion(Replaced):
    type = "AWS::Lambda::LayerVersion"
    _direct = ("Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")
    properties = frozenset({"LayerName", "Content", *_direct})
    required = frozenset({"Content"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("LayerName") or site.name(140)
        request = {"LayerName": name, "Content": given["Content"], **picked(given, self._direct)}
        arn = site.call("lambda", "PublishLayerVersion", request)["LayerVersionArn"]
        return Made(arn, {"LayerVersionArn": arn})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        layer, _, number = ref.rpartition(":")
        request = {"LayerName": layer, "VersionNumber": int(number)}
        site.gone("lambda", "DeleteLayerVersion", request)


class Permission(Replaced):
    type = "AWS::Lambda::Permission"
    _direct = (
        "FunctionName",
        "Action",
        "Principal",
        "SourceArn",
        "SourceAccount",
        "PrincipalOrgID",
    )
    properties = frozenset(_direct)
    required = frozenset({"FunctionName", "Action", "Principal"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        sid = site.name(100)
        request = {"StatementId": sid, **picked(given, self._direct)}
        site.call("lambda", "AddPermission", request)
        return Made(sid, {"Id": sid})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        request = {"FunctionName": given["FunctionName"], "StatementId": ref}
        site.gone("lambda", "RemovePermission", request)


class EventSourceMapping(Kind):
    type = "AWS::Lambda::EventSourceMapping"
    _direct = (
        "FunctionName",
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "ScalingConfig",
        "FunctionResponseTypes",
        "Enabled",
        "FilterCriteria",
        "MetricsConfig",
    )
    properties = frozenset({"EventSourceArn", "Tags", *_direct})
    required = frozenset({"FunctionName"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        request = picked(given, ("EventSourceArn", *self._direct))
        if given.get("Tags"):
            request["Tags"] = tag_map(given["Tags"])
        return self._made(site.call("lambda", "CreateEventSourceMapping", request))

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        request = {"UUID": ref, **picked(given, self._direct)}
        dropped = {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "ScalingConfig": {}}
        dropped |= {"FunctionResponseTypes": [], "Enabled": True}
        for key, value in dropped.items():
            if key in before and key not in given:
                request[key] = value
        made = self._made(site.call("lambda", "UpdateEventSourceMapping", request))
        _retag(site, made.attributes["EventSourceMappingArn"], before, given)
        return made

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("lambda", "DeleteEventSourceMapping", {"UUID": ref})

    @staticmethod
    def _made(answer: dict[str, Any]) -> Made:
        found = {"Id": answer["UUID"], "EventSourceMappingArn": answer["EventSourceMappingArn"]}
        return Made(answer["UUID"], found)


class EventInvokeConfig(Kind):
    type = "AWS::Lambda::EventInvokeConfig"
    _direct = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
    properties = frozenset({"FunctionName", "Qualifier", *_direct})
    required = frozenset({"FunctionName", "Qualifier"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        request = picked(given, ("FunctionName", "Qualifier", *self._direct))
        site.call("lambda", "PutFunctionEventInvokeConfig", request)
        return Made(site.name(128))

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        self.create(site, given)
        return Made(ref)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        where = picked(given, ("FunctionName", "Qualifier"))
        site.gone("lambda", "DeleteFunctionEventInvokeConfig", where)


KINDS: tuple[Kind, ...] = (
    Function(),
    LayerVersion(),
    Permission(),
    EventSourceMapping(),
    EventInvokeConfig(),
)
