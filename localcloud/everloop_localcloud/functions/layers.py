"""Layers: numbered, immutable versions of content that functions share."""

from typing import Any

from everloop_localcloud.functions import records
from everloop_localcloud.functions.code import sha256_of
from everloop_localcloud.functions.names import layer_name, layer_version
from everloop_localcloud.functions.pages import paged
from everloop_localcloud.functions.part import Part
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

_MOST_LAYERS = 5
_DESCRIBED = ("Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")


class Layers(Part):
    """Publishing and finding layer versions."""

    def zip_content(self, code: dict[str, Any]) -> bytes:
        """Return the zip that a request gives, in itself or in S3."""
        if code.get("ImageUri"):
            raise records.invalid("the local cloud runs functions of PackageType Zip only")
        if code.get("ZipFile") is not None:
            return bytes(code["ZipFile"])
        if not code.get("S3Bucket") or not code.get("S3Key"):
            raise records.invalid("Please provide a source for function code.")
        where = {"Bucket": code["S3Bucket"], "Key": code["S3Key"]}
        if code.get("S3ObjectVersion"):
            where["VersionId"] = code["S3ObjectVersion"]
        try:
            body = self.cloud.call("s3", "GetObject", where)["Body"]
        except AwsError as error:
            raise records.invalid(
                f"Error occurred while GetObject of s3://{where['Bucket']}/{where['Key']}. "
                f"S3 Error Code: {error.code}. S3 Error Message: {error.message}"
            ) from error
        return body if isinstance(body, bytes) else bytes(body.read())

    def resolve_layers(self, arns: list[str]) -> list[dict[str, Any]]:
        """Return what a function must know of its layers. Raises AwsError for one that is not."""
        if len(arns) > _MOST_LAYERS:
            raise records.invalid(f"a function has at most {_MOST_LAYERS} layers, not {len(arns)}")
        resolved = []
        for arn in arns:
            version = self._version(*layer_version(arn))
            resolved.append(
                {
                    "Arn": arn,
                    "CodeSize": version["CodeSize"],
                    "Digest": version["Digest"],
                    "Unpacked": version["Unpacked"],
                }
            )
        return resolved

    def _version(self, name: str, number: int) -> dict[str, Any]:
        known = self.state.layers.get(name, {}).get("Versions", {}).get(str(number))
        if known is None:
            raise AwsError(
                "ResourceNotFoundException",
                f"Layer version {self._arn(name)}:{number} does not exist.",
                404,
                Type="User",
            )
        found: dict[str, Any] = known
        return found

    @operation
    def publish_layer_version(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = layer_name(request["LayerName"])
        content = self.zip_content(request["Content"])
        digest, unpacked = self.state.code.put(content)
        with self.state.lock:
            layer: dict[str, Any] = self.state.layers.get(name) or {"Last": 0, "Versions": {}}
            layer["Last"] += 1
            number = layer["Last"]
            version: dict[str, Any] = {
                "Number": number,
                "Digest": digest,
                "Unpacked": unpacked,
                "CodeSize": len(content),
                "CodeSha256": sha256_of(content),
                "Created": call.time,
            }
            version |= {key: request[key] for key in _DESCRIBED if key in request}
            layer["Versions"][str(number)] = version
            self.state.layers[name] = layer
        return self._version_shown(name, number)

    @operation
    def get_layer_version(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self._version_shown(layer_name(request["LayerName"]), request["VersionNumber"])

    @operation
    def get_layer_version_by_arn(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self._version_shown(*layer_version(request["Arn"]))

    @operation
    def list_layer_versions(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = layer_name(request["LayerName"])
        versions: dict[str, Any] = self.state.layers.get(name, {}).get("Versions", {})
        numbers = sorted((int(number) for number in versions), reverse=True)
        before = int(request.get("Marker", numbers[0] + 1 if numbers else 1))
        left = [number for number in numbers if number < before]
        page = left[: request.get("MaxItems", 50)]
        answer: dict[str, Any] = {"LayerVersions": [self._summary(name, n) for n in page]}
        if len(page) < len(left):
            answer["NextMarker"] = str(page[-1])
        return answer

    @operation
    def list_layers(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        versions = {name: self.state.layers[name]["Versions"] for name in sorted(self.state.layers)}
        page, marker = paged([name for name in versions if versions[name]], request, 50)
        layers = [
            {
                "LayerName": name,
                "LayerArn": self._arn(name),
                "LatestMatchingVersion": self._summary(name, max(map(int, versions[name]))),
            }
            for name in page
        ]
        return {"Layers": layers, "NextMarker": marker} if marker else {"Layers": layers}

    @operation
    def delete_layer_version(self, call: Call, request: dict[str, Any]) -> None:
        """Forget a version; functions that have it keep its content, as on AWS."""
        name = layer_name(request["LayerName"])
        with self.state.lock:
            layer = self.state.layers.get(name)
            if layer and layer["Versions"].pop(str(request["VersionNumber"]), None):
                self.state.layers[name] = (
                    layer  # numbers are never given twice, even if none is left
                )

    def _arn(self, name: str) -> str:
        return self.cloud.arn("lambda", f"layer:{name}")

    def _summary(self, name: str, number: int) -> dict[str, Any]:
        version = self._version(name, number)
        answer = {
            "LayerVersionArn": f"{self._arn(name)}:{number}",
            "Version": number,
            "CreatedDate": f"{version['Created']:%Y-%m-%dT%H:%M:%S.000}+0000",
        }
        for key in _DESCRIBED:
            if key in version:
                answer[key] = version[key]
        return answer

    def _version_shown(self, name: str, number: int) -> dict[str, Any]:
        version = self._version(name, number)
        return {
            **self._summary(name, number),
            "LayerArn": self._arn(name),
            "Content": {"CodeSha256": version["CodeSha256"], "CodeSize": version["CodeSize"]},
        }
