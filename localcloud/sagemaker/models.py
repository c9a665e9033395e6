"""SageMaker models: what an endpoint can serve."""

from typing import TYPE_CHECKING, Any

from localcloud.api import Call, operation
from localcloud.errors import validation
from localcloud.sagemaker import images
from localcloud.sagemaker.listing import page, pick

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

Record = dict[str, Any]


class Models:
    """Operations on models."""

    cloud: "Cloud"

    @property
    def _models(self) -> Any:
        return self.cloud.store.table("sagemaker.models")

    @operation
    def create_model(self, call: Call, request: Record) -> Record:
        name = request["ModelName"]
        arn = self.cloud.arn("sagemaker", f"model/{name}")
        if name in self._models:
            raise validation(f'Cannot create already existing model "{arn}".')
        for unsupported in ("VpcConfig", "InferenceExecutionConfig"):
            if unsupported in request:
                raise validation(f"the local cloud does not take {unsupported} of a model")
        if request.get("EnableNetworkIsolation"):
            raise validation("the local cloud cannot isolate a model from the network")
        containers = request.get("Containers") or [request.get("PrimaryContainer")]
        if len(containers) != 1 or containers[0] is None:
            raise validation(
                "the local cloud serves models of one container: give PrimaryContainer"
            )
        container = self._container(containers[0])
        images.interpreter(container["Image"])
        self._models[name] = {
            "ModelName": name,
            "ModelArn": arn,
            "PrimaryContainer": container,
            "ExecutionRoleArn": request.get("ExecutionRoleArn"),
            "EnableNetworkIsolation": False,
            "CreationTime": call.time,
        }
        self.cloud.emit(
            "aws.sagemaker",
            "SageMaker Model State Change",
            {"ModelName": name, "ModelArn": arn, "CreationTime": int(call.time.timestamp() * 1000)},
            [arn],
        )
        return {"ModelArn": arn}

    def _container(self, given: Record) -> Record:
        if "ModelPackageName" in given:
            package = self.cloud.call(
                "sagemaker", "DescribeModelPackage", {"ModelPackageName": given["ModelPackageName"]}
            )
            first = package["InferenceSpecification"]["Containers"][0]
            return {**pick(first, "Image", "ModelDataUrl", "Environment"), **given}
        for wanted in ("Image", "ModelDataUrl"):
            if wanted not in given:
                raise validation(f"the container has no {wanted}")
        return dict(given)

    @operation
    def describe_model(self, call: Call, request: Record) -> Record:
        return dict(self.model(request["ModelName"]))

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
        model = self.model(request["ModelName"])
        del self._models[model["ModelName"]]

    def model(self, name: str) -> Record:
        """Return a model's record. Raises AwsError as AWS words it."""
        found: Record | None = self._models.get(name)
        if found is None:
            raise validation(
                f'Could not find model "{self.cloud.arn("sagemaker", f"model/{name}")}".'
            )
        return found
