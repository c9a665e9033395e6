"""Pipeline steps that make a resource: a model, a version in the registry, an endpoint."""

import json
from abc import ABC, abstractmethod
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.sagemaker.resolver import Json
from everloop_localcloud.sagemaker.step_scope import StepScope

_SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
# An endpoint's event wakes who waits; so many of the cloud's seconds later they look themselves.
_LOOK_AGAIN_SECONDS = 30.0


class StepFailed(Exception):
    """A step failed; `exception` is the kind that retry policies name, None where none does."""

    def __init__(self, reason: str, exception: str | None = None) -> None:
        super().__init__(reason)
        self.exception = exception


class ResourceSteps(ABC):
    """The part of a step that makes resources. Made again after a kill, they are made once."""

    _cloud: Account
    _execution: StepScope
    _step: Json
    _told: Json

    @abstractmethod
    def _call(self, operation: str, request: Json, service: str = "sagemaker") -> Json: ...

    @abstractmethod
    def _name(self, longest: int) -> str: ...

    @abstractmethod
    def _cached(self, arguments: Json) -> bool: ...

    @abstractmethod
    def _tag(self, arn: str) -> None: ...

    @abstractmethod
    def _executing(self, metadata: Json) -> None: ...

    def _noted_name(self) -> str:
        """Return the resource's name; it is noted before the resource is made."""
        if self._told.get("job") is None:
            self._told["job"] = self._name(63)
            self._execution.save()
        return str(self._told["job"])

    def _model(self) -> None:
        name = self._noted_name()
        arguments = text_maps(self._execution.resolver().resolve(self._step["Arguments"]))
        try:
            self._call("DescribeModel", {"ModelName": name})
        except StepFailed:
            self._call("CreateModel", {**arguments, "ModelName": name})
            self._cloud.propagation.spread("model", name)  # SageMaker waits for its own
        described = self._call("DescribeModel", {"ModelName": name})
        self._tag(described["ModelArn"])
        self._told["Metadata"] = {"Model": {"Arn": described["ModelArn"]}}
        self._told["properties"] = described

    def _register(self) -> None:
        arguments = self._execution.resolver().resolve(self._step["Arguments"])
        group = arguments["ModelPackageGroupName"]
        try:
            self._call("DescribeModelPackageGroup", {"ModelPackageGroupName": group})
        except StepFailed:
            self._call("CreateModelPackageGroup", {"ModelPackageGroupName": group})
        # The token makes a step that is run again after a crash register one version, not two.
        token = f"{self._execution.identifier}-{self._step['Name']}"[:36]
        by = {"GeneratedBy": self._execution.arn, **arguments.get("MetadataProperties", {})}
        more = {"ClientToken": token, "MetadataProperties": by}
        answer = self._call("CreateModelPackage", {**arguments, **more})
        arn = answer["ModelPackageArn"]
        # Of a version in a group AWS takes no tags; and yet its reference of permissions has it.
        self._tag(arn)
        self._told["Metadata"] = {"RegisterModel": {"Arn": arn}}
        self._told["properties"] = self._call("DescribeModelPackage", {"ModelPackageName": arn})

    def _endpoint_config(self) -> None:
        arguments = self._execution.resolver().resolve(self._step["Arguments"])
        if self._cached(arguments):
            return
        # A name that is given is the beginning of one: an execution makes a config of its own.
        name = self._noted_name()
        if "EndpointConfigName" in arguments:
            name = f"{arguments['EndpointConfigName'][:50]}-{self._execution.identifier}"
        try:
            self._call("DescribeEndpointConfig", {"EndpointConfigName": name})
        except StepFailed:
            self._call("CreateEndpointConfig", {**arguments, "EndpointConfigName": name})
            self._cloud.propagation.spread("endpoint config", name)
        described = self._call("DescribeEndpointConfig", {"EndpointConfigName": name})
        self._told["Metadata"] = {"EndpointConfig": {"Arn": described["EndpointConfigArn"]}}
        self._told["properties"] = described

    def _endpoint(self) -> None:
        arguments = self._execution.resolver().resolve(self._step["Arguments"])
        if self._cached(arguments):
            return
        name, config = arguments.get("EndpointName"), arguments["EndpointConfigName"]
        name = name or self._noted_name()
        try:
            there = self._call("DescribeEndpoint", {"EndpointName": name})
        except StepFailed:
            self._call("CreateEndpoint", {**arguments, "EndpointName": name})
        else:
            if there["EndpointConfigName"] != config and there["EndpointStatus"] == "InService":
                self._call("UpdateEndpoint", {"EndpointName": name, "EndpointConfigName": config})
        arn = self._cloud.arn("sagemaker", f"endpoint/{name}")
        self._executing({"Endpoint": {"Arn": arn}})
        described = self._settled(name, arn)
        self._told["properties"] = described
        if described["EndpointStatus"] != "InService" or described["EndpointConfigName"] != config:
            reason = described.get("FailureReason", f"it is {described['EndpointStatus']}")
            raise StepFailed(f"ClientError: endpoint {name} does not serve {config}: {reason}")

    def _settled(self, name: str, arn: str) -> Json:
        """Wait until an endpoint is neither made nor changed any more."""
        while True:
            signal = self._cloud.clock.signal()

            def heard(event: Json, wake: Any = signal) -> None:
                if arn in event["resources"]:
                    wake.set()

            forget = self._cloud.on_event(heard)
            try:
                described = self._call("DescribeEndpoint", {"EndpointName": name})
                if described["EndpointStatus"] in _SETTLED:
                    return described
                signal.wait(_LOOK_AGAIN_SECONDS)
            finally:
                forget()


def text_maps(arguments: Json) -> Json:
    """Turn values of string maps that functions made of another type into text."""
    for key in ("HyperParameters", "Environment", "StaticHyperParameters"):
        if isinstance(arguments.get(key), dict):
            arguments[key] = {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in arguments[key].items()
            }
    for key in ("TrainingJobDefinition", "PrimaryContainer"):
        if isinstance(arguments.get(key), dict):
            arguments[key] = text_maps(arguments[key])
    for key in ("TrainingJobDefinitions", "Containers"):
        if isinstance(arguments.get(key), list):
            arguments[key] = [text_maps(each) for each in arguments[key]]
    return arguments
