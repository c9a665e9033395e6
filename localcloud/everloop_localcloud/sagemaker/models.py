"""SageMaker models: what an endpoint can serve."""

import re
import threading
from typing import Any, Protocol

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import hosting_events
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.model_files import place
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.tag_store import TagStore

Record = dict[str, Any]

_NAME = re.compile(r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?")
_LONGEST_NAME = 63
_UNSUPPORTED_MODEL = ("InferenceExecutionConfig",)
_UNSUPPORTED_CONTAINER = (
    "AdditionalModelDataSources",
    "ContainerMetricsConfig",
    "InferenceSpecificationName",
    "ModelDataSource",
    "MultiModelConfig",
)


class ModelRecords(Protocol):
    """Models, as those that serve them see them."""

    def model(self, name: str) -> Record: ...

    def seen(self, name: str) -> Record: ...


class Models(Part):
    """Operations on models."""

    def __init__(self, cloud: Account, tags: TagStore) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._models = cloud.store.table("sagemaker.models")
        self._models_lock = threading.Lock()

    def records(self) -> dict[str, Records]:
        return {"model": self._models}

    @operation
    def create_model(self, call: Call, request: Record) -> Record:
        name = request["ModelName"]
        check_name(name, "modelName")
        arn = self.cloud.arn("sagemaker", f"model/{name}")
        if name in self._models:
            raise validation(f'Cannot create already existing model "{arn}".')
        refuse(request, _UNSUPPORTED_MODEL, "of a model")
        container = _only_container(request)
        serving = self._serving(container)
        self._find_data(serving)
        model = {
            "ModelName": name,
            "ModelArn": arn,
            **pick(request, "ExecutionRoleArn", "VpcConfig"),
            "EnableNetworkIsolation": bool(request.get("EnableNetworkIsolation")),
            "CreationTime": call.time,
            "serving": serving,
        }
        told = {"Mode": "SingleModel", **container}
        if "Containers" in request:
            model["Containers"] = [told]
        else:
            model["PrimaryContainer"] = told
        with self._models_lock:
            if name in self._models:
                raise validation(f'Cannot create already existing model "{arn}".')
            self._models[name] = model
        self.cloud.propagation.made("model", name)
        self._tags.keep(arn, request)
        hosting_events.announce_model(self.cloud, self._tags, model)
        return {"ModelArn": arn}

    @operation
    def describe_model(self, call: Call, request: Record) -> Record:
        model = self.seen(request["ModelName"])
        return {key: value for key, value in model.items() if key != "serving"}

    @operation
    def list_models(self, call: Call, request: Record) -> Record:
        return page(
            self._models.values(),
            request,
            member="Models",
            name="ModelName",
            summary=lambda model: pick(model, "ModelName", "ModelArn", "CreationTime"),
        )

    @operation
    def delete_model(self, call: Call, request: Record) -> None:
        with self._models_lock:
            model = self.model(request["ModelName"])
            del self._models[model["ModelName"]]
        self._tags.drop(model["ModelArn"])

    def model(self, name: str) -> Record:
        """Return a model's record; its `serving` is image, data and environment, resolved.

        Raises AwsError as AWS words it.
        """
        found: Record | None = self._models.get(name)
        if found is None:
            raise self._absent(name)
        return found

    def seen(self, name: str) -> Record:
        """Return a model's record as others read it: a new one may not be found yet."""
        found = self.model(name)
        if self.cloud.propagation.misses("model", name):
            raise self._absent(name)
        return found

    def _absent(self, name: str) -> AwsError:
        arn = self.cloud.arn("sagemaker", f"model/{name}")
        return validation(f'Could not find model "{arn}".')

    def _serving(self, container: Record) -> Record:
        package_name = container.get("ModelPackageName")
        own = pick(container, "Image", "ModelDataUrl", "Environment")
        if package_name is None:
            if "Image" not in own:
                raise validation("the container names neither Image nor ModelPackageName")
            return own
        for contradiction in ("Image", "ModelDataUrl"):
            if contradiction in own:
                raise validation(f"the container has ModelPackageName and {contradiction}: one")
        wanted = {"ModelPackageName": package_name}
        package = self.cloud.call("sagemaker", "DescribeModelPackage", wanted)
        containers = (package.get("InferenceSpecification") or {}).get("Containers", [])
        if len(containers) != 1:
            raise validation(
                f"model package {package_name} has {len(containers)} containers;"
                " the local cloud serves models of one"
            )
        packed = pick(containers[0], "Image", "ModelDataUrl", "Environment")
        packed["Environment"] = {**packed.get("Environment", {}), **own.get("Environment", {})}
        return packed

    def _find_data(self, serving: Record) -> None:
        url = serving.get("ModelDataUrl")
        if url is None:
            return
        try:
            bucket, key = place(url)
        except ValueError as error:
            raise validation(f"ModelDataUrl {error}") from error
        try:
            self.cloud.call("s3", "HeadObject", {"Bucket": bucket, "Key": key})
        except AwsError as error:
            raise validation(f"Could not find model data at {url}.") from error


def check_name(name: str, member: str) -> None:
    """Raise AwsError, worded as AWS does, if a model, endpoint or config cannot have this name."""
    complaint = f"1 validation error detected: Value '{name}' at '{member}' failed to satisfy"
    if len(name) > _LONGEST_NAME:
        raise validation(
            f"{complaint} constraint: Member must have length less than or equal to {_LONGEST_NAME}"
        )
    if not _NAME.fullmatch(name):
        raise validation(
            f"{complaint} constraint: Member must satisfy regular expression pattern:"
            f" {_NAME.pattern}"
        )


def refuse(given: Record, names: tuple[str, ...], of: str) -> None:
    """Raise AwsError for the first of these members that is there: nothing is dropped silently."""
    for name in names:
        if given.get(name):
            raise validation(f"the local cloud does not take {name} {of}")


def _only_container(request: Record) -> Record:
    both = "PrimaryContainer" in request and "Containers" in request
    containers = request.get("Containers") or [request.get("PrimaryContainer")]
    if both or len(containers) != 1 or not containers[0]:
        raise validation(
            "the local cloud serves models of one container: give PrimaryContainer or one"
            " of Containers"
        )
    container: Record = containers[0]
    refuse(container, _UNSUPPORTED_CONTAINER, "of a container")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise validation(f"the local cloud does not take Mode {container['Mode']} of a container")
    return container
